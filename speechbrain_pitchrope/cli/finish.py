"""What a recipe may do at the end of a run, in one call."""

import logging
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_pitchrope.cli.report import write_report
from speechbrain_pitchrope.runs.package import package_run

logger = get_logger(__name__)


def after_training(output_folder, package=False, report=False):
    """Package a tested run, write its report, or both; ``train.py`` calls this.

    In a recipe's yaml::

        after_training: !name:speechbrain_pitchrope.cli.finish.after_training
            package: True
            report: True

    ``package`` and ``report.html`` are put into the output folder, as by the commands.
    """
    if package:
        logger.info("The package: %s", package_run(output_folder))
    if report:
        # SpeechBrain's log.txt takes all that is said; these say a lot about fonts.
        for name in ("matplotlib", "PIL"):
            logging.getLogger(name).setLevel(logging.WARNING)
        path = Path(output_folder).absolute() / "report.html"
        missing = write_report(output_folder, path)
        logger.info("The report: %s", path)
        for text in missing:
            logger.warning("Missing in the report: %s", text)

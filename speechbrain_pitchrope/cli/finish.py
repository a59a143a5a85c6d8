"""What a recipe may do at the end of a run, in one call."""

import logging

from speechbrain.utils.logger import get_logger

from speechbrain_pitchrope.cli.report import write_report
from speechbrain_pitchrope.figures.style import require_matplotlib
from speechbrain_pitchrope.runs.package import package_run

logger = get_logger(__name__)


def after_training(output_folder, package=False, report=False):
    """Package a tested run, write its report, or both; ``train.py`` calls this.

    In a recipe's yaml::

        after_training: !name:speechbrain_pitchrope.cli.finish.after_training
            package: True
            report: True

    Arguments
    ---------
    output_folder : str
        The run's output folder.
    package : bool
        Whether to make ``package`` in it (``pitchrope package``).
    report : bool
        Whether to write ``report.html`` into it (``pitchrope report``).
    """
    if package:
        logger.info("The package: %s", package_run(output_folder))
    if report:
        require_matplotlib()
        # SpeechBrain's log.txt takes all that is said; these say a lot about fonts.
        for name in ("matplotlib", "PIL"):
            logging.getLogger(name).setLevel(logging.WARNING)
        path, missing = write_report(output_folder)
        logger.info("The report: %s", path)
        for text in missing:
            logger.warning("Missing in the report: %s", text)

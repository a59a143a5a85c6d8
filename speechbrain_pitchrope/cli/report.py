"""``pitchrope report``: the results of a training run on one page of HTML."""

import sys
from pathlib import Path

from speechbrain_pitchrope.cli.options import add_force, number, refuse_existing
from speechbrain_pitchrope.cli.package import EXECUTES


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "run_folder", metavar="OUTPUT_FOLDER", help="output folder of train.py"
    )
    parser.add_argument(
        "--out", help="where to save, .html (default: OUTPUT_FOLDER/report.html)"
    )
    parser.add_argument(
        "--utterances",
        type=number(int, 0),
        default=3,
        metavar="N",
        help="utterances to draw and to listen to, from the worst to the best "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--data-folder",
        metavar="DIR",
        help="where the corpus is now (default: where it was in the training)",
    )
    add_force(parser)
    parser.epilog = (
        "Exit code 1 if something is missing on the page; the page is written all the "
        f"same, and says what. {EXECUTES}"
    )


def run(args):
    """Write the page, say where it is and how large, and what it lacks."""
    from speechbrain_pitchrope.runs.run import open_run

    opened = open_run(args.run_folder)  # before torch is loaded
    path = Path(args.out or opened.folder / "report.html")
    refuse_existing(path, args.force)
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out is {path}: a report is HTML, name a file .html")
    from speechbrain_pitchrope.report import write_report

    missing = write_report(opened, path, args.utterances, args.data_folder)
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    for text in missing:
        print(f"pitchrope report: missing on the page: {text}", file=sys.stderr)
    return 1 if missing else 0

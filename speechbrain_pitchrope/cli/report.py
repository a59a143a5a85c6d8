"""``pitchrope report``: the results of a training run on one page of HTML.

The page is one file that fetches nothing: error rates, the worst utterances aligned,
figures and recordings of some, what was learned of pitch, and the settings.
"""

import sys
from pathlib import Path

from speechbrain_pitchrope.cli.options import add_force, refuse_existing
from speechbrain_pitchrope.cli.package import EXECUTES

UTTERANCES = 3


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
        type=int,
        default=UTTERANCES,
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

    folder = open_run(args.run_folder).folder
    refuse_existing(args.out or folder / "report.html", args.force)
    path, missing = write_report(
        args.run_folder, args.out, args.utterances, args.data_folder
    )
    print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    for text in missing:
        print(f"pitchrope report: missing on the page: {text}", file=sys.stderr)
    return 1 if missing else 0


def write_report(output_folder, out=None, utterances=UTTERANCES, data_folder=None):
    """Write the page of a run, of our recipe or of a swapped one.

    This runs what the run's hyperparams.yaml names. A run that is not finished or not
    tested yet has a page too, of what there is.

    Arguments
    ---------
    output_folder : str
        The run's output folder.
    out : str, optional
        Where to; ``report.html`` in the output folder if not given.
    utterances : int
        How many utterances of the tests to draw, evenly spaced from the worst to the
        best.
    data_folder : str, optional
        Where the corpus is now, if it was moved since the training.

    Returns
    -------
    path : pathlib.Path
        The page.
    missing : list of str
        What should be on it and isn't, and why; the page says so too.

    Raises
    ------
    ValueError
        If it is no run's folder, or if there is nothing to report yet.
    """
    if utterances < 0:
        raise ValueError(f"{utterances} utterances to draw: give 0 or more")
    path = Path(out or Path(output_folder).absolute() / "report.html")
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out is {path}: a report is HTML, name a file .html")
    from speechbrain_pitchrope.figures.style import require_matplotlib

    require_matplotlib()
    from speechbrain_pitchrope.files import write_whole
    from speechbrain_pitchrope.report.facts import gather
    from speechbrain_pitchrope.report.page import page
    from speechbrain_pitchrope.report.recordings import Recordings, choose

    facts = gather(output_folder)
    recordings = Recordings(facts.run, data_folder)
    chosen = choose(facts, recordings, utterances)
    html, missing = page(facts, chosen, recordings)
    write_whole(path, html.encode())
    return path, missing

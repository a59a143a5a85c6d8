"""``pitchrope report``: the results of a training run on one page of HTML.

The page is one file that fetches nothing: error rates, the worst utterances aligned,
figures and recordings of some, what was learned of pitch, and the settings.
"""

from pathlib import Path
from typing import NamedTuple

UTTERANCES = 3


class Report(NamedTuple):
    """What was written.

    Arguments
    ---------
    path : pathlib.Path
        The page.
    missing : list of str
        What should be on it and isn't, and why; the page says so too.
    """

    path: Path
    missing: list


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "run_folder", metavar="OUTPUT_FOLDER", help="output folder of train.py"
    )
    parser.add_argument(
        "--out", help="where to save (default: OUTPUT_FOLDER/report.html)"
    )
    parser.add_argument(
        "--utterances",
        type=int,
        default=UTTERANCES,
        metavar="N",
        help="utterances to draw and to hear, from the worst to the best (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--data-folder",
        metavar="DIR",
        help="where the corpus is now (default: where it was in the training)",
    )
    parser.epilog = (
        "Exit code 1 if something is missing on the page; the page is written all the "
        "same, and says what."
    )


def run(args):
    """Write the page, say where it is and how large, and what it lacks."""
    import sys

    report = write_report(args.run_folder, args.out, args.utterances, args.data_folder)
    print(f"{report.path} ({report.path.stat().st_size / 1e6:.1f} MB)")
    for text in report.missing:
        print(f"pitchrope report: missing on the page: {text}", file=sys.stderr)
    return 1 if report.missing else 0


def write_report(output_folder, out=None, utterances=UTTERANCES, data_folder=None):
    """Write the page of a run of ``recipes/LibriSpeech/ASR/transformer/train.py``.

    A run that is not finished or not tested yet has a page too, of what there is.

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
    Report

    Raises
    ------
    ValueError
        If it is no run's folder, or a run of which there is nothing to report yet, or
        if the page can't be where it shall be.
    ImportError
        If matplotlib is not installed.
    """
    from speechbrain_pitchrope.figures.style import require_matplotlib

    require_matplotlib()
    if utterances < 0:
        raise ValueError(f"{utterances} utterances to draw: give 0 or more")
    if out is not None and Path(out).is_dir():
        raise ValueError(f"{out} is a folder: give a file in it, {out}/report.html")
    from speechbrain_pitchrope.files import write_whole
    from speechbrain_pitchrope.report import figures
    from speechbrain_pitchrope.report.facts import gather
    from speechbrain_pitchrope.report.page import page
    from speechbrain_pitchrope.report.recordings import Recordings, choose

    facts = gather(output_folder)
    recordings = Recordings(facts.settings, data_folder)
    chosen = choose(facts, recordings, utterances)
    shown = [figures.show(facts, one, recordings) for one in chosen]
    course = figures.draw_training(facts.log) if facts.log else None
    path = Path(out or facts.folder / "report.html")
    write_whole(path, page(facts, shown, course).encode())
    faults = [fault for one in shown for fault in one.faults]
    return Report(path, [*facts.missing, *faults])

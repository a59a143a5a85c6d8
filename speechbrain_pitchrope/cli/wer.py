"""``pitchrope wer``: the error rates of training runs, from files of their tests."""

import unicodedata

from speechbrain_pitchrope.cli.options import add_tones, table
from speechbrain_pitchrope.scoring.significance import rate_text
from speechbrain_pitchrope.scoring.systems import find_tests, score_tones
from speechbrain_pitchrope.scoring.tones import confusion_matrix
from speechbrain_pitchrope.scoring.wer_files import read_errors


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="output folders of train.py, or files wer_<split>.txt",
    )
    add_tones(parser)


def run(args):
    """Print a line for each test split of each run."""
    kind = "hyp" if args.tones else "wer"
    files = [path for name in args.paths for path in find_tests(name, kind)]
    if not args.tones:
        header = ("WER (%)", "CER (%)", "ins", "del", "sub", "words")
        print(table([(*header, "utterances", "file"), *map(errors_row, files)]))
        return 0
    scores = {path: score_tones(path)[1] for path in files}
    rows = [("toned (%)", "base (%)", "tone (%)", "units", "matched")]
    rows[0] += ("utterances", "file")
    for path, errors in scores.items():
        rates = [rate_text(*counts) for counts in errors.measures.values()]
        counts = [f"{count.sum():.0f}" for count in (errors.units, errors.matched)]
        rows.append((*rates, *counts, len(errors.ids), path))
    print(table(rows))
    for path, errors in scores.items():
        print("", f"tones of {path}", confusion_table(errors.confusions), sep="\n")
    return 0


def errors_row(path):
    """A test's word errors, and the rate of its character errors if it is there."""
    if path.name.startswith("cer_"):
        raise ValueError(f"{path} counts characters: give the wer_ file beside it")
    wer = read_errors(path)
    cer_path = path.with_name(f"cer{path.name.removeprefix('wer')}")
    cer = f"{read_errors(cer_path).rate:.2f}" if cer_path.is_file() else "-"
    counts = (wer.insertions, wer.deletions, wer.substitutions, wer.words)
    return f"{wer.rate:.2f}", cer, *counts, wer.utterances, path


def confusion_table(confusions):
    """A confusion matrix: a row a tone said, a column a tone recognised."""
    tones, matrix = confusion_matrix(confusions)
    names = [name_tone(tone) for tone in tones]
    rows = [("said", *names, "right (%)")]
    for i, row in enumerate(matrix):
        if row.sum():
            rows.append((names[i], *row, f"{100 * row[i] / row.sum():.2f}"))
    return table(rows)


def name_tone(tone):
    """A number as it is; accents by their names in Unicode; "none" for no tone."""
    if tone.isdigit():
        return tone
    names = [unicodedata.name(mark, mark).removeprefix("COMBINING ") for mark in tone]
    return " + ".join(names).lower() or "none"

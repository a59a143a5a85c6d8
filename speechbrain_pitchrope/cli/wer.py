"""``pitchrope wer``: the error rates of training runs, from files of their tests."""

import unicodedata

from speechbrain_pitchrope.scoring.significance import error_rate
from speechbrain_pitchrope.scoring.systems import find_tests, read_texts
from speechbrain_pitchrope.scoring.tones import confusion_matrix, tone_errors
from speechbrain_pitchrope.scoring.wer_files import read_errors

HEADER = "WER (%)  CER (%)   ins   del   sub   words  utterances  file"
TONES_HEADER = "toned (%)  base (%)  tone (%)   units  matched  utterances  file"


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="output folders of train.py, or files wer_<split>.txt",
    )
    parser.add_argument(
        "--tones",
        action="store_true",
        help="score toned syllables (words such as MA3; letters, where tone is an "
        "accent), syllables without tone, and tones of right syllables, with their "
        "confusions; takes hyp_<split>.txt too",
    )


def run(args):
    """Print a line for each test split of each run."""
    kinds = ("hyp", "wer") if args.tones else ("wer",)
    files = [path for name in args.paths for path in find_tests(name, kinds)]
    if args.tones:
        scores = {path: tone_errors(*read_texts(path)) for path in files}
        print(TONES_HEADER)
        for path, errors in scores.items():
            print(tones_line(errors, path))
        for path, errors in scores.items():
            print("", f"tones of {path}", *confusion_lines(errors.confusions), sep="\n")
        return 0
    print(HEADER)
    for path in files:
        wer = read_errors(path)
        cer_path = path.with_name(path.name.replace("wer_", "cer_", 1))
        cer = "-"
        if cer_path != path and cer_path.is_file():
            cer = f"{read_errors(cer_path).rate:.2f}"
        print(
            f"{wer.rate:7.2f}  {cer:>7}  {wer.insertions:4}  {wer.deletions:4}  "
            f"{wer.substitutions:4}  {wer.words:6}  {wer.utterances:10}  {path}"
        )
    return 0


def tones_line(errors, path):
    """One line with the error rates of a test."""
    toned, base, tone = (error_rate(*counts) for counts in errors.measures.values())
    return (
        f"{toned:9.2f}  {base:8.2f}  {tone:8.2f}  {errors.units.sum():6.0f}  "
        f"{errors.matched.sum():7.0f}  {len(errors.ids):10}  {path}"
    )


def confusion_lines(confusions):
    """Lines of a confusion matrix: a row a tone said, a column a tone recognised.

    Example
    -------
    >>> from collections import Counter
    >>> print(*confusion_lines(Counter({("1", "1"): 9, ("2", "1"): 3})), sep="\\n")
    said           1       2   right (%)
    1              9       0      100.00
    2              3       0        0.00
    """
    tones, matrix = confusion_matrix(confusions)
    names = [name_tone(tone) for tone in tones]
    lines = [f"{'said':8}" + "".join(f"{name:>8}" for name in names) + "   right (%)"]
    for i, (name, row) in enumerate(zip(names, matrix, strict=True)):
        if row.sum():
            counts = "".join(f"{count:8}" for count in row)
            lines.append(f"{name:8}{counts}{100 * row[i] / row.sum():12.2f}")
    return lines


def name_tone(tone):
    """A number as it is; an accent by its name in Unicode; "none" for no tone.

    Example
    -------
    >>> name_tone("3"), name_tone("\u0301"), name_tone("")
    ('3', 'acute', 'none')
    """
    names = [unicodedata.name(mark, mark) for mark in tone]
    short = [
        name.removeprefix("COMBINING ").removesuffix(" ACCENT").lower()
        for name in names
    ]
    return tone if tone.isdigit() else "+".join(short) or "none"

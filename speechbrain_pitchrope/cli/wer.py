"""``pitchrope wer``: the error rates of training runs, from their wer_<split>.txt."""

from pathlib import Path

from speechbrain_pitchrope.scoring.summary import read_errors

HEADER = "WER (%)  CER (%)   ins   del   sub   words  utterances  file"


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument("folders", nargs="+", help="output folders of train.py")


def run(args):
    """Print a line for each test split of each run."""
    print(HEADER)
    for folder in map(Path, args.folders):
        paths = sorted(folder.glob("wer_*.txt"))
        if not paths:
            raise ValueError(
                f"{folder} holds no wer_<split>.txt: give the output folder of a "
                "train.py that has reached its test"
            )
        for path in paths:
            wer = read_errors(path)
            cer_path = path.with_name(path.name.replace("wer_", "cer_", 1))
            cer = f"{read_errors(cer_path).rate:.2f}" if cer_path.is_file() else "-"
            print(
                f"{wer.rate:7.2f}  {cer:>7}  {wer.insertions:4}  {wer.deletions:4}  "
                f"{wer.substitutions:4}  {wer.words:6}  {wer.utterances:10}  {path}"
            )
    return 0

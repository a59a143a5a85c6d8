"""Keep the errors of a run in place of its texts, which are of a corpus of others.

    python counts.py RUN OUT [--words]

For each split, the ref_ and hyp_ file of RUN become OUT/errors_SPLIT.json. ``--words``
counts words; otherwise what bears a tone is counted.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np

from speechbrain_pitchrope.files import write_whole
from speechbrain_pitchrope.scoring.systems import read_texts
from speechbrain_pitchrope.scoring.tones import ToneErrors, tone_errors


def with_one_tone(texts):
    """Utterance id to words, all of one tone: errors of WORD0 are errors of words."""
    return {name: [f"{word}0" for word in words] for name, words in texts.items()}


def read_counts(path):
    """What ``write_counts`` wrote, as ToneErrors."""
    found = json.loads(path.read_text(encoding="utf-8"))
    arrays = (np.array(found[field], dtype=float) for field in ToneErrors._fields[1:-1])
    confusions = {(a, b): count for a, b, count in found["confusions"]}
    return ToneErrors(found["ids"], *arrays, Counter(confusions))


def write_counts(path, errors):
    """Write ToneErrors as JSON, a field a line."""
    found = {
        name: np.array(errors[i]).tolist() for i, name in enumerate(errors._fields[:-1])
    }
    found["confusions"] = [[*pair, n] for pair, n in sorted(errors.confusions.items())]
    lines = (f"{json.dumps(name)}: {json.dumps(x)}" for name, x in found.items())
    write_whole(path, ("{" + ",\n".join(lines) + "}\n").encode())


def main():
    """Count the errors of a run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--words", action="store_true")
    args = parser.parse_args()
    units = with_one_tone if args.words else dict
    for path in sorted(args.run.glob("hyp_*.txt")):
        errors = tone_errors(*map(units, read_texts(path)))
        split = path.stem.removeprefix("hyp_")
        write_counts(args.out / f"errors_{split}.json", errors)


if __name__ == "__main__":
    main()

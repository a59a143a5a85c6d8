"""Recordings of a tone corpus -> LibriSpeech's layout, which the recipes here read.

<split>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac      16 kHz, mono
<split>/<speaker>/<chapter>/<speaker>-<chapter>.trans.txt    one "<ID> WORDS" a line
"""

import argparse
import collections
import itertools
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from tqdm import tqdm

from speechbrain_pitchrope.demo.speech import resample, write_flac
from speechbrain_pitchrope.files import write_whole


class Recording(NamedTuple):
    """One utterance: where it is to stand, its words and its audio file."""

    split: str
    speaker: str
    chapter: str
    number: int
    words: str
    audio: Path


def write_corpus(out, recordings):
    """Convert recordings and write them with their transcripts; print their numbers.

    A recording without sound is left out and named. A folder that holds something is
    refused, where utterances of an earlier run could stand in another split. The corpus
    is there as a whole or not at all: until then it stands in ``<out>.part``.
    """
    out = Path(out)
    if out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty: expected a new or an empty folder")
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    recordings = sorted(recordings)
    for recording in recordings:
        if not recording.words.strip():
            raise ValueError(f"{recording.audio} has no words: expected a transcript")
    for one, other in itertools.pairwise(recordings):
        if one[:4] == other[:4]:
            raise ValueError(f"{one.audio} and {other.audio} are the same utterance")
    written = collections.Counter()
    bar = tqdm(total=len(recordings), unit="utt")
    for (split, speaker, chapter), group in itertools.groupby(
        recordings, key=lambda recording: recording[:3]
    ):
        folder, lines = part / split / speaker / chapter, []
        for recording in group:
            name = f"{speaker}-{chapter}-{recording.number:04d}"
            try:
                samples, rate = soundfile.read(recording.audio, always_2d=True)
            except soundfile.LibsndfileError as error:
                raise ValueError(
                    f"{recording.audio} can't be read ({error}): get it once more, or "
                    "take it out of the folder"
                ) from None
            bar.update()
            if not samples.any():
                bar.write(f"left out, for it is silent: {recording.audio}")
                continue
            written[split, speaker] += 1
            samples = resample(samples.mean(1), rate).clip(-1, 1)
            write_flac(
                folder / f"{name}.flac", np.round(samples * 32767).astype("int16")
            )
            lines.append(f"{name} {recording.words}\n")
        text = "".join(lines).encode()
        write_whole(folder / f"{speaker}-{chapter}.trans.txt", text)
    bar.close()
    part.replace(out)
    for (split, speaker), number in written.items():
        print(f"{split:<14} {speaker:<10} {number:>6} utterances")


def matched(paths, pattern, example):
    """{path: match of its name}; a ValueError if there is a file of another name."""
    files = {path: re.fullmatch(pattern, path.name) for path in paths}
    strangers = sorted(path.name for path, found in files.items() if not found)
    if strangers:
        raise ValueError(
            f"{len(strangers)} files have names such as {strangers[0]!r}: expected "
            f"names such as {example!r}"
        )
    if not files:
        raise ValueError(f"found no file such as {example!r}: check the folder")
    return files


def split_of(speakers, dev_speakers, test_speakers):
    """{speaker: split}: "dev" and "test" as asked for, "train" for the others."""
    left_out = [*dev_speakers, *test_speakers]
    wrong = sorted(set(left_out) - speakers)
    if wrong or len(set(left_out)) < len(left_out) or speakers == set(left_out):
        raise ValueError(
            f"dev speakers are {dev_speakers}, test speakers are {test_speakers}: "
            f"expected different ones of {sorted(speakers)}, and not all"
        )
    splits = dict.fromkeys(speakers, "train") | dict.fromkeys(dev_speakers, "dev")
    return splits | dict.fromkeys(test_speakers, "test")


def main(description, read):
    """The command of a corpus; ``read`` gives the recordings of its folder."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("data_folder", type=Path, help="folder of the recordings")
    parser.add_argument("out", type=Path, help="folder of the corpus, new or empty")
    for split in ("dev", "test"):
        parser.add_argument(
            f"--{split}_speakers", nargs="+", default=[], metavar="NAME"
        )
    args = parser.parse_args()
    try:
        recordings = read(args.data_folder, args.dev_speakers, args.test_speakers)
        write_corpus(args.out, recordings)
    except (OSError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")

"""``pitchrope demo-corpus``: a small speech corpus in LibriSpeech's layout, offline."""

from pathlib import Path

from speechbrain_pitchrope.cli.options import number
from speechbrain_pitchrope.demo.corpus import (
    DEFAULT_SEED,
    SPEAKERS_FILE,
    VOICES,
    make_demo_corpus,
)


def add_arguments(parser):
    """Declare the command's arguments."""
    add = parser.add_argument
    add("out", metavar="OUT", help="folder of the corpus")
    add(
        "--language",
        choices=list(VOICES),
        default="en",
        help="en: English sentences; cmn (Mandarin), yue (Cantonese): random syllables "
        "in random tones (default: %(default)s)",
    )
    add(
        "--seed",
        type=number(int, 0),
        default=DEFAULT_SEED,
        help="seed of sentences, pauses, levels and noise (default: %(default)s)",
    )
    add(
        "--utterances",
        type=int,
        help="how many in all splits together (default: en 1200, cmn and yue 2220)",
    )
    add(
        "--voices-per-split",
        type=number(int, 1),
        help="at most this many voices in a split (default: all)",
    )
    add("--no-progress", action="store_true", help="show no progress bar")


def run(args):
    """Make the corpus and print its speakers; return the exit code."""
    spoken = make_demo_corpus(
        *(args.out, args.language, args.seed, args.utterances, args.voices_per_split),
        progress=not args.no_progress,
    )
    print(Path(args.out, SPEAKERS_FILE).read_text(), end="")
    print(f"{spoken} utterances spoken" if spoken else "all was there: nothing to do")
    print(f"corpus: {args.out}")
    return 0

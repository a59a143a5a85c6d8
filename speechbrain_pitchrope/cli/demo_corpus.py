"""`pitchrope demo-corpus`: a small speech corpus in LibriSpeech's layout, offline."""

from pathlib import Path

from speechbrain_pitchrope.cli.options import number
from speechbrain_pitchrope.demo.corpus import (
    DEFAULT_SEED,
    SPEAKERS_FILE,
    VOICES,
    make_demo_corpus,
)


def add_arguments(parser):
    """Add the options of `pitchrope demo-corpus` to a parser."""
    parser.add_argument("out", metavar="OUT", help="folder of the corpus")
    parser.add_argument(
        "--language",
        choices=list(VOICES),
        default="en",
        help="en: English sentences; cmn (Mandarin), yue (Cantonese): random syllables "
        "in random tones (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=number(int, 0),
        default=DEFAULT_SEED,
        help="seed of sentences, pauses, levels and noise (default: %(default)s)",
    )
    parser.add_argument(
        "--utterances",
        type=int,
        help="how many in all splits together (default: en 1200, cmn and yue 2220)",
    )
    parser.add_argument(
        "--voices-per-split",
        type=number(int, 1),
        help="at most this many voices in a split (default: all)",
    )
    parser.add_argument(
        "--no-progress", action="store_true", help="show no progress bar"
    )


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

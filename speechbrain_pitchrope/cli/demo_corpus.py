"""`pitchrope demo-corpus`: a small speech corpus in LibriSpeech's layout, offline."""

from speechbrain_pitchrope.demo.corpus import DEFAULT_SEED, VOICES, make_demo_corpus


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
        type=int,
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
        type=int,
        help="at most so many voices in a split (default: all)",
    )
    parser.add_argument(
        "--no-progress", action="store_true", help="show no progress bar"
    )


def run(args):
    """Make the corpus and print its splits in numbers; return the exit code."""
    spoken, splits = make_demo_corpus(
        args.out,
        language=args.language,
        seed=args.seed,
        utterances=args.utterances,
        voices_per_split=args.voices_per_split,
        progress=not args.no_progress,
    )
    if spoken == 0:
        print("the demo corpus is complete already: nothing to do")
    print("split        utterances  speakers  minutes")
    for name, (utterances, speakers, minutes) in splits.items():
        print(f"{name:<12} {utterances:>10} {speakers:>9} {minutes:>8.1f}")
    print(f"corpus: {args.out}")
    return 0

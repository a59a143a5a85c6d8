"""``pitchrope transcribe``: what is said in recordings, by a trained model.

One line a recording: ``FILE<TAB>TEXT``. One that is longer than ``--longest`` seconds
is cut where it is quietest, and each piece is recognised for itself. Lines are written
as they come: what an interruption leaves is whole lines.
"""

import os
import sys
from contextlib import nullcontext
from pathlib import Path

from speechbrain_pitchrope.cli import options
from speechbrain_pitchrope.cli.package import EXECUTES


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "model",
        metavar="FOLDER",
        help="the model: a folder of pitchrope package, or any that SpeechBrain's "
        "EncoderASR or EncoderDecoderASR loads",
    )
    options.add_recordings(parser)
    options.add_section(parser)
    parser.add_argument("--out", help="file to write to (default: print)")
    parser.add_argument(
        "--longest",
        type=options.number(float, 1, 1e9),
        default=40.0,  # LibriSpeech's utterances have 35 at most
        help="seconds above which a recording is cut, where it is quietest "
        "(default: %(default)g)",
    )
    parser.add_argument("--device", help="cpu, cuda:0, ... (default: a GPU if any)")
    options.add_force(parser)
    parser.epilog = EXECUTES


def run(args):
    """Transcribe every recording; those that fail are named at the end."""
    found, skipped = options.find_recordings(args.inputs)
    if args.out:
        options.refuse_existing(args.out, args.force)
        if os.path.abspath(args.out) in (os.path.abspath(path) for path, _ in found):
            raise ValueError(f"{args.out} is a recording to transcribe: give another")
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    part, failures = options.section(args), []
    from speechbrain_pitchrope.runs.run import interface_of

    interface_of(args.model)  # before torch is loaded
    from speechbrain_pitchrope.runs.package import load_recogniser

    asr = load_recogniser(args.model, args.device)
    out = nullcontext(sys.stdout)
    if args.out:
        # A name that is no UTF-8 is written as the terminal has it.
        out = open(args.out, "w", encoding="utf-8", errors="backslashreplace")
    with out as stream:
        for path, _ in found:
            try:
                text = transcribe(asr, path, args.longest, **part)
            except (OSError, RuntimeError, ValueError) as error:
                failures.append(options.failure(path, error))
            else:
                print(path, text, sep="\t", file=stream, flush=True)
    return options.report_failures("transcribe", failures, len(found), skipped)


def transcribe(asr, path, longest, **part):
    """Text of one recording."""
    import torch

    from speechbrain_pitchrope.dataio.audio import read_pieces

    words = []
    for wav in read_pieces(path, asr.audio_normalizer.sample_rate, longest, **part):
        (text, *_), _ = asr.transcribe_batch(wav[None], torch.ones(1))
        words += text.split()
    return " ".join(words)

"""``pitchrope transcribe``: what is said in recordings, by a trained model.

One line a recording: ``FILE<TAB>TEXT``. One that is longer than ``--longest`` seconds
is cut where it is quietest, and each piece is recognised for itself. Lines are written
as they come: what an interruption leaves is whole lines.
"""

import sys
from contextlib import nullcontext

from speechbrain_pitchrope.cli.options import (
    add_force,
    add_recordings,
    add_section,
    failure,
    find_recordings,
    number,
    refuse_existing,
    report_failures,
    section,
)
from speechbrain_pitchrope.cli.package import EXECUTES


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "model",
        metavar="FOLDER",
        help="the model: a folder of pitchrope package, or any that SpeechBrain's "
        "EncoderASR or EncoderDecoderASR loads",
    )
    add_recordings(parser)
    add_section(parser)
    parser.add_argument("--out", help="file to write to (default: print)")
    parser.add_argument(
        "--longest",
        type=number(float, 1),
        default=40.0,  # LibriSpeech's utterances have 35 at most
        help="seconds above which a recording is cut, where it is quietest "
        "(default: %(default)g)",
    )
    parser.add_argument("--device", help="cpu, cuda:0, ... (default: a GPU if any)")
    add_force(parser)
    parser.epilog = EXECUTES


def run(args):
    """Transcribe every recording; those that fail are named at the end."""
    if args.out:
        refuse_existing(args.out, args.force)
    found, skipped = find_recordings(args.inputs)
    part, failures = section(args), []
    from speechbrain_pitchrope.runs.run import interface_of

    interface_of(args.model)  # before torch is loaded
    from speechbrain_pitchrope.runs.package import load_recogniser

    asr = load_recogniser(args.model, args.device)
    out = open(args.out, "w", encoding="utf-8") if args.out else nullcontext(sys.stdout)
    with out as stream:
        for path, _ in found:
            try:
                text = transcribe(asr, path, args.longest, **part)
            except (OSError, RuntimeError, ValueError) as error:
                failures.append(failure(path, error))
            else:
                print(path, text, sep="\t", file=stream, flush=True)
    return report_failures("transcribe", failures, len(found), skipped)


def transcribe(asr, path, longest, **part):
    """Text of one recording."""
    import torch

    from speechbrain_pitchrope.dataio.audio import read_pieces

    words = []
    for wav in read_pieces(path, asr.audio_normalizer.sample_rate, longest, **part):
        (text, *_), _ = asr.transcribe_batch(wav[None], torch.ones(1))
        words += text.split()
    return " ".join(words)

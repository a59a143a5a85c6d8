"""``pitchrope transcribe``: what is said in recordings, by a trained model.

One line a recording: ``FILE<TAB>TEXT``. A long recording is cut where it is quietest,
in pieces of ``--longest`` seconds at most, and each piece is recognised for itself; one
that is no longer is recognised as a whole, as in the test of the training run.
"""

import sys
from contextlib import nullcontext
from pathlib import Path

from speechbrain_pitchrope.cli.options import find_recordings

LONGEST = 40.0
"""Seconds that are recognised at a time: LibriSpeech's utterances have 35 at most."""


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "model",
        metavar="FOLDER",
        help="the model: a folder of pitchrope package, or any that SpeechBrain's "
        "EncoderASR or EncoderDecoderASR loads",
    )
    parser.add_argument(
        "inputs",
        metavar="FILE",
        nargs="+",
        help="recordings (any sample rate, any channels), or folders of them",
    )
    parser.add_argument("--out", help="file to write to (default: print)")
    parser.add_argument(
        "--longest",
        type=float,
        default=LONGEST,
        help="seconds above which a recording is cut, where it is quietest "
        "(default: %(default)g)",
    )
    parser.add_argument("--device", help="cpu, cuda:0, ... (default: a GPU if any)")
    parser.add_argument(
        "--force", action="store_true", help="write over --out if it exists"
    )


def run(args):
    """Transcribe every recording; those that fail are named at the end."""
    if args.longest < 1:
        raise ValueError(f"--longest is {args.longest:g} s: give 1 s or more")
    if args.out and Path(args.out).exists() and not args.force:
        raise ValueError(
            f"{args.out} exists: add --force to write over it, or change --out"
        )
    found, _ = find_recordings(args.inputs)
    paths = [path for path, _ in found]

    from speechbrain_pitchrope.runs.folder import load_recogniser

    asr = load_recogniser(args.model, args.device)
    out = open(args.out, "w", encoding="utf-8") if args.out else nullcontext(sys.stdout)
    with out as stream:
        failures = _transcribe_all(asr, paths, args.longest, stream)
    if failures:
        print(
            f"pitchrope transcribe: {len(failures)} of {len(paths)} recordings failed:",
            *failures,
            sep="\n  ",
            file=sys.stderr,
        )
    return 1 if failures else 0


def _transcribe_all(asr, paths, longest, stream):
    """Write a line for each recording as it is done; the faults of the others."""
    from tqdm import tqdm

    failures = []
    # tqdm shows nothing where stderr is no terminal.
    with tqdm(
        total=round(sum(map(_seconds, paths)), 1),
        desc="transcribing",
        unit="s",
        disable=None,
        leave=False,
    ) as bar:
        for path in paths:
            try:
                text = transcribe(asr, path, longest, bar.update)
            except (OSError, RuntimeError, ValueError) as error:
                named = str(path) in str(error)
                failures.append(str(error) if named else f"{path}: {error}")
            else:
                with bar.external_write_mode(file=stream):
                    print(path, text, sep="\t", file=stream, flush=True)
    return failures


def _seconds(path):
    """Length of a recording, 0 if it can't be read."""
    import soundfile

    try:
        return soundfile.info(path).duration
    except (OSError, soundfile.LibsndfileError):
        return 0.0


def transcribe(asr, path, longest=LONGEST, progress=lambda seconds: None):
    """Text of one recording.

    Arguments
    ---------
    asr : speechbrain.inference.ASR.EncoderASR or EncoderDecoderASR
        The model.
    path : str
        The recording.
    longest : float
        Seconds above which it is cut (``speechbrain_pitchrope.dataio.audio``).
    progress : callable
        Told the seconds of each piece when it is done.

    Returns
    -------
    str
        Words with single spaces between them.

    Raises
    ------
    ValueError
        If the recording can't be read, or is too short for the model.
    """
    import torch

    from speechbrain_pitchrope.dataio.audio import read_pieces

    if not Path(path).is_file():
        raise ValueError(f"{path} is not there: expected a recording or a folder")
    sample_rate = asr.audio_normalizer.sample_rate
    words = []
    for wav in read_pieces(path, sample_rate, longest):
        (text, *_), _ = asr.transcribe_batch(wav[None], torch.ones(1))
        words += text.split()
        progress(len(wav) / sample_rate)
    return " ".join(words)

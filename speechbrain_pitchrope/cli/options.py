"""Arguments that several commands share: one name and one rule each.

Nothing heavy is imported here: a command says that a path is wrong before it loads
torch.
"""

import os
import sys
from pathlib import Path

TRACKERS = ("autocorrelation", "dio", "harvest")

LATEST = 1e9
"""Seconds that --start and --end may be."""

AUDIO = frozenset(
    ".wav .wave .flac .ogg .oga .opus .mp3 .aiff .aif .aifc .au .snd .w64 .rf64 .caf "
    ".sph .nist".split()
)
"""Endings of recordings that libsndfile reads."""

OTHER_AUDIO = frozenset(
    ".m4a .mp4 .aac .wma .amr .webm .mka .3gp .ac3 .ape .wv .shn .raw .pcm .gsm "
    ".mov .mkv .avi".split()
)
"""Endings of recordings that it does not read: in a folder they are skipped by name."""

MAGIC = (b"fLaC", b"OggS", b".snd", b"NIST_1A", b"riff", b"caff", b"ID3")
MP3_MAGIC = tuple(bytes((0xFF, second)) for second in b"\xfb\xfa\xf3\xf2\xe3\xe2")
"""First bytes of recordings; those of WAV and AIFF are looked at more closely."""


def add_recordings(parser):
    """``FILE ...``: recordings and folders of them, for ``find_recordings``."""
    parser.add_argument(
        "inputs",
        metavar="FILE",
        nargs="+",
        help="recordings (any sample rate, any channels), or folders of them",
    )


def add_section(parser):
    """``--start``, ``--end`` and ``--channel``: which part of a recording."""
    parser.add_argument(
        "--start", type=float, metavar="S", default=0.0, help="in seconds (default: 0)"
    )
    parser.add_argument(
        "--end",
        type=float,
        metavar="S",
        help="in seconds (default: the recording's end)",
    )
    parser.add_argument(
        "--channel",
        type=int,
        metavar="N",
        help="channel to take, 1 is the first (default: the average of all, which "
        "mixes the voices of a call recorded on two channels)",
    )


def section(args):
    """The arguments of ``add_section`` for ``read_mono`` and ``read_pieces``."""
    if not 0 <= args.start <= LATEST:
        raise ValueError(f"--start is {args.start:g} s: expected 0 to {LATEST:g} s")
    if args.end is not None and not args.start < args.end <= LATEST:
        raise ValueError(
            f"--start is {args.start:g} s and --end {args.end:g} s: expected --start < "
            f"--end <= {LATEST:g}"
        )
    if args.channel is not None and args.channel < 1:
        raise ValueError(f"--channel is {args.channel}: the first channel is 1")
    return {"start": args.start, "end": args.end, "channel": args.channel}


def add_tracker(parser):
    """``--tracker``, ``--f0-min`` and ``--f0-max``, for ``make_tracker``."""
    parser.add_argument(
        "--tracker",
        choices=TRACKERS,
        default=TRACKERS[0],
        help="how f0 is found; dio and harvest need pyworld (default: %(default)s)",
    )
    parser.add_argument(
        "--f0-min",
        type=float,
        metavar="HZ",
        default=60.0,
        help="in Hz (default: %(default)g)",
    )
    parser.add_argument(
        "--f0-max",
        type=float,
        metavar="HZ",
        default=500.0,
        help="in Hz (default: %(default)g)",
    )


def make_tracker(args, sample_rate=16000, hop_length=10.0):
    """The tracker that ``add_tracker``'s arguments ask for; hop in milliseconds."""
    if not 0 < args.f0_min < args.f0_max:
        raise ValueError(
            f"--f0-min is {args.f0_min:g} and --f0-max {args.f0_max:g} Hz: expected "
            "0 < --f0-min < --f0-max"
        )
    from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World

    settings = {
        "sample_rate": sample_rate,
        "hop_length": hop_length,
        "f0_min": args.f0_min,
        "f0_max": args.f0_max,
    }
    if args.tracker == "autocorrelation":
        return AutocorrelationPitch(**settings)
    return World(args.tracker, **settings)


def add_force(parser):
    """``--force``, for ``refuse_existing``."""
    parser.add_argument(
        "--force", action="store_true", help="overwrite files that exist"
    )


def refuse_existing(out, force):
    """The rule for overwriting: what exists stays, unless ``--force`` is given."""
    if os.path.isdir(out):
        raise ValueError(f"{out} is a folder: name a file in it")
    if os.path.exists(out) and not force:
        raise ValueError(
            f"{out} exists: give another --out, or --force to overwrite it"
        )


def find_recordings(inputs):
    """Recordings among files and folders, each once.

    In a folder, searched to its depth, recordings are known by content or ending. A
    file that is named may be anything.

    Returns [(recording, folder from which its place is told), ...], and a line for each
    file of a folder that is audio of a kind which libsndfile does not read.
    """
    found, skipped = {}, []
    for path in map(Path, inputs):
        if not path.is_dir():
            found.setdefault(os.path.abspath(path), (path, path.parent))
            continue
        files = sorted(
            file
            for file in path.rglob("*")
            if file.is_file() and not file.name.startswith(".")
        )
        recordings = {file: None for file in files if _is_recording(file)}
        others = [
            file
            for file in files
            if file.suffix.lower() in OTHER_AUDIO and file not in recordings
        ]
        skipped += [f"{file}: {_conversion(file)}" for file in others]
        if not recordings:
            listed = "".join(f"\n  {line}" for line in skipped)
            raise ValueError(
                f"{path} holds no recordings: expected WAV, FLAC, OGG, MP3 or another "
                f"format that libsndfile reads{listed}"
            )
        for file in recordings:
            found.setdefault(os.path.abspath(file), (file, path))
    missing = [path for path, _ in found.values() if not path.exists()]
    if len(missing) == len(found):
        raise ValueError(f"{missing[0]} is not there: expected a recording or a folder")
    return list(found.values()), skipped


def _conversion(path):
    """How to make a file one that libsndfile reads."""
    files = f"-i {path} {path.with_suffix('.wav')}"
    if path.suffix.lower() in (".raw", ".pcm"):
        return (
            "no header gives its sample rate and format; convert it, for example "
            f"ffmpeg -f s16le -ar 16000 {files}"
        )
    return f"libsndfile does not read this; convert it, for example ffmpeg {files}"


def _is_recording(file):
    """Whether the ending or the first bytes are those of a format that can be read."""
    if file.suffix.lower() in AUDIO:
        return True
    try:
        with open(file, "rb") as opened:
            head = opened.read(12)
    except OSError:
        return False
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"FORM"):
        return head[8:12] in (b"WAVE", b"AIFF", b"AIFC")
    return head.startswith(MAGIC + MP3_MAGIC)


def report_failures(command, failures, count, skipped=()):
    """Name on stderr what failed or was skipped; the exit code, 1 for failures."""
    for lines, head in (
        (skipped, f"{len(skipped)} files skipped"),
        (failures, f"{len(failures)} of {count} recordings failed"),
    ):
        if lines:
            print(f"pitchrope {command}: {head}:", *lines, sep="\n  ", file=sys.stderr)
    return 1 if failures else 0

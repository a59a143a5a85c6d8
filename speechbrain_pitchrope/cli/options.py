"""What several commands share: arguments, one name and one rule each, and tables.

Nothing heavy is imported here: a command says that a path is wrong before it loads
torch.
"""

import argparse
import os
import re
import sys
from pathlib import Path

TRACKERS = ("autocorrelation", "dio", "harvest")

# Recordings that libsndfile reads: their endings, and what they begin with.
AUDIO = frozenset(
    ".wav .wave .flac .ogg .oga .opus .mp3 .aiff .aif .aifc .au .snd .w64 .rf64 .caf "
    ".sph .nist".split()
)
FIRST_BYTES = re.compile(
    rb"(RIFF|RIFX|RF64|FORM)....(WAVE|AIFF|AIFC)"
    rb"|fLaC|OggS|\.snd|NIST_1A|riff|caff|ID3|\xff[\xfb\xfa\xf3\xf2\xe3\xe2]",
    re.DOTALL,
)
# Recordings that it does not read: in a folder they are skipped by name.
OTHER_AUDIO = frozenset(
    ".m4a .mp4 .aac .wma .amr .webm .mka .3gp .ac3 .ape .wv .shn .raw .pcm .gsm "
    ".mov .mkv .avi".split()
)


def number(kind, low, high=float("inf")):
    """A type for argparse: an int or a float within bounds; nan is within none."""

    def parse(text):
        value = kind(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text}: expected {low:g} to {high:g}")
        return value

    parse.__name__ = kind.__name__  # in the message about what is no number
    return parse


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
    add, seconds = parser.add_argument, number(float, 0, 1e9)
    add("--start", type=seconds, metavar="S", default=0.0, help="in seconds")
    add("--end", type=seconds, metavar="S", help="in seconds (default: all the rest)")
    add(
        "--channel",
        type=number(int, 1),
        metavar="N",
        help="channel to take, 1 is the first (default: the average of all, which "
        "mixes the voices of a call recorded on two channels)",
    )


def section(args):
    """The arguments of ``add_section`` for ``read_mono`` and ``read_pieces``."""
    if args.end is not None and args.end <= args.start:
        raise ValueError(
            f"--start is {args.start:g} s and --end {args.end:g} s: expected --start "
            "before --end"
        )
    return {"start": args.start, "end": args.end, "channel": args.channel}


def add_tracker(parser):
    """``--tracker``, ``--f0-min`` and ``--f0-max``, for ``make_tracker``."""
    parser.add_argument(
        "--tracker",
        choices=TRACKERS,
        default=TRACKERS[0],
        help="how f0 is found; dio and harvest need pyworld, and 0.2 GB a minute "
        "(default: %(default)s)",
    )
    for name, hertz in (("--f0-min", 60.0), ("--f0-max", 500.0)):
        shown = {"metavar": "HZ", "help": "in Hz (default: %(default)g)"}
        parser.add_argument(name, type=float, default=hertz, **shown)


def make_tracker(args, sample_rate=16000, hop_length=10.0):
    """The tracker that ``add_tracker``'s arguments ask for; hop in milliseconds."""
    from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World

    settings = (sample_rate, hop_length, args.f0_min, args.f0_max)
    if args.tracker != "autocorrelation":
        return World(args.tracker, *settings)
    return AutocorrelationPitch(*settings)


def add_tones(parser):
    """``--tones``: score tones instead of words."""
    parser.add_argument(
        "--tones",
        action="store_true",
        help="score toned syllables (words such as MA3; letters, where tone is an "
        "accent: all marks on a letter), syllables without tone, and tones of right "
        "syllables; reads hyp_<split>.txt, and the ref_ beside it",
    )


def add_force(parser):
    """``--force``, for ``refuse_existing``."""
    add = parser.add_argument
    add("--force", action="store_true", help="overwrite files that exist")


def refuse_existing(out, force, is_folder=False):
    """The rule for overwriting: what exists stays, unless ``--force`` is given."""
    if os.path.isdir(out) and not is_folder:
        raise ValueError(f"{out} is a folder: name a file in it")
    if os.path.exists(out) and not force:
        raise ValueError(
            f"{out} exists: give another --out, or --force to overwrite it"
        )


def find_recordings(inputs):
    """Recordings among files and folders, each once, and a line for each file skipped.

    Beside each recording stands the folder from which its place is told. Folders are
    searched to their depth, and recordings in them are known by ending or content; a
    file that is named may be anything. Audio that libsndfile does not read is skipped.
    """
    found, skipped = {}, []
    for path in map(Path, inputs):
        files, base = [path], path.parent
        if path.is_dir():
            inside = [file for file in sorted(path.rglob("[!.]*")) if _is_file(file)]
            files, base = list(filter(_is_recording, inside)), path
            skipped += [
                f"{file}: libsndfile does not read this; make it a WAV file, for "
                "example with ffmpeg"
                for file in sorted(set(inside).difference(files))
                if file.suffix.lower() in OTHER_AUDIO
            ]
        if not files:
            listed = "".join(f"\n  {line}" for line in skipped)
            raise ValueError(
                f"{path} holds no recordings: expected WAV, FLAC, OGG, MP3 or another "
                f"format that libsndfile reads{listed}"
            )
        for file in files:
            found.setdefault(os.path.abspath(file), (file, base))
    if not any(path.exists() for path, _ in found.values()):
        raise ValueError(f"{path} is not there: expected a recording or a folder")
    return list(found.values()), skipped


def _is_file(path):
    """Whether it is a file, or a link that leads nowhere and will be named for it."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _is_recording(file):
    """Whether the ending or the first bytes are those of a format that can be read."""
    if file.suffix.lower() in AUDIO or not os.access(file, os.R_OK):
        return file.suffix.lower() in AUDIO
    with open(file, "rb") as opened:
        return bool(FIRST_BYTES.match(opened.read(12)))


def failure(path, error):
    """The line for ``report_failures`` about a recording: it names the path once."""
    return str(error) if str(path) in str(error) else f"{path}: {error}"


def report_failures(command, failures, count, skipped=()):
    """Name on stderr what failed or was skipped; the exit code, 1 for failures."""
    for lines, head in (
        (skipped, f"{len(skipped)} files skipped"),
        (failures, f"{len(failures)} of {count} recordings failed"),
    ):
        if lines:
            print(f"pitchrope {command}: {head}:", *lines, sep="\n  ", file=sys.stderr)
    return 1 if failures else 0


def table(rows):
    """Rows of cells as text: columns flush right, the last one as it is."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = 0
    return "\n".join(
        "  ".join(f"{cell:>{n}}" for cell, n in zip(row, widths, strict=True))
        for row in rows
    )

"""Arguments that several commands share: one name and one rule each.

Nothing heavy is imported here: a command says that a path is wrong before it loads
torch.
"""

import os
import sys
from pathlib import Path

TRACKERS = ("autocorrelation", "dio", "harvest")

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
        "--start", type=float, default=0.0, help="in seconds (default: 0)"
    )
    parser.add_argument(
        "--end", type=float, help="in seconds (default: the recording's end)"
    )
    parser.add_argument(
        "--channel",
        type=int,
        metavar="N",
        help="channel to take, 1 is the first (default: the average of all, which "
        "mixes the voices of a call recorded on two channels)",
    )


def section(args):
    """The arguments of ``add_section``, as ``read_mono`` and ``read_pieces`` take them.

    Arguments
    ---------
    args : argparse.Namespace
        The parsed arguments.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the section is empty or there can't be such a channel.
    """
    if not (0 <= args.start < float("inf")):
        raise ValueError(f"--start is {args.start:g} s: give 0 or more")
    if args.end is not None and not args.start < args.end:
        raise ValueError(
            f"--start is {args.start:g} s and --end {args.end:g} s: expected --start < "
            "--end"
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
        "--f0-min", type=float, default=60.0, help="in Hz (default: %(default)g)"
    )
    parser.add_argument(
        "--f0-max", type=float, default=500.0, help="in Hz (default: %(default)g)"
    )


def make_tracker(args, sample_rate=16000, hop_length=10.0):
    """The tracker that the arguments of ``add_tracker`` ask for.

    Arguments
    ---------
    args : argparse.Namespace
        The parsed arguments.
    sample_rate : int
        Samples per second.
    hop_length : float
        Milliseconds from frame to frame.

    Returns
    -------
    speechbrain_pitchrope.processing.pitch.PitchTracker

    Raises
    ------
    ValueError
        If the range is empty, or the tracker can't search it.
    ImportError
        If the tracker's library is missing.
    """
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
    """The rule for overwriting: what exists stays, unless ``--force`` is given.

    Arguments
    ---------
    out : str
        The file that a command is going to write.
    force : bool
        Whether ``--force`` was given.

    Raises
    ------
    ValueError
        If the file exists, or is a folder.
    """
    if os.path.isdir(out):
        raise ValueError(f"{out} is a folder: name a file in it")
    if os.path.exists(out) and not force:
        raise ValueError(
            f"{out} exists: give another --out, or --force to overwrite it"
        )


def find_recordings(inputs):
    """Recordings among files and folders, each once.

    A folder is searched to its depth. Recordings are known there by their content or
    their ending; what has the ending of a format that libsndfile does not read is
    skipped. A file that is named may be anything.

    Arguments
    ---------
    inputs : list of str
        Files and folders.

    Returns
    -------
    found : list of tuple
        (recording, folder from which its place is told), as paths.
    skipped : list of str
        A line for each file that is skipped, with the reason.

    Raises
    ------
    ValueError
        If a folder holds no recordings, or none of the files is there.
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
        skipped += [f"{file}: {conversion(file)}" for file in others]
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


def conversion(path):
    """How to make a file one that libsndfile reads."""
    if path.suffix.lower() in (".raw", ".pcm"):
        return (
            "no header says its rate and sample format; convert it, for example "
            f"ffmpeg -f s16le -ar 16000 -i {path.name} {path.stem}.wav"
        )
    return (
        "not a format that libsndfile reads; convert it, for example "
        f"ffmpeg -i {path.name} {path.stem}.wav"
    )


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
    return head.startswith((b"fLaC", b"OggS", b".snd", b"NIST_1A", b"caff", b"ID3"))


def report_failures(command, failures, count, skipped=()):
    """Name on stderr the recordings that failed or were skipped.

    Arguments
    ---------
    command : str
        The subcommand.
    failures, skipped : list of str
        A line for each.
    count : int
        Recordings in all, without those that were skipped.

    Returns
    -------
    int
        The exit code: 1 if there are failures, else 0.
    """
    for lines, head in (
        (skipped, f"{len(skipped)} files skipped"),
        (failures, f"{len(failures)} of {count} recordings failed"),
    ):
        if lines:
            print(f"pitchrope {command}: {head}:", *lines, sep="\n  ", file=sys.stderr)
    return 1 if failures else 0

"""``pitchrope f0``: the pitch of recordings as csv, PitchTier or npz.

One row a frame: ``time_s,f0_hz,voicing``. Time counts from the recording's start, f0 is
0 where unvoiced, voicing is a probability.
"""

import io
import os
import sys
from pathlib import Path

from speechbrain_pitchrope.cli import options
from speechbrain_pitchrope.files import write_whole

SAMPLE_RATE = 16000

FORMATS = {"csv": ".csv", "pitchtier": ".PitchTier", "npz": ".npz"}

PITCH_TIER = """\
File type = "ooTextFile"
Object class = "PitchTier"

xmin = {:.6f}
xmax = {:.6f}
points: size = {}"""
"""Header of Praat's format, which has points for voiced frames only."""


def add_arguments(parser):
    """Declare the command's arguments."""
    options.add_recordings(parser)
    parser.add_argument(
        "--out",
        help="FILE.csv, FILE.PitchTier or FILE.npz for one recording (default: print "
        "csv); a folder for several: subfolders are kept, what exists is not redone",
    )
    parser.add_argument(
        "--format",
        type=str.lower,
        choices=FORMATS,
        help="what to write (default: what --out ends with, else csv)",
    )
    parser.add_argument(
        "--nan", action="store_true", help="write nan instead of 0 where unvoiced"
    )
    options.add_tracker(parser)
    parser.add_argument(
        "--hop",
        type=options.number(float, 2, 20),
        metavar="MS",
        default=10.0,
        help="from frame to frame, 2 to 20 ms, in steps of 1/16 (default: %(default)g)",
    )
    options.add_section(parser)
    options.add_force(parser)


def run(args):
    """Track every recording; those that fail are named at the end."""
    part = options.section(args)
    found, skipped = options.find_recordings(args.inputs)
    format_ = _format_of(args.out, args.format)
    if args.out and not _is_file(args.out):
        Path(args.out).mkdir(parents=True, exist_ok=True)  # or fail before the work
        jobs, failures = _places(found, Path(args.out), FORMATS[format_])
    elif len(found) == 1:
        jobs, failures = [(found[0][0], args.out and Path(args.out))], []
        if args.out:
            options.refuse_existing(args.out, args.force)
    else:
        raise ValueError(
            f"there are {len(found)} recordings and --out is {args.out or 'not given'}:"
            " give a folder, --out FOLDER"
        )
    todo = [job for job in jobs if args.force or not (job[1] and job[1].exists())]
    written = _work_all(todo, args, part, format_, failures) if todo else 0
    if args.out:
        kept = len(jobs) - len(todo)
        note = f"; {kept} exist already, --force overwrites them" if kept else ""
        print(f"{written} of {len(found)} written to {args.out}{note}")
    return options.report_failures("f0", failures, len(found), skipped)


def _is_file(out):
    """Whether ``--out`` names a file of one of the formats, whatever its case."""
    return Path(out).suffix[1:].lower() in FORMATS and not Path(out).is_dir()


def _format_of(out, format_):
    """The format to write: that of a file's ending, or the one asked for, or csv."""
    if out and _is_file(out):
        ending = Path(out).suffix[1:].lower()
        if format_ not in (None, ending):
            raise ValueError(f"--out is {out} and --format {format_}: give only one")
        return ending
    if out and Path(out).suffix and not (out.endswith("/") or Path(out).is_dir()):
        endings = ", ".join(FORMATS.values())
        raise ValueError(f"{out} is no folder: give one, or a file in {endings}")
    if format_ == "npz" and not out:
        raise ValueError("--format is npz, which can't be printed: give --out")
    return format_ or "csv"


def _places(found, out, suffix):
    """Each recording with its file, subfolders kept; a line for each that clashes."""
    root = os.path.commonpath([os.path.abspath(base) for _, base in found])
    sources = {}
    for source, _ in found:
        target = out / Path(os.path.relpath(source, root)).with_suffix(suffix)
        sources.setdefault(target, []).append(source)
    clashes = [
        f"{source}: {', '.join(map(str, same))} would all be written to {target}; give "
        "each alone, with its own --out"
        for target, same in sources.items()
        for source in (same if len(same) > 1 else ())
    ]
    jobs = [(same[0], target) for target, same in sources.items() if len(same) == 1]
    return jobs, clashes


def _work_all(jobs, args, part, format_, failures):
    """Track and write each, with a line about it; add to failures, count the rest."""
    from tqdm import tqdm

    hop_ms = 1000 * round(SAMPLE_RATE * args.hop / 1000) / SAMPLE_RATE
    tracker = options.make_tracker(args, SAMPLE_RATE, hop_ms)
    written = 0
    # tqdm shows nothing where stderr is no terminal.
    for source, target in tqdm(
        jobs, "tracking", unit="file", disable=None, leave=False
    ):
        try:
            contour, end_s = track(source, tracker, part)
            content = encode(contour, end_s, format_, args.nan)
            if target:
                write_whole(target, content)
        except (OSError, RuntimeError, ValueError) as error:
            failures.append(options.failure(source, error))
            continue
        written += 1
        if not target:
            tqdm.write(content.decode(), end="")
        file = sys.stdout if target else sys.stderr
        tqdm.write(f"{source}: {summary(contour, end_s)}", file)
    return written


def track(path, tracker, part):
    """Times in s, f0 in Hz and voicing of a section, [3, T], and the second it ends."""
    import numpy as np
    import torch

    from speechbrain_pitchrope.dataio.audio import read_mono

    wav = read_mono(path, tracker.sample_rate, **part)
    with torch.no_grad():
        contour = [row[0].numpy() for row in tracker(wav[None])]
    seconds = np.arange(len(contour[0])) * tracker.hop_length / tracker.sample_rate
    end_s = part["start"] + len(wav) / tracker.sample_rate
    return np.stack((part["start"] + seconds, *contour)), end_s


def encode(contour, end_s, format_, nan=False):
    """A contour as the bytes of a file."""
    import numpy as np

    time_s, f0_hz, voicing = contour
    if nan:
        f0_hz = np.where(f0_hz > 0, f0_hz, np.nan)
    content = io.BytesIO()
    if format_ == "npz":
        np.savez(content, time_s=time_s, f0_hz=f0_hz, voicing=voicing)
        return content.getvalue()
    if format_ == "pitchtier":
        (voiced,) = np.nonzero(f0_hz > 0)
        numbers = np.arange(1, len(voiced) + 1)
        rows = np.stack((numbers, time_s[voiced], f0_hz[voiced]), 1)
        row_format = "points [%d]:\n    number = %.6f\n    value = %.3f"
        header = PITCH_TIER.format(time_s[0], end_s, len(voiced))
    else:
        rows = np.stack((time_s, f0_hz, voicing), 1)
        row_format, header = "%.4f,%.2f,%.3f", "time_s,f0_hz,voicing"
    np.savetxt(content, rows, row_format, header=header, comments="")
    return content.getvalue()


def summary(contour, end_s):
    """A few words about a contour."""
    import numpy as np

    time_s, f0_hz, _ = contour
    voiced = f0_hz[f0_hz > 0]
    seconds = f"{end_s - time_s[0]:.2f} s"
    if not len(voiced):
        return f"{seconds}, nothing voiced"
    percent = 100 * len(voiced) / len(f0_hz)
    return f"{seconds}, median f0 {np.median(voiced):.0f} Hz, {percent:.0f} % voiced"

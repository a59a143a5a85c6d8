"""``pitchrope f0``: the pitch of recordings as csv, PitchTier or npz, drawn if wanted.

One row a frame: ``time_s,f0_hz,voicing``. Time counts from the recording's start, f0 is
0 where unvoiced, voicing is a probability.
"""

import io
import math
import os
import sys
from pathlib import Path
from typing import NamedTuple

from speechbrain_pitchrope.cli import options

SAMPLE_RATE = 16000

FORMATS = {"csv": ".csv", "pitchtier": ".PitchTier", "npz": ".npz"}

HOPS_MS = (1, 20)
"""Shortest and longest time from frame to frame."""

LONGEST_WORLD = 1200
"""Seconds that dio and harvest take: they need 0.1 to 0.2 GB a minute."""

LONGEST_FIGURE = 600
"""Seconds of speech that --plot draws: more can't be seen in one figure."""


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
    parser.add_argument(
        "--plot", action="store_true", help="also draw each, as .png beside the file"
    )
    options.add_tracker(parser)
    parser.add_argument(
        "--hop",
        type=float,
        metavar="MS",
        default=10.0,
        help="from frame to frame, in ms (default: %(default)g)",
    )
    options.add_section(parser)
    options.add_force(parser)


def run(args):
    """Track every recording; those that fail are named at the end."""
    part = options.section(args)
    if not HOPS_MS[0] <= args.hop <= HOPS_MS[1]:
        raise ValueError(
            f"--hop is {args.hop:g} ms: expected {HOPS_MS[0]} to {HOPS_MS[1]} ms"
        )
    if args.plot and not args.out:
        raise ValueError("--plot needs --out: the figure is saved beside the csv")
    found, skipped = options.find_recordings(args.inputs)
    jobs, failures = plan_jobs(found, args.out, args.format)
    if is_file(args.out):
        for path in files_of(jobs[0], args.plot):
            options.refuse_existing(path, args.force)
    todo = [job for job in jobs if args.force or _is_missing(job, args.plot)]
    written = _work_all(todo, args, part, failures) if todo else 0
    if args.out:
        kept = len(jobs) - len(todo)
        note = f"; {kept} exist already, --force overwrites them" if kept else ""
        print(f"{written} of {len(found)} written to {args.out}{note}")
    return options.report_failures("f0", failures, len(found), skipped)


def _work_all(jobs, args, part, failures):
    """Track and write each, with a line about it; add to failures, return the rest."""
    from tqdm import tqdm

    hop_ms = 1000 * round(SAMPLE_RATE * args.hop / 1000) / SAMPLE_RATE
    tracker = options.make_tracker(args, SAMPLE_RATE, hop_ms)
    longest = math.inf if args.tracker == "autocorrelation" else LONGEST_WORLD
    written = 0
    # tqdm shows nothing where stderr is no terminal.
    for job in tqdm(jobs, "tracking", unit="file", disable=None, leave=False):
        try:
            wav, contour = track(job.source, tracker, part, longest)
            content = encode(contour, job.format, args.nan)
            if job.target:
                save(job, content, wav, contour, args)
        except (OSError, RuntimeError, ValueError) as error:
            text = str(error)
            named = str(job.source) in text
            failures.append(text if named else f"{job.source}: {text}")
            continue
        written += 1
        line = f"{job.source}: {summary(contour)}"
        if job.target:
            tqdm.write(line)
        else:
            tqdm.write(content.decode(), end="")
            tqdm.write(line, sys.stderr)
    return written


class Job(NamedTuple):
    """One recording, the file for its contour (None: print it), and its format."""

    source: Path
    target: Path | None
    format: str


def is_file(out):
    """Whether ``--out`` names a file of one of the formats, whatever its case."""
    suffixes = [suffix.lower() for suffix in FORMATS.values()]
    return bool(out) and Path(out).suffix.lower() in suffixes and not Path(out).is_dir()


def files_of(job, plot):
    """The files that a job writes."""
    if job.target is None:
        return []
    return [job.target, job.target.with_suffix(".png")][: 1 + plot]


def _is_missing(job, plot):
    return job.target is None or not all(p.exists() for p in files_of(job, plot))


def plan_jobs(found, out=None, format_=None):
    """A job for each recording, subfolders kept, and a line for each name clash."""
    if out is None or is_file(out):
        ending = Path(out).suffix[1:].lower() if out else format_ or "csv"
        if format_ and format_ != ending:
            raise ValueError(f"--out is {out} and --format {format_}: give only one")
        if len(found) > 1:
            raise ValueError(
                f"there are {len(found)} recordings and --out is "
                f"{out or 'not given'}: give a folder, --out FOLDER"
            )
        if not out and ending == "npz":
            raise ValueError("--format is npz, which can't be printed: give --out")
        return [Job(found[0][0], out and Path(out), ending)], []
    if Path(out).is_file():
        endings = ", ".join(FORMATS.values())
        raise ValueError(f"{out} is a file: give one in {endings}, or a folder")
    root = os.path.commonpath([os.path.abspath(base) for _, base in found])
    format_ = format_ or "csv"
    jobs, sources, clashes = [], {}, []
    for source, _ in found:
        place = Path(os.path.relpath(source, root)).with_suffix(FORMATS[format_])
        jobs.append(Job(source, Path(out) / place, format_))
        sources.setdefault(jobs[-1].target, []).append(str(source))
    for job in jobs:
        others = [name for name in sources[job.target] if name != str(job.source)]
        if others:
            clashes.append(
                f"{job.source}: {job.target} would be that of {', '.join(others)} too; "
                "give each alone, with its own --out"
            )
    return [job for job in jobs if len(sources[job.target]) == 1], clashes


class Contour(NamedTuple):
    """What was found in a section of a recording: arrays [T], and its bounds."""

    time_s: object
    f0_hz: object
    voicing: object
    start_s: float
    end_s: float


def track(path, tracker, part, longest=math.inf):
    """Samples [N] of a section of a recording, and its contour."""
    import numpy as np
    import torch

    from speechbrain_pitchrope.dataio.audio import read_mono

    wav = read_mono(path, tracker.sample_rate, **part)
    minutes = len(wav) / tracker.sample_rate / 60
    if minutes > longest / 60:
        raise ValueError(
            f"{path} gives {minutes:.0f} min, dio and harvest take up to "
            f"{longest / 60:.0f} min: choose a part with --start and --end, or "
            "--tracker autocorrelation"
        )
    with torch.no_grad():
        f0_hz, voicing = (row[0].numpy() for row in tracker(wav[None]))
    start, frame_shift = part["start"], tracker.hop_length / tracker.sample_rate
    time_s = start + frame_shift * np.arange(len(f0_hz))
    end = start + len(wav) / tracker.sample_rate
    return wav, Contour(time_s, f0_hz, voicing, start, end)


def encode(contour, format_, nan=False):
    """A contour as bytes; a PitchTier, of Praat, has points for voiced frames only."""
    import numpy as np

    time_s, f0_hz, voicing, start, end = contour
    if format_ == "pitchtier":
        points = [(t, f0) for t, f0 in zip(time_s, f0_hz, strict=True) if f0]
        lines = [
            'File type = "ooTextFile"',
            'Object class = "PitchTier"',
            "",
            f"xmin = {start:.6f}",
            f"xmax = {end:.6f}",
            f"points: size = {len(points)}",
        ]
        for i, (t, f0) in enumerate(points, 1):
            lines += [
                f"points [{i}]:",
                f"    number = {t:.6f}",
                f"    value = {f0:.3f}",
            ]
        return "\n".join([*lines, ""]).encode()
    if nan:
        f0_hz = np.where(f0_hz > 0, f0_hz, np.nan)
    content = io.BytesIO()
    if format_ == "npz":
        np.savez(content, time_s=time_s, f0_hz=f0_hz, voicing=voicing)
    else:
        rows = np.stack((time_s, f0_hz, voicing), 1)
        header = "time_s,f0_hz,voicing"
        np.savetxt(content, rows, ["%.4f", "%.2f", "%.3f"], ",", "\n", header, "", "")
    return content.getvalue()


def summary(contour):
    """A few words about a contour."""
    import numpy as np

    voiced = contour.f0_hz[contour.f0_hz > 0]
    seconds = f"{contour.end_s - contour.start_s:.2f} s"
    if not len(voiced):
        return f"{seconds}, nothing voiced"
    share = len(voiced) / len(contour.f0_hz)
    return (
        f"{seconds}, median f0 {np.median(voiced):.0f} Hz, {100 * share:.0f} % voiced"
    )


def save(job, content, wav, contour, args):
    """Write a contour, and its figure if wanted; what exists stays without --force."""
    from speechbrain_pitchrope.files import write_whole

    csv, *figures = files_of(job, args.plot)
    if args.force or not csv.exists():
        write_whole(csv, content)
    for png in figures:
        if args.force or not png.exists():
            draw(job.source, png, wav, contour)


def draw(source, path, wav, contour):
    """Save the figure of a recording."""
    import numpy as np
    import torch

    from speechbrain_pitchrope.figures.pitch import recording_figure
    from speechbrain_pitchrope.figures.saving import save_figure

    seconds = len(wav) / SAMPLE_RATE
    if seconds > LONGEST_FIGURE:
        raise ValueError(
            f"{source} gives {seconds / 60:.0f} min to draw, --plot draws up to "
            f"{LONGEST_FIGURE / 60:.0f} min: its csv is written, its figure is not; "
            "choose a part with --start and --end"
        )
    # The figure has a frame every 10 ms, whatever --hop is.
    times = contour.start_s + 0.01 * np.arange(len(wav) // (SAMPLE_RATE // 100) + 1)
    nearest = np.rint(np.interp(times, contour.time_s, np.arange(len(contour.f0_hz))))
    rows = (
        torch.from_numpy(row[nearest.astype(int)])
        for row in (contour.f0_hz, contour.voicing)
    )
    title = os.fsencode(source.name).decode(errors="replace")
    save_figure(recording_figure(wav, SAMPLE_RATE, *rows, title), path)

"""``pitchrope f0``: the pitch of recordings as csv, and drawn if wanted.

One row a frame of 10 ms: ``time_s,f0_hz,voicing``. f0 is 0 where unvoiced, voicing is
a probability.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

SAMPLE_RATE = 16000

AUDIO = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au")
"""What is taken for a recording inside a folder; a file that is named may be any."""

TRACKERS = ("autocorrelation", "dio", "harvest")

LONGEST_FIGURE = 600
"""Seconds of speech that --plot draws: more can't be seen in one figure."""


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "inputs",
        metavar="FILE",
        nargs="+",
        help="recordings (any sample rate, any channels), or folders of them",
    )
    parser.add_argument(
        "--out",
        help="FILE.csv for one recording (default: print it), a folder for several: "
        "subfolders are kept",
    )
    parser.add_argument(
        "--plot", action="store_true", help="also draw each, as .png beside the csv"
    )
    parser.add_argument("--tracker", choices=TRACKERS, default=TRACKERS[0])
    parser.add_argument(
        "--f0-min", type=float, default=60.0, help="in Hz (default: %(default)s)"
    )
    parser.add_argument(
        "--f0-max", type=float, default=500.0, help="in Hz (default: %(default)s)"
    )
    parser.add_argument(
        "--force", action="store_true", help="write over files that exist"
    )


def run(args):
    """Track every recording; those that fail are named at the end."""
    from tqdm import tqdm

    jobs = plan_jobs(args.inputs, args.out)
    check_outputs(jobs, args.plot, args.force)
    tracker = make_tracker(args.tracker, args.f0_min, args.f0_max)
    failures = []
    # tqdm shows nothing where stderr is no terminal.
    for job in tqdm(jobs, "tracking", unit="file", disable=None, leave=False):
        try:
            work(job, tracker, args.plot)
        except (OSError, RuntimeError, ValueError) as error:
            if len(jobs) == 1:
                raise
            text = str(error)
            named = text if str(job.source) in text else f"{job.source}: {text}"
            failures.append(named)
    if args.out:
        print(f"{len(jobs) - len(failures)} of {len(jobs)} written to {args.out}")
    if failures:
        print(
            f"pitchrope f0: {len(failures)} of {len(jobs)} recordings failed:",
            *failures,
            sep="\n  ",
            file=sys.stderr,
        )
    return 1 if failures else 0


class Job(NamedTuple):
    """One recording and where its csv goes, None for standard output."""

    source: Path
    target: Path | None


def find_recordings(inputs):
    """Recordings among files and folders, each once.

    Arguments
    ---------
    inputs : list of str
        Files, and folders that are searched to their depth for ``AUDIO``.

    Returns
    -------
    list of tuple
        (recording, folder from which its place is told).

    Raises
    ------
    ValueError
        If a folder holds no recordings.
    """
    found = {}
    for path in map(Path, inputs):
        if path.is_dir():
            files = [file for file in path.rglob("*") if file.suffix.lower() in AUDIO]
            if not files:
                raise ValueError(
                    f"{path} holds no recordings: expected files in "
                    f"{', '.join(AUDIO)}; give others by name"
                )
            for file in sorted(files):
                found.setdefault(os.path.abspath(file), (file, path))
        else:
            found.setdefault(os.path.abspath(path), (path, path.parent))
    return list(found.values())


def plan_jobs(inputs, out):
    """Where the csv of each recording goes; subfolders are kept, so names can't meet.

    Arguments
    ---------
    inputs : list of str
        Files and folders.
    out : str, optional
        FILE.csv if there is one recording, else a folder.

    Returns
    -------
    list of Job

    Raises
    ------
    ValueError
        If several recordings have no folder to go to, or two of them the same csv.

    Example
    -------
    >>> [job.target.as_posix() for job in plan_jobs(["a/x.wav", "b/x.wav"], "out")]
    ['out/a/x.csv', 'out/b/x.csv']
    >>> [job.target.as_posix() for job in plan_jobs(["a/x.wav"], "pitch.csv")]
    ['pitch.csv']
    """
    found = find_recordings(inputs)
    if out is None or Path(out).suffix == ".csv":
        if len(found) > 1:
            raise ValueError(
                f"there are {len(found)} recordings and --out is "
                f"{out or 'not given'}: give a folder, --out FOLDER"
            )
        return [Job(found[0][0], out and Path(out))]
    root = os.path.commonpath([os.path.abspath(base) for _, base in found])
    jobs = {}
    for source, _ in found:
        place = Path(os.path.relpath(source, root)).with_suffix(".csv")
        job = jobs.setdefault(place, Job(source, Path(out) / place))
        if job.source != source:
            raise ValueError(
                f"{job.source} and {source} would both be written to {job.target}: "
                "give them one at a time, each with its own --out"
            )
    return list(jobs.values())


def check_outputs(jobs, plot, force):
    """Refuse to write over files, and to draw where no file says where to."""
    if plot and jobs[0].target is None:
        raise ValueError("--plot needs --out: the figure is saved beside the csv")
    wanted = [job.target for job in jobs if job.target is not None]
    if plot:
        wanted += [target.with_suffix(".png") for target in wanted]
    existing = [str(target) for target in wanted if target.exists()]
    if existing and not force:
        raise ValueError(
            f"{len(existing)} of {len(wanted)} files to write exist, the first is "
            f"{existing[0]}: add --force to write over them, or change --out"
        )


def make_tracker(name, f0_min, f0_max):
    """The tracker of this name for a range in Hz."""
    from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World

    if not 0 < f0_min < f0_max:
        raise ValueError(
            f"the f0 range is {f0_min:g} to {f0_max:g} Hz: expected 0 < --f0-min < "
            "--f0-max"
        )
    settings = {"sample_rate": SAMPLE_RATE, "f0_min": f0_min, "f0_max": f0_max}
    if name == "autocorrelation":
        return AutocorrelationPitch(**settings)
    return World(name, **settings)


def work(job, tracker, plot):
    """Track one recording and write what was found."""
    import torch

    from speechbrain_pitchrope.dataio.audio import read_mono
    from speechbrain_pitchrope.files import write_whole

    if not job.source.is_file():
        raise ValueError(f"{job.source} is not there: expected a recording or a folder")
    wav = read_mono(job.source, tracker.sample_rate)
    with torch.no_grad():
        f0_hz, voicing = (row[0] for row in tracker(wav[None]))
    text = as_csv(f0_hz, voicing, tracker.hop_length / tracker.sample_rate)
    if job.target is None:
        sys.stdout.write(text)
        return
    write_whole(job.target, text.encode())
    if plot:
        draw(job, wav, f0_hz, voicing)


def as_csv(f0_hz, voicing, frame_shift):
    """A contour as text.

    Arguments
    ---------
    f0_hz, voicing : torch.Tensor
        Shape [T].
    frame_shift : float
        Seconds from frame to frame.

    Returns
    -------
    str

    Example
    -------
    >>> import torch
    >>> print(as_csv(torch.tensor([0.0, 150.0]), torch.tensor([0.0, 1.0]), 0.01))
    time_s,f0_hz,voicing
    0.000,0.00,0.000
    0.010,150.00,1.000
    """
    rows = enumerate(zip(f0_hz.tolist(), voicing.tolist(), strict=True))
    lines = [f"{t * frame_shift:.3f},{f0:.2f},{v:.3f}\n" for t, (f0, v) in rows]
    return "".join(["time_s,f0_hz,voicing\n", *lines])


def draw(job, wav, f0_hz, voicing):
    """Save the figure of a recording beside its csv."""
    from speechbrain_pitchrope.figures.pitch import recording_figure
    from speechbrain_pitchrope.figures.saving import save_figure

    seconds = len(wav) / SAMPLE_RATE
    if seconds > LONGEST_FIGURE:
        raise ValueError(
            f"{job.source} is {seconds / 60:.0f} min long, --plot draws up to "
            f"{LONGEST_FIGURE / 60:.0f} min: its csv is written, its figure is not"
        )
    figure = recording_figure(wav, SAMPLE_RATE, f0_hz, voicing, job.source.name)
    save_figure(figure, job.target.with_suffix(".png"))

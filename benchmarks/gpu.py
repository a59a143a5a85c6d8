"""All that is measured on a GPU, as Markdown tables, in a few minutes.

    python benchmarks/gpu.py [--wheels DIR] [--corpus DIR] [--minutes 8] [--only NAME]
    python benchmarks/gpu.py --device cpu --quick      to try the script without a GPU

Needs torch, torchaudio, numpy, scipy, sentencepiece and tqdm. The rest may come from a
folder of wheels, which ``make wheels`` downloads where there is a package index. The
sections are functions of gpu_correctness.py, gpu_speed.py and gpu_evidence.py. One that
fails is named with its error, and the others still run. The exit status is 1 if one
failed or found something wrong.
"""

import argparse
import importlib
import os
import sys
import tempfile
import time
import traceback
import zipfile
from pathlib import Path

PACKAGES = ("torch", "triton", "speechbrain")
MODULES = "gpu_speed", "gpu_correctness", "gpu_evidence"
SECTIONS = {
    "correctness": 0.5,
    "attention": 1.5,
    "training_step": 1.5,
    "features": 0.25,
    "evidence": 4.25,
}
"""Minutes of eight; what a section leaves is shared out among those behind it."""


def make_parser():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--device", choices=("cuda", "cpu"), default="cuda")
    add("--quick", action="store_true", help="sizes that mean nothing, as a trial")
    add("--minutes", type=float, default=8, help="of all sections (%(default)s)")
    add("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    add("--wheels", metavar="DIR", help="wheels of what is not installed")
    add(
        "--corpus",
        metavar="DIR",
        help="in LibriSpeech's layout, with folders train-X, dev-X and test-X; trains "
        "on it, if more than four minutes are left then",
    )
    return parser


def use_wheels(folder, target):
    """Unpack wheels, for this process and those it starts."""
    wheels = sorted(Path(folder).glob("*.whl"))
    if not wheels:
        raise FileNotFoundError(
            f"{folder} holds no wheels: make it by `make wheels` where there is a "
            "package index"
        )
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as opened:
            opened.extractall(target)
    use_path(target)


def use_path(folder):
    """Put a folder first on the path of modules, of started processes too."""
    sys.path.insert(0, str(folder))
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


def require_device(device):
    """Refuse a GPU that is not there."""
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise RuntimeError(
            f"torch {torch.__version__} (built for CUDA {torch.version.cuda}) found no "
            "CUDA device: run this on a machine with one, mend its driver, or try the "
            "script by --device cpu --quick"
        )


def run_sections(sections, job, minutes, shares=SECTIONS):
    """Run {name: function of the job}, each with its share of the minutes.

    The result is whether all is well. A function returns False if it is not.
    """
    end, fine = time.monotonic() + 60 * minutes, True
    names = list(sections)
    for number, (name, section) in enumerate(sections.items()):
        start, left = time.monotonic(), sum(shares[other] for other in names[number:])
        job.deadline = start + (end - start) * shares[name] / left
        print(f"\n## {name}")
        try:
            fine = section(job) is not False and fine
        except Exception as error:
            traceback.print_exc()
            print(f"\n**{name} failed: {type(error).__name__}: {error}**")
            fine = False
        print(f"\n{name}: {time.monotonic() - start:.0f} s")
    return fine


def main(arguments=None):
    """Run the sections that the command line asks for; the exit status."""
    args = make_parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        use_path(Path(__file__).resolve().parents[1])
        try:
            require_device(args.device)
            if args.wheels:
                use_wheels(args.wheels, scratch)
            gpu_speed, *modules = map(importlib.import_module, MODULES)
        except ImportError as error:
            return (
                f"{error}: install what is missing, or have it among the wheels of "
                f"--wheels DIR (found {args.wheels}), made for Python "
                f"{sys.version_info.major}.{sys.version_info.minor} by `make wheels`"
            )
        except (OSError, RuntimeError) as error:
            return str(error)
        from gpu_job import Job
        from machine import describe

        job = Job(args.device, args.quick, args.corpus, Path(scratch))
        print(describe(PACKAGES, args.device))
        if args.quick or args.device == "cpu":
            print("\n**A trial of the script: these figures mean nothing.**")
        found = {k: v for x in (gpu_speed, *modules) for k, v in vars(x).items()}
        sections = {name: found[name] for name in SECTIONS if name in args.only}
        shares = SECTIONS | ({} if args.corpus else {"evidence": 0.01})
        fine = run_sections(sections, job, args.minutes, shares)
        gpu_speed.print_bars(job)
        return 0 if fine else 1


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(main())

"""Where and with what a benchmark ran: the line above its tables."""

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def describe(packages, device="cpu"):
    """Date, card, processor, cores and versions of the packages that are installed.

    Arguments
    ---------
    packages : sequence of str
        Names of distributions.
    device : str
        "cuda" to name the card.

    Returns
    -------
    str
    """
    found = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"{package} not installed")
    card = f"{describe_card()}, " if device == "cuda" else ""
    return (
        f"{datetime.date.today()}, {card}{processor()} ({os.cpu_count()} cores), "
        f"Python {platform.python_version()}, {', '.join(found)}"
    )


def describe_card():
    """The GPU's name and memory, and the CUDA that torch was built for."""
    import torch

    card = torch.cuda.get_device_properties(0)
    memory = f"{card.total_memory / 2**30:.0f} GiB"
    return f"{card.name} ({memory}, CUDA {torch.version.cuda})"


def processor():
    """The processor's name, or its architecture where the system hides the name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [
        line.split(":")[1].strip() for line in lines if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()

"""Where and with what a benchmark ran: the line above its tables."""

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def describe(packages):
    """Date, processor, cores and the versions of those packages that are installed.

    Arguments
    ---------
    packages : sequence of str
        Names of distributions.

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
    return (
        f"{datetime.date.today()}, {processor()} ({os.cpu_count()} cores), Python "
        f"{platform.python_version()}, {', '.join(found)}"
    )


def processor():
    """The processor's name, or its architecture where the system hides the name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [
        line.split(":")[1].strip() for line in lines if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()

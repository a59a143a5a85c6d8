"""Files that are whole or not there, and folders that one run has alone."""

import errno
import os
import shutil
import socket
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

LOCK = "run.lock"

_held = {}


def write_whole(path, content):
    """Write bytes to a path: a reader finds all of them or what was there before."""
    with replacing(path) as part:
        part.write_bytes(content)


@contextmanager
def replacing(path):
    """A temporary path that is renamed to ``path`` at the end, or removed on failure.

    What is written there is a file or a folder; the parent folder is made if missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another process may write the same file at this time.
    part = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with naming_a_full_disk(path.parent):
            yield part
            os.replace(part, path)
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


class DamagedFile(ValueError):
    """A file is missing, damaged or strange; the message names it."""


@contextmanager
def reading(path, remedy):
    """Turn whatever reading a file raises into a DamagedFile."""
    try:
        yield
    except DamagedFile:
        raise
    except Exception as error:
        text = " ".join(str(error).split())
        raise DamagedFile(
            f"{path} can't be read ({type(error).__name__}: {text[:400]}): {remedy}"
        ) from error


@contextmanager
def naming_a_full_disk(folder):
    """Make a failure to write into a folder say that the disk is full, if it is."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch.save raises the latter
        free = shutil.disk_usage(folder).free
        known = getattr(error, "errno", None)
        if known not in (errno.ENOSPC, errno.EDQUOT) and (known or free > 1 << 20):
            raise
        raise OSError(
            errno.ENOSPC,
            f"No space left to write into {folder} ({free / 1e6:.1f} MB free). What "
            "was written before is whole: make room and start again",
        ) from error


def hold_folder(folder):
    """Keep other runs out of a folder until this process ends, however it ends.

    If another process holds it, a ValueError names that process. A process that opens
    and closes the lock's file anywhere else, as by copying the folder, loses the lock.
    """
    import fcntl  # not on Windows

    path = Path(folder).resolve() / LOCK
    if path in _held:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "a+", encoding="utf-8")
    try:
        # Unlike flock, not inherited by the processes that load data.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        other = file.read().strip()
        file.close()
        raise ValueError(
            f"{folder} is in use by another run ({other}): wait until it has ended, or "
            "choose another output_folder"
        ) from None
    file.truncate(0)
    began = time.strftime("%Y-%m-%d %H:%M:%S")
    file.write(f"process {os.getpid()} on {socket.gethostname()} since {began}\n")
    file.flush()
    _held[path] = file

"""Files that are there as a whole or not at all, and folders that one run has alone."""

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
    """Write a file under another name, then give it its own in one step.

    Whoever reads meanwhile, or after an interruption, finds the file as it was before
    or as it is now. If it can't be written, nothing is left behind.

    Arguments
    ---------
    path : pathlib.Path
        Where to; its folder is made if there is none.
    content : bytes
        What to write.

    Raises
    ------
    OSError
        If it can't be written; a full disk is named with the room that is left.

    Example
    -------
    >>> path = getfixture("tmp_path") / "folder/greeting.txt"
    >>> write_whole(path, b"hello")
    >>> path.read_bytes(), [file.name for file in path.parent.iterdir()]
    (b'hello', ['greeting.txt'])
    """
    with replacing(path) as part:
        part.write_bytes(content)


@contextmanager
def replacing(path):
    """A path beside ``path`` for a file or folder that gets this name when it is done.

    Arguments
    ---------
    path : pathlib.Path
        The name in the end; its folder is made if there is none.

    Yields
    ------
    pathlib.Path
        Where to write; it is removed if an exception is raised.
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


@contextmanager
def naming_a_full_disk(folder):
    """Tell whoever fails to write into a folder that its disk is full, if it is."""
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

    Arguments
    ---------
    folder : str
        The folder; made if it is not there.

    Raises
    ------
    ValueError
        If another process holds the folder; the message names it.

    Example
    -------
    >>> hold_folder(getfixture("tmp_path"))
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

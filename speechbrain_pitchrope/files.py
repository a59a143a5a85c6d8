"""Files that are there as a whole or not at all."""

import os


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

    Example
    -------
    >>> path = getfixture("tmp_path") / "folder/greeting.txt"
    >>> write_whole(path, b"hello")
    >>> path.read_bytes(), [file.name for file in path.parent.iterdir()]
    (b'hello', ['greeting.txt'])
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)

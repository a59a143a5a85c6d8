"""``pitchrope swap``: an existing recipe's yaml, so that its attention hears pitch."""

import difflib
from pathlib import Path

from speechbrain_pitchrope.files import write_whole
from speechbrain_pitchrope.swapping.notes import beyond_names
from speechbrain_pitchrope.swapping.rewrite import swap, unswap
from speechbrain_pitchrope.variants import variant_names


def difference(before, after, before_name="before", after_name="after"):
    """Unified diff of two texts.

    Arguments
    ---------
    before, after : str
        The texts.
    before_name, after_name : str
        Their names, for the first two lines.

    Returns
    -------
    list of str
        The lines of the diff, without line breaks; none if the texts are equal.

    Example
    -------
    >>> difference("a: 1\\nb: 2\\n", "a: 1\\nb: 3\\n")[3:]
    [' a: 1', '-b: 2', '+b: 3']
    """
    return list(
        difflib.unified_diff(
            before.replace("\r\n", "\n").removesuffix("\n").split("\n"),
            after.replace("\r\n", "\n").removesuffix("\n").split("\n"),
            before_name,
            after_name,
            lineterm="",
        )
    )


def read(path):
    """Read a yaml file, its line ends as they are.

    Arguments
    ---------
    path : pathlib.Path
        The file.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such file, or it is not UTF-8.
    """
    if not path.is_file():
        found = "is not a file" if path.exists() else "is not there"
        raise ValueError(f"{path} {found}: give the yaml of a recipe")
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - before.rfind(b"\n")
        raise ValueError(
            f"{path}: not yaml: line {line}, column {column}: not UTF-8"
        ) from None


def check_output(path, input_path, force):
    """Refuse an output that may not be written.

    Arguments
    ---------
    path : pathlib.Path
        Where to write.
    input_path : pathlib.Path
        The input; it is never overwritten.
    force : bool
        Whether another file may be.

    Raises
    ------
    ValueError
        If the path is that of the input, of a folder or a device, or of a file and
        ``force`` is not given.
    """
    if path.exists():
        if path.samefile(input_path):
            raise ValueError(f"{path} is the input: give another output")
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "no regular file"
            raise ValueError(f"{path} is {kind}: give the name of a yaml to write")
    if not force and (path.exists() or path.is_symlink()):
        raise ValueError(f"{path} is there already: give another output, or --force")


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument("input", type=Path, help="yaml of a recipe; it is not changed")
    parser.add_argument("output", type=Path, help="where to write the new yaml")
    parser.add_argument(
        "--variant",
        default="all",
        choices=variant_names(),
        metavar="NAME",
        help=f"of {', '.join(variant_names())} (default: all)",
    )
    parser.add_argument("--diff", action="store_true", help="print what changes")
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--unswap", action="store_true", help="turn a swapped yaml back")
    way.add_argument(
        "--check",
        action="store_true",
        help="build the swapped features and encoder, run them once forward and "
        "backward, and write nothing if that fails",
    )
    parser.add_argument(
        "--force", action="store_true", help="overwrite the output if it is there"
    )


def run(args):
    """Rewrite the yaml and say what changed, in the file and in the model."""
    before = read(args.input)
    check_output(args.output, args.input, args.force)
    notes, checked = [], []
    try:
        if args.unswap:
            after = unswap(before)
        else:
            after, notes = swap(before, args.variant), beyond_names(before)
        if args.check:
            from speechbrain_pitchrope.swapping.check import check  # takes seconds

            checked = check(after)
    except ValueError as error:
        raise ValueError(f"{args.input}: {error}") from None
    try:
        write_whole(args.output, after.encode("utf-8"))
    except OSError as error:
        raise ValueError(f"{args.output} can't be written: {error.strerror}") from None
    lines = difference(before, after, str(args.input), str(args.output))
    if args.diff:
        print("\n".join(lines))
    removed = sum(line.startswith("-") for line in lines[2:])
    added = sum(line.startswith("+") for line in lines[2:])
    print(f"{args.output}: {removed} lines replaced by {added}")
    _print_list("beyond the names of classes:", notes)
    _print_list("checked, forward and backward:", checked)
    return 0


def _print_list(heading, sentences):
    if sentences:
        print("\n  - ".join([heading, *sentences]))

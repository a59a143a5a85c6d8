"""``pitchrope swap``: an existing recipe's yaml, with attention that uses pitch."""

import difflib
from pathlib import Path

from speechbrain_pitchrope.cli.options import add_force
from speechbrain_pitchrope.controls import CONTROLS
from speechbrain_pitchrope.files import write_whole
from speechbrain_pitchrope.swapping.rewrite import beyond_names, swap
from speechbrain_pitchrope.variants import variant_names

OWN_FOLDER = (
    "give each variant and control an --output_folder of its own: train.py goes on "
    "with the weights that it finds there"
)


def difference(before, after, before_name="before", after_name="after"):
    """The lines of a unified diff of two texts, without line breaks."""
    texts = before.splitlines(), after.splitlines()
    return list(difflib.unified_diff(*texts, before_name, after_name, lineterm=""))


def check_output(path, input_path, force):
    """Refuse the input, a folder, a device, and without ``force`` any other file."""
    if not path.exists():
        return
    if path.samefile(input_path):
        raise ValueError(f"{path} is the input: give another output")
    if not path.is_file():
        raise ValueError(f"{path} is no regular file: give the name of a yaml to write")
    if not force:
        raise ValueError(f"{path} exists: give another output, or --force")


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument("input", type=Path, help="yaml of a recipe; it is not changed")
    parser.add_argument("output", type=Path, help="where to write the new yaml")
    parser.add_argument(
        "--variant",
        default="all",
        metavar="NAME",
        help=f"one of {', '.join(variant_names())}, or one with a control behind it, "
        f"{', '.join(f'+{name}' for name in CONTROLS)} (default: all)",
    )
    parser.add_argument("--diff", action="store_true", help="print what changes")
    parser.add_argument(
        "--check",
        action="store_true",
        help="build the swapped features and encoder, run them once forward and "
        "backward, and write nothing if that fails. This runs code that the yaml "
        "names: check only recipes that you trust. Without --check none of it runs",
    )
    add_force(parser)


def run(args):
    """Rewrite the yaml and say what changed, in the file and in the model."""
    if not args.input.is_file():
        raise ValueError(f"{args.input} is no file: give the yaml of a recipe")
    check_output(args.output, args.input, args.force)
    folder = args.input.parent
    checked = []
    try:
        before = args.input.read_bytes().decode("utf-8")  # line ends stay as they are
        after = swap(before, args.variant, folder)
        if "!include:" in after and args.output.parent.resolve() != folder.resolve():
            raise ValueError(
                "it includes files, which are looked for beside it: write the output "
                f"to {folder}"
            )
        if args.check:
            from speechbrain_pitchrope.swapping.check import check  # takes seconds

            checked = check(after, folder)
    except ValueError as error:
        raise ValueError(f"{args.input}: {error}") from None
    write_whole(args.output, after.encode("utf-8"))
    diff = difference(before, after, str(args.input), str(args.output))
    if args.diff:
        print("\n".join(diff))
    removed, added = (sum(line[0] == sign for line in diff[2:]) for sign in "-+")
    print(f"{args.output}: {removed} lines replaced by {added}")
    for heading, sentences in (
        (
            f"beyond the names of classes, in {args.input}:",
            beyond_names(before, folder),
        ),
        ("checked, forward and backward:", checked),
    ):
        if sentences:
            print("\n  - ".join([heading, *sentences]))
    print(OWN_FOLDER)
    return 0

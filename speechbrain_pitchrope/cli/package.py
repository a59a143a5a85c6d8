"""``pitchrope package``: a finished training run as a folder for inference."""

from pathlib import Path

from speechbrain_pitchrope.cli.options import add_force, refuse_existing

EXECUTES = (
    "The hyperparams.yaml is loaded, which executes what it names: open only those of "
    "people you trust."
)


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "run_folder",
        metavar="FOLDER",
        help="output folder of train.py, or one of its checkpoints, save/CKPT+...",
    )
    parser.add_argument(
        "--out", metavar="PACKAGE", help="where to (default: FOLDER/package)"
    )
    add_force(parser)
    parser.epilog = EXECUTES


def run(args):
    """Package the run and say where."""
    from speechbrain_pitchrope.runs.run import open_run

    opened = open_run(args.run_folder)  # before torch is loaded
    folder = Path(args.out or opened.folder / "package")
    refuse_existing(folder, args.force, is_folder=True)
    from speechbrain_pitchrope.runs.package import package_run

    print(package_run(opened, folder))
    return 0

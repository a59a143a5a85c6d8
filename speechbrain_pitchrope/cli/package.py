"""``pitchrope package``: a finished training run as a folder for inference."""


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


def run(args):
    """Package the run and say where."""
    from speechbrain_pitchrope.runs.packaging import package_run

    print(package_run(args.run_folder, args.out))
    return 0

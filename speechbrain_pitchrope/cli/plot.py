"""``pitchrope plot``: figures from one's own audio and training runs, as PNG or SVG."""

from pathlib import Path

CHECKPOINT = "output folder of train.py, or a checkpoint in it, save/CKPT+..."

TRAINED = ("layer", "head")
UNTRAINED = (
    ("rate", "a of every rotary pair (default: 0.4)"),
    ("slope", "rho of every rotary pair (default: 0.2)"),
    ("weight", "beta of the similarity bias, in logits (default: 1)"),
)
"""Arguments that go with a checkpoint, and those that stand in for one."""


def add_arguments(parser):
    """Declare the figures and their arguments."""
    figures = parser.add_subparsers(dest="figure", required=True, metavar="FIGURE")
    pitch = figures.add_parser(
        "pitch", help="waveform, spectrogram with f0, and voicing of a recording"
    )
    pitch.set_defaults(draw=draw_pitch)
    rotation = figures.add_parser(
        "rotation", help="rotary positions, standard and adapted to a recording's pitch"
    )
    rotation.add_argument(
        "--pairs", type=int, nargs="+", default=[0, 1, 2, 3], help="rotary pairs"
    )
    rotation.set_defaults(draw=draw_rotation)
    similarity = figures.add_parser(
        "similarity", help="how positions see each other, and the similarity bias"
    )
    similarity.set_defaults(draw=draw_similarity)
    attention = figures.add_parser(
        "attention", help="attention maps with pitch, without it, and the difference"
    )
    attention.add_argument("--checkpoint", required=True, help=CHECKPOINT)
    attention.add_argument("--layers", type=int, nargs="+", help="default: the last")
    attention.add_argument(
        "--heads", type=int, nargs="+", help="default: all, but four at most"
    )
    attention.set_defaults(draw=draw_attention)
    training = figures.add_parser(
        "training", help="loss and error rates of one or more training runs"
    )
    training.add_argument("folders", nargs="+", help="output folders of train.py")
    training.set_defaults(draw=draw_training)

    for figure in (pitch, rotation, similarity, attention):
        figure.add_argument("file", help="the recording: any sample rate, any channels")
    for figure, settings in ((rotation, UNTRAINED[:2]), (similarity, UNTRAINED)):
        figure.add_argument("--checkpoint", help=f"{CHECKPOINT} (default: untrained)")
        for name in TRAINED:
            figure.add_argument(
                f"--{name}", type=int, help="of the checkpoint (default: 0)"
            )
        for name, meaning in settings:
            figure.add_argument(
                f"--{name}", type=float, help=f"without a checkpoint: {meaning}"
            )
    for figure in (rotation, attention):
        figure.add_argument(
            "--span",
            type=float,
            nargs=2,
            metavar=("START", "END"),
            help="seconds to show (default: all, but the first 8 s at most)",
        )
    for figure in (pitch, rotation, similarity, attention, training):
        figure.add_argument(
            "--out", help="where to save: .png, .svg or .pdf (default: FIGURE.png)"
        )


def run(args):
    """Draw the figure, save it, and say where."""
    from speechbrain_pitchrope.figures.saving import FORMATS, save_figure

    out = Path(args.out or f"{args.figure}.png")
    if out.suffix.lower() not in FORMATS:
        raise ValueError(f"--out is {out}: choose one of {', '.join(FORMATS)}")
    if out.is_dir():
        raise ValueError(f"--out is {out}, which is a folder: name a file in it")
    save_figure(args.draw(args), out)
    print(out)
    return 0


def draw_pitch(args):
    """The figure of one recording's pitch."""
    from speechbrain_pitchrope.cli.plots import drawing

    return drawing.draw_pitch(args.file)


def draw_rotation(args):
    """The figure of a head's rotary pairs over one recording."""
    from speechbrain_pitchrope.cli.plots import drawing

    head = _head(args, ("theta", "radius"), weight=0.0)
    return drawing.draw_rotation(head, args.file, args.pairs, args.span)


def draw_similarity(args):
    """The figure of how positions see each other in one recording."""
    from speechbrain_pitchrope.cli.plots import drawing

    head = _head(args, ("theta", "radius", "similarity"))
    return drawing.draw_similarity(head, args.file)


def draw_attention(args):
    """The figure of a trained model's attention over one recording."""
    from speechbrain_pitchrope.cli.plots import drawing
    from speechbrain_pitchrope.runs.trained import load_trained

    run = load_trained(args.checkpoint)
    return drawing.draw_attention(run, args.file, args.layers, args.heads, args.span)


def draw_training(args):
    """The figure of one or more training runs."""
    from speechbrain_pitchrope.cli.plots import drawing

    return drawing.draw_training(args.folders)


def _head(args, switches, **settings):
    """The head that the arguments ask for, trained or not."""
    from speechbrain_pitchrope.cli.plots import heads

    untrained = [name for name, _ in UNTRAINED]
    given = {
        name: value
        for name in (*TRAINED, *untrained)
        if (value := getattr(args, name, None)) is not None
    }
    with_checkpoint = args.checkpoint is not None
    misplaced = given.keys() & (untrained if with_checkpoint else TRAINED)
    if misplaced:
        flags = ", ".join(f"--{name}" for name in sorted(misplaced))
        which = "with" if with_checkpoint else "without"
        raise ValueError(f"{flags} can't be used {which} --checkpoint")
    if not with_checkpoint:
        return heads.untrained_head(args.file, **settings, **given)
    from speechbrain_pitchrope.runs.trained import load_trained

    run = load_trained(args.checkpoint)
    layer, head = given.get("layer", 0), given.get("head", 0)
    return heads.trained_head(run, args.file, layer, head, switches)

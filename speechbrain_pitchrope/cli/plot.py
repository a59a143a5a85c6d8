"""``pitchrope plot``: figures from one's own audio and training runs, as PNG or SVG."""

import os
from pathlib import Path

from speechbrain_pitchrope.cli.options import (
    add_force,
    add_section,
    add_tracker,
    make_tracker,
    refuse_existing,
    section,
)

CHECKPOINT = (
    "output folder of train.py, or a checkpoint in it, save/CKPT+...; loading its "
    "hyperparams.yaml runs what it names, so give only runs that you trust"
)


def add_arguments(parser):
    """Declare the figures and their arguments."""
    figures = parser.add_subparsers(dest="figure", required=True, metavar="FIGURE")

    def add(draw, summary):
        name = draw.__name__.removeprefix("draw_")
        figure = figures.add_parser(name, help=summary, description=summary)
        figure.set_defaults(draw=draw)
        figure.add_argument(
            "--out", help=f"where to save: .png, .svg or .pdf (default: {name}.png)"
        )
        add_force(figure)
        if draw is draw_training:
            figure.add_argument("folders", nargs="+", help="output folders of train.py")
        else:
            figure.add_argument("file", help="the recording: any rate, any channels")
            add_section(figure)
        return figure

    add_tracker(add(draw_pitch, "waveform, spectrogram with f0, and voicing"))
    rotation = add(
        draw_rotation, "rotary positions, standard and adapted to a recording's pitch"
    )
    similarity = add(
        draw_similarity, "what positions and pitch add to the logits of a head"
    )
    attention = add(
        draw_attention, "attention maps with pitch, without it, and the difference"
    )
    add(draw_training, "loss and error rates of one or more training runs")
    number, numbers = {"type": int}, {"type": int, "nargs": "+"}
    rotation.add_argument(
        "--pairs", **numbers, default=[0, 1, 2, 3], help="rotary pairs"
    )
    attention.add_argument("--checkpoint", required=True, help=CHECKPOINT)
    attention.add_argument("--layers", **numbers, help="default: the last")
    attention.add_argument("--heads", **numbers, help="default: all, but four at most")
    for figure in (rotation, similarity):
        figure.add_argument(
            "--checkpoint",
            help=f"{CHECKPOINT} (default: values that show the formulas)",
        )
        figure.add_argument("--layer", **number, help="of the checkpoint (default: 0)")
        figure.add_argument("--head", **number, help="of the checkpoint (default: 0)")


def run(args):
    """Draw the figure, save it, and say where."""
    from speechbrain_pitchrope.figures.style import FORMATS, save_figure

    out = Path(args.out or f"{args.figure}.png")
    if out.suffix.lower() not in FORMATS:
        raise ValueError(f"--out is {out}: choose one of {', '.join(FORMATS)}")
    refuse_existing(out, args.force)
    for name in ("file", "checkpoint"):  # before torch is loaded
        path = getattr(args, name, None)
        if path and not os.path.exists(path):
            raise ValueError(f"{path} is not there: expected the {name} to draw from")
    save_figure(args.draw(args), out)
    print(out)
    return 0


def draw_pitch(args):
    """The figure of one recording's pitch."""
    part = section(args)
    from speechbrain_pitchrope.figures import drawing
    from speechbrain_pitchrope.lobes.features import PitchFbank

    rate = drawing.SAMPLE_RATE
    features = PitchFbank(
        sample_rate=rate,
        n_mels=drawing.N_MELS,
        pitch_tracker=make_tracker(args, rate),
    )
    return drawing.draw_pitch(args.file, features, **part)


def draw_rotation(args):
    """The figure of a head's rotary pairs over one recording."""
    head = _head(args, ("theta", "radius"), even=0.0, odd=0.0)
    from speechbrain_pitchrope.figures import drawing

    return drawing.draw_rotation(head, args.file, args.pairs, _span(args))


def draw_similarity(args):
    """The figure of what positions and pitch add to the logits of a head."""
    head = _head(args, ("theta", "radius", "similarity"))
    from speechbrain_pitchrope.figures import drawing

    return drawing.draw_similarity(head, args.file, _span(args))


def draw_attention(args):
    """The figure of a trained model's attention over one recording."""
    part = section(args)
    from speechbrain_pitchrope.figures import drawing
    from speechbrain_pitchrope.runs.trained import load_trained

    run = load_trained(args.checkpoint)
    chosen = args.layers, args.heads, _span(args)
    return drawing.draw_attention(run, args.file, *chosen, **part)


def draw_training(args):
    """The figure of one or more training runs."""
    from speechbrain_pitchrope.figures import training

    names = training.run_names(args.folders)
    logs = map(training.read_log, args.folders)
    return training.training_figure(dict(zip(names, logs, strict=True)))


def _span(args):
    """What was asked for is shown as a whole, else what can be seen."""
    return None if args.end is None else (args.start, args.end)


def _head(args, switches, **settings):
    """The head that the arguments ask for, trained or not."""
    part = section(args)
    place = [args.layer, args.head]
    if args.checkpoint is None and place != [None, None]:
        raise ValueError("--layer and --head are those of a --checkpoint: give one")
    from speechbrain_pitchrope.figures import drawing

    if args.checkpoint is None:
        return drawing.untrained_head(args.file, **settings, **part)
    from speechbrain_pitchrope.runs.trained import load_trained

    run = load_trained(args.checkpoint)
    place = [number or 0 for number in place]
    return drawing.trained_head(run, args.file, *place, switches, **part)

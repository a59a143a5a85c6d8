"""``pitchrope plot``: figures of recordings and training runs, as PNG, SVG or PDF."""

import os
from pathlib import Path

from speechbrain_pitchrope.cli import options
from speechbrain_pitchrope.cli.package import EXECUTES

CHECKPOINT = "output folder of train.py, or a checkpoint in it, save/CKPT+..."

FIGURES = {
    "pitch": "waveform, spectrogram with f0, and voicing",
    "rotation": "rotary positions, standard and adapted to a recording's pitch",
    "similarity": "what positions and pitch add to the logits of a head",
    "attention": "attention maps with pitch, without it, and the difference",
    "training": "loss and error rates of one or more training runs",
}


def add_arguments(parser):
    """Declare the figures and their arguments."""
    figures = parser.add_subparsers(dest="figure", required=True, metavar="FIGURE")
    numbers = {"type": int, "nargs": "+"}
    for name, summary in FIGURES.items():
        figure = figures.add_parser(name, help=summary, description=summary)
        add = figure.add_argument
        add("--out", help=f"where to save: .png, .svg or .pdf (default: {name}.png)")
        options.add_force(figure)
        if name == "training":
            add("folders", nargs="+", help="output folders of train.py")
            continue
        add("file", help="the recording: any rate, any channels")
        figure.epilog = None if name == "pitch" else EXECUTES
        options.add_section(figure)
        if name == "pitch":
            options.add_tracker(figure)
        elif name == "attention":
            add("--checkpoint", required=True, help=CHECKPOINT)
            add("--layers", **numbers, help="default: the last")
            add("--heads", **numbers, help="default: all, but four at most")
        else:
            shown = f"{CHECKPOINT} (default: values that show the formulas)"
            add("--checkpoint", help=shown)
            for part in ("--layer", "--head"):
                add(part, type=int, default=0, help="of the checkpoint (default: 0)")
        if name == "rotation":
            add("--pairs", **numbers, default=[0, 1, 2, 3], help="rotary pairs")


def run(args):
    """Draw the figure, save it, and say where."""
    out = Path(args.out or f"{args.figure}.png")
    options.refuse_existing(out, args.force)
    for name in ("file", "checkpoint"):  # before torch is loaded
        path = getattr(args, name, None)
        if path and not os.path.exists(path):
            raise ValueError(f"{path} is not there: expected the {name} to draw from")
    from speechbrain_pitchrope.figures.style import FORMATS, save_figure

    if out.suffix.lower() not in FORMATS:
        raise ValueError(f"--out is {out}: choose one of {', '.join(FORMATS)}")
    draw = draw_training if args.figure == "training" else draw_recording
    save_figure(draw(args), out)
    print(out)
    return 0


def draw_training(args):
    """The figure of one or more training runs."""
    from speechbrain_pitchrope.figures import training

    names = training.run_names(args.folders)
    logs = map(training.read_log, args.folders)
    return training.training_figure(dict(zip(names, logs, strict=True)))


def draw_recording(args):
    """One of the other figures, of a recording."""
    part = options.section(args)
    # What was asked for is shown as a whole, else what can be seen.
    span = None if args.end is None else (args.start, args.end)
    from speechbrain_pitchrope.figures import drawing
    from speechbrain_pitchrope.runs.trained import load_trained

    if args.figure == "pitch":
        tracker = options.make_tracker(args)
        features = drawing.PitchFbank(n_mels=drawing.N_MELS, pitch_tracker=tracker)
        return drawing.draw_pitch(args.file, features, **part)
    trained = load_trained(args.checkpoint) if args.checkpoint else None
    if not trained and (args.layer or args.head):
        raise ValueError("--layer and --head choose in a model: give its --checkpoint")
    if args.figure == "attention":
        chosen = args.layers, args.heads, span
        return drawing.draw_attention(trained, args.file, *chosen, **part)
    of_rotation = args.figure == "rotation"
    if trained:
        chosen = args.layer, args.head
        chosen += (("theta", "radius") if of_rotation else drawing.LISTENING,)
        head = drawing.trained_head(trained, args.file, *chosen, **part)
    else:
        settings = {"even": 0.0, "odd": 0.0} if of_rotation else {}
        head = drawing.untrained_head(args.file, **settings, **part)
    if of_rotation:
        return drawing.draw_rotation(head, args.file, args.pairs, span)
    return drawing.draw_similarity(head, args.file, span)

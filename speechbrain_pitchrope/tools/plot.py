"""``pitchrope plot``: figures from one's own audio and training runs, as PNG or SVG."""

from pathlib import Path

SAMPLE_RATE = 16000

SHOWN_SECONDS = 8.0
"""So much of a recording is shown where more would be a blur, without --span."""

CHECKPOINT = "output folder of train.py, or a checkpoint in it, save/CKPT+..."

TRAINED = ("layer", "head")
UNTRAINED = (
    ("rate", "a of every rotary pair (default: 0.4)"),
    ("slope", "rho of every rotary pair (default: 0.2)"),
    ("weight", "beta of the similarity bias, in logits (default: 1)"),
)
"""Arguments that go with a checkpoint, and those that stand in for one."""

FORMATS = (".png", ".svg", ".pdf")


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
            help=f"seconds to show (default: all, but {SHOWN_SECONDS:g} s at most)",
        )
    for figure in (pitch, rotation, similarity, attention, training):
        figure.add_argument(
            "--out", help="where to save: .png, .svg or .pdf (default: FIGURE.png)"
        )


def run(args):
    """Draw the figure, save it, and say where."""
    out = Path(args.out or f"{args.figure}.png")
    if out.suffix.lower() not in FORMATS:
        raise ValueError(f"--out is {out}: choose one of {', '.join(FORMATS)}")
    figure = args.draw(args)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)
    print(out)
    return 0


def draw_pitch(args):
    """The figure of one recording's pitch."""
    import torch

    from speechbrain_pitchrope import inband
    from speechbrain_pitchrope.figures.pitch import recording_figure
    from speechbrain_pitchrope.lobes.features import PitchFbank
    from speechbrain_pitchrope.tools.audio import read_mono

    wav = read_mono(args.file, SAMPLE_RATE)
    with torch.no_grad():
        _, channels = inband.split(PitchFbank()(wav[None])[0])
    f0_hz, voicing = inband.f0_in_hz(channels), inband.unpack(channels).voicing
    return recording_figure(wav, SAMPLE_RATE, f0_hz, voicing, Path(args.file).name)


def draw_rotation(args):
    """The figure of a head's rotary pairs over one recording."""
    from speechbrain_pitchrope.figures.rotation import rotation_figure

    head = _head(args, ("theta", "radius"), weight=0.0)
    standard, adapted = (rotation.numpy() for rotation in head.rotations())
    span, shown = _span(args.span, len(standard) * head.frame_shift)
    return rotation_figure(
        standard,
        adapted,
        head.f0_hz,
        head.frame_shift,
        args.pairs,
        head.notes(args.pairs),
        span,
        f"{Path(args.file).name}{shown}; {head.name}",
    )


def draw_similarity(args):
    """The figure of how positions see each other in one recording."""
    from speechbrain_pitchrope.figures.similarity import similarity_figure

    head = _head(args, ("theta", "radius", "similarity"))
    return similarity_figure(
        *(kernel.numpy() for kernel in head.kernels()),
        head.f0_hz,
        head.frame_shift,
        f"{Path(args.file).name}; {head.name}",
    )


def draw_attention(args):
    """The figure of a trained model's attention over one recording."""
    from speechbrain_pitchrope.figures.attention import attention_figure
    from speechbrain_pitchrope.tools.plots.maps import attention_maps, title_of
    from speechbrain_pitchrope.utils.trained import load_trained

    run = load_trained(args.checkpoint)
    maps = attention_maps(run, args.file, args.layers, args.heads)
    duration = len(maps.heads[0].with_pitch) * maps.frame_shift
    span, shown = _span(args.span, duration)
    title = title_of(run, f"{args.file}{shown}", maps.text)
    return attention_figure(*maps[:-1], span=span, title=title)


def draw_training(args):
    """The figure of one or more training runs."""
    from speechbrain_pitchrope.figures.training import (
        read_train_log,
        run_names,
        training_figure,
    )

    logs = {}
    for name, folder in zip(run_names(args.folders), args.folders, strict=True):
        path = Path(folder) / "train_log.txt"
        if not path.is_file():
            raise ValueError(
                f"{path} is not there: give the output folder of a training run"
            )
        logs[name] = read_train_log(path.read_text(encoding="utf-8").splitlines())
    return training_figure(logs)


def _head(args, switches, **settings):
    """The head that the arguments ask for, trained or not."""
    from speechbrain_pitchrope.tools.plots import heads

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
    from speechbrain_pitchrope.utils.trained import load_trained

    run = load_trained(args.checkpoint)
    layer, head = given.get("layer", 0), given.get("head", 0)
    return heads.trained_head(run, args.file, layer, head, switches)


def _span(span, duration):
    """Seconds to show of a recording, and what the title says of the rest."""
    if span is not None:
        start, end = span
        if not 0 <= start < end or start >= duration:
            raise ValueError(
                f"--span is {start:g} {end:g}: expected two times in ascending order "
                f"within the recording's {duration:.2f} s"
            )
        return (start, min(end, duration)), f" ({start:g} to {end:g} s)"
    if duration <= SHOWN_SECONDS:
        return (0, duration), ""
    return (0, SHOWN_SECONDS), f" (first {SHOWN_SECONDS:g} of {duration:.1f} s)"

"""``pitchrope plot``: figures from one's own audio and training runs, as PNG or SVG."""

from pathlib import Path

SAMPLE_RATE = 16000


def add_arguments(parser):
    """Declare the figures and their arguments."""
    figures = parser.add_subparsers(dest="figure", required=True, metavar="FIGURE")
    pitch = figures.add_parser(
        "pitch", help="waveform, spectrogram with f0, and voicing of a recording"
    )
    pitch.add_argument("file", help="the recording: any sample rate, any channels")
    pitch.set_defaults(draw=draw_pitch)
    training = figures.add_parser(
        "training", help="loss and error rates of one or more training runs"
    )
    training.add_argument("folders", nargs="+", help="output folders of train.py")
    training.set_defaults(draw=draw_training)
    for figure in (pitch, training):
        figure.add_argument(
            "--out", help="where to save: .png, .svg or .pdf (default: FIGURE.png)"
        )


def run(args):
    """Draw the figure, save it, and say where."""
    out = Path(args.out or f"{args.figure}.png")
    figure = args.draw(args)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=150)
    print(out)
    return 0


def draw_pitch(args):
    """The figure of one recording's pitch."""
    import torch

    from speechbrain_pitchrope import inband
    from speechbrain_pitchrope.figures.pitch import pitch_figure
    from speechbrain_pitchrope.lobes.features import PitchFbank
    from speechbrain_pitchrope.tools.audio import read_mono

    wav = read_mono(args.file, SAMPLE_RATE)
    with torch.no_grad():
        mels, channels = inband.split(PitchFbank(n_mels=80)(wav[None])[0])
    return pitch_figure(
        wav.numpy(),
        SAMPLE_RATE,
        mels.numpy(),
        inband.f0_in_hz(channels).numpy(),
        inband.unpack(channels).voicing.numpy(),
        title=Path(args.file).name,
    )


def draw_training(args):
    """The figure of one or more training runs."""
    from speechbrain_pitchrope.figures.training import read_train_log, training_figure

    logs = {}
    for folder in args.folders:
        path = Path(folder) / "train_log.txt"
        if not path.is_file():
            raise ValueError(
                f"{path} is not there: give the output folder of a training run"
            )
        logs[folder] = read_train_log(path.read_text(encoding="utf-8").splitlines())
    return training_figure(logs)

"""The figures of a report, from what ``pitchrope plot`` draws."""

from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.cli.plots import drawing
from speechbrain_pitchrope.cli.plots.heads import trained_head
from speechbrain_pitchrope.cli.plots.hearing import LISTENING
from speechbrain_pitchrope.figures.similarity import measured_widths
from speechbrain_pitchrope.figures.training import training_figure
from speechbrain_pitchrope.nnet.summary import QUANTITIES
from speechbrain_pitchrope.report.learned import parse_learned
from speechbrain_pitchrope.report.pictures import as_picture, as_sound

ROTATION_SECONDS = 4
"""So much of a recording is shown where the fastest pair turns four times a second."""

PITCH = (
    "Top: the waveform. Middle: the log-mel spectrogram, with f0 over it on an axis of "
    "its own, at the right. Bottom: the probability of voicing. Voiced stretches are "
    "shaded."
)
ROTATION = (
    "The first four rotary pairs of layer {layer}, head {head}, which has the largest "
    "{column}. Thick lines: standard RoPE. Thin lines: as pitch adapts it; where they "
    "gain on the thick ones or fall behind, pitch changes the rate of the clock. Grey: "
    "the radius r."
)
SIMILARITY = (
    "How two positions see each other before any content counts, in layer {layer}, "
    "head {head}, which has the largest {column}: with standard RoPE, with pitch, the "
    "difference, and the bias that frames of like pitch get."
)
ATTENTION = (
    "Each row is a head of the last layer, each pixel the weight with which a frame "
    "(up) attends to another (right). Left: as the model works. Middle: with the pitch "
    "of attention zeroed. Right: what pitch adds (red) and takes (blue)."
)
TRAINING = "Loss, error rates of the validation and learning rate, epoch by epoch."
LEARNING = (
    " Right: how far attention has moved from a new model, which ignores pitch; means "
    "over all layers and heads."
)


class Shown(NamedTuple):
    """An utterance as the report shows it.

    Arguments
    ---------
    chosen : speechbrain_pitchrope.report.recordings.Chosen
        Which one.
    sound : str or None
        Its recording as a data URI.
    pictures : list of speechbrain_pitchrope.report.pictures.Picture
        Its figures.
    faults : list of str
        What can't be shown, and why.
    """

    chosen: object
    sound: str | None
    pictures: list
    faults: list


def show(facts, chosen, recordings):
    """The recording and the figures of an utterance.

    Arguments
    ---------
    facts : speechbrain_pitchrope.report.facts.Facts
        The run.
    chosen : speechbrain_pitchrope.report.recordings.Chosen
        The utterance.
    recordings : speechbrain_pitchrope.report.recordings.Recordings
        Where it is.

    Returns
    -------
    Shown
        With a line in ``faults`` for all that can't be shown.
    """
    shown = Shown(chosen, None, [], [])
    try:
        path = recordings.find(chosen.split, chosen.name)
        shown = shown._replace(sound=as_sound(path, int(facts.settings["sample_rate"])))
    except (OSError, ValueError) as error:
        shown.faults.append(f"Recording and figures of {chosen.name}: {error}")
        return shown
    for name, draw in FIGURES.items():
        if name != "pitch" and (facts.run is None or not listens(facts, name)):
            continue  # told once, for all utterances
        try:
            shown.pictures.append(draw(facts, chosen, path))
        except (OSError, ValueError) as error:
            shown.faults.append(f"The figure of {name} of {chosen.name}: {error}")
    return shown


def listens(facts, name):
    """Whether the run's attention listens to pitch where this figure looks."""
    settings = [getattr(facts.run.attention[0], switch) for switch in SWITCHES[name]]
    return set(settings) != {"none"}


SWITCHES = {
    "rotation": ("theta", "radius"),
    "similarity": LISTENING,
    "attention": LISTENING,
}
"""The switches of PitchRoPEMHA of which one at least must be on."""


def draw_pitch(facts, chosen, path):
    """Waveform, spectrogram, f0 and voicing."""
    features = None if facts.run is None else facts.run.hparams["compute_features"]
    figure = drawing.draw_pitch(path, features)
    (contour,) = (line for line in figure.axes[-1].lines if line.get_label() == "f0")
    voiced = contour.get_ydata()[np.isfinite(contour.get_ydata())]
    heard = "it has no voiced frame"
    if len(voiced):
        heard = f"f0 runs from {voiced.min():.0f} to {voiced.max():.0f} Hz"
    alt = f"Waveform, spectrogram with f0, and voicing of {chosen.name}: {heard}."
    return as_picture(figure, alt, PITCH, timed=True)


def draw_rotation(facts, chosen, path):
    """Rotary pairs of the head whose rotation follows pitch most."""
    columns = ("max |c|", "max |a|", "max |rho|")
    head, told = _head(facts, path, columns, SWITCHES["rotation"])
    pairs = range(min(4, head.net.head_dim // 2))
    seconds = len(head.f0_hz) * head.frame_shift
    span = (0, ROTATION_SECONDS) if seconds > ROTATION_SECONDS else None
    figure = drawing.draw_rotation(head, path, pairs, span)
    alt = (
        f"{len(pairs)} rotary pairs over {chosen.name}, standard and adapted to pitch: "
        f"{'; '.join(head.notes(pairs))}."
    )
    return as_picture(figure, alt, ROTATION.format(**told), timed=True)


def draw_similarity(facts, chosen, path):
    """Kernels and bias of the head that weighs likeness of pitch most."""
    columns = ("max |A|", "max |B|", "beta", "max |c|", "max |a|", "max |rho|")
    head, told = _head(facts, path, columns, SWITCHES["similarity"])
    figure = drawing.draw_similarity(head, path)
    standard, adapted, _ = (kernel.numpy() for kernel in head.kernels())
    alt = (
        f"Four maps of how the frames of {chosen.name} see each other. "
        f"{measured_widths(standard, adapted, head.frame_shift)}"
    )
    return as_picture(figure, alt, SIMILARITY.format(**told))


def draw_attention(facts, chosen, path):
    """Attention maps of the last layer."""
    figure = drawing.draw_attention(facts.run, path)
    alt = (
        f"Attention maps of the last layer over {chosen.name}, with pitch, without it, "
        "and the difference."
    )
    return as_picture(figure, alt, ATTENTION)


FIGURES = {
    "pitch": draw_pitch,
    "rotation": draw_rotation,
    "similarity": draw_similarity,
    "attention": draw_attention,
}


def draw_training(log):
    """The course of the training.

    Arguments
    ---------
    log : dict
        As of ``read_train_log``.

    Returns
    -------
    speechbrain_pitchrope.report.pictures.Picture
    """
    last = ", ".join(
        f"{name} {log[name][-1]:g}"
        for name in ("train loss", "valid loss", "valid WER", "valid CER")
        if name in log
    )
    alt = f"Curves over {len(log['epoch'])} epochs; at the end: {last}."
    caption = TRAINING + (
        LEARNING if log.keys() & {q.statistic for q in QUANTITIES} else ""
    )
    return as_picture(training_figure({"": log}), alt, caption)


def _head(facts, path, columns, switches):
    """The head that the first column that is on says is loudest, and what to tell."""
    layer, head, column = parse_learned(facts.learned).loudest(columns)
    told = {"layer": layer, "head": head, "column": column.replace("max ", "")}
    return trained_head(facts.run, path, layer, head, switches), told

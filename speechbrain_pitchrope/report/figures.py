"""The figures and the sound of a report's utterances, as data URIs."""

import base64
import io
from typing import NamedTuple

import numpy as np
import soundfile
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures import drawing
from speechbrain_pitchrope.figures.heads import LISTENING, trained_head
from speechbrain_pitchrope.figures.saving import figure_bytes
from speechbrain_pitchrope.figures.training import training_figure

DPI = 120
"""Dots per inch of a figure: sharp on a screen, and a page that can be mailed."""

AUDIO_FORMATS = (
    ("MP3", "MPEG_LAYER_III", "audio/mpeg"),
    ("FLAC", "PCM_16", "audio/flac"),
    ("WAV", "PCM_16", "audio/wav"),
)
"""(format, subtype) of libsndfile and the type that browsers know, the best one first.
All browsers play these; MP3 is a quarter of FLAC, and came with libsndfile 1.1."""

ROTATION_SECONDS = 4
"""So much of a recording is shown where the fastest pair turns four times a second."""

SWITCHES = {
    "rotation": ("theta", "radius"),
    "similarity": LISTENING,
    "attention": LISTENING,
}
"""The switches of PitchRoPEMHA of which one at least must be on."""

CAPTIONS = {
    "pitch": "The waveform, the spectrogram with f0 over it, and the probability of "
    "voicing. Voiced stretches are shaded.",
    "rotation": "The first four rotary pairs of layer {layer}, head {head}, which has "
    "the largest {column}. Thick lines: standard RoPE. Thin lines: as pitch adapts it; "
    "where they gain on the thick ones or fall behind, pitch changes the angle. Grey: "
    "the radius r.",
    "similarity": "What two positions add to the logits before any content counts, in "
    "layer {layer}, head {head}, which has the largest {column}: with standard RoPE, "
    "with pitch, the difference, and the bias from pitch similarity.",
    "attention": "Each row is a head of the last layer, each pixel the weight with "
    "which a frame (up) attends to another (right). Left: as the model works. Middle: "
    "with the pitch of attention zeroed. Right: what pitch adds (red), takes (blue).",
    "training": "Loss, error rates of the validation and learning rate, epoch by "
    "epoch, and, if pitch is used, how far attention has moved from a new model.",
}


class Picture(NamedTuple):
    """A figure as an image; ``width`` and ``height`` are pixels of the screen.

    ``time``, for a mark that follows the sound, is where the axis of time begins and
    ends, as shares of the width, and its first and last second.
    """

    uri: str
    width: int
    height: int
    alt: str
    caption: str
    time: str | None = None


def as_picture(figure, alt, caption, seconds=None):
    """A figure as a Picture. PNG: as SVG the same figures are 1.4 to 6 times as large.

    ``seconds`` are the first and last of the axis of time, if all panels share one.
    """
    uri, time = _data_uri("image/png", figure_bytes(figure, ".png", DPI)), None
    if seconds is not None:  # after saving, which is when the layout is made
        box = figure.axes[0].get_position()
        time = " ".join(f"{value:.5g}" for value in (box.x0, box.x1, *seconds))
    width, height = (round(96 * float(inch)) for inch in figure.get_size_inches())
    return Picture(uri, width, height, alt, caption, time)


def as_sound(wav, sample_rate):
    """A recording as the model gets it, as a data URI that browsers play."""
    wav = np.clip(wav.numpy(), -1, 1)
    for form, subtype, mime in AUDIO_FORMATS:
        content = io.BytesIO()
        try:
            soundfile.write(content, wav, sample_rate, subtype, format=form)
        except (soundfile.LibsndfileError, ValueError):
            continue  # this libsndfile can't, or not at this sample rate
        return _data_uri(mime, content.getvalue())
    raise ValueError(f"libsndfile writes no sound of {sample_rate} samples per second")


def _data_uri(mime, content):
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def show(facts, chosen, recordings):
    """An utterance's sound (a data URI or None), Pictures, and what can't be shown."""
    sample_rate = int(facts.run.settings["sample_rate"])
    try:
        path = recordings.find(chosen.split, chosen.name)
        wav = read_mono(path, sample_rate)
        sound = as_sound(wav, sample_rate)
    except (OSError, ValueError) as error:
        return None, [], [f"Recording and figures of {chosen.name}: {error}"]
    pictures, faults = [], []
    for name, draw in FIGURES.items():
        if name in not_drawn(facts) or (name != "pitch" and facts.model is None):
            continue  # told once, for all utterances
        try:
            pictures.append(draw(facts, chosen.name, path, wav))
        except (OSError, ValueError) as error:
            faults.append(f"The figure of {name} of {chosen.name}: {error}")
    return sound, pictures, faults


def not_drawn(facts):
    """Names of the figures in which the run's variant has nothing to show."""
    if facts.model is None:
        return []
    net = facts.model.attention[0]
    return [
        name
        for name, switches in SWITCHES.items()
        if {getattr(net, switch) for switch in switches} == {"none"}
    ]


def draw_pitch(facts, name, path, wav):
    """Waveform, spectrogram, f0 and voicing."""
    features = drawing.PitchFbank(sample_rate=int(facts.run.settings["sample_rate"]))
    if facts.model is not None:
        features = facts.model.hparams["compute_features"]
    figure = drawing.draw_pitch(path, features)
    with torch.no_grad():
        f0_hz = inband.f0_in_hz(inband.split(features(wav[None])[0])[1])
    voiced = f0_hz[f0_hz > 0]
    alt = f"f0 runs from {voiced.min():.0f} to {voiced.max():.0f} Hz"
    alt = f"Waveform, spectrogram with f0, and voicing of {name}: {alt}."
    seconds = (0, len(wav) / features.compute_STFT.sample_rate)
    return as_picture(figure, alt, CAPTIONS["pitch"], seconds)


def draw_rotation(facts, name, path, wav):
    """Rotary pairs of the head whose rotation follows pitch most."""
    columns = ("max |c|", "max |a|", "max |rho|")
    head, caption = _head(facts, path, "rotation", columns)
    pairs = range(min(4, head.net.head_dim // 2))
    seconds = min(ROTATION_SECONDS, len(head.f0_hz) * head.frame_shift)
    figure = drawing.draw_rotation(head, path, pairs, (0, seconds))
    alt = (
        f"{len(pairs)} rotary pairs over {name}, standard and adapted to pitch: "
        f"{'; '.join(head.notes(pairs))}."
    )
    return as_picture(figure, alt, caption, (0, seconds))


def draw_similarity(facts, name, path, wav):
    """Kernels and bias of the head that weighs pitch similarity most."""
    columns = ("max |B|", "max |A|", "beta", "max |c|", "max |a|", "max |rho|")
    head, caption = _head(facts, path, "similarity", columns)
    figure = drawing.draw_similarity(head, path)
    alt = (
        f"Four maps over the frames of {name}: what standard RoPE and the rotation "
        "adapted to pitch add to the logits, the difference, and the bias."
    )
    return as_picture(figure, alt, caption)


def draw_attention(facts, name, path, wav):
    """Attention maps of the last layer."""
    alt = (
        f"Attention maps of the last layer over {name}, with pitch, without it, and "
        "the difference."
    )
    figure = drawing.draw_attention(facts.model, path)
    return as_picture(figure, alt, CAPTIONS["attention"])


FIGURES = {
    "pitch": draw_pitch,
    "rotation": draw_rotation,
    "similarity": draw_similarity,
    "attention": draw_attention,
}


def draw_training(log):
    """The course of the training, as a Picture of what ``read_train_log`` gives."""
    last = ", ".join(
        f"{name} {log[name][-1]:g}"
        for name in ("train loss", "valid loss", "valid WER", "valid CER")
        if name in log
    )
    alt = f"Curves over {len(log['epoch'])} epochs; at the end: {last}."
    return as_picture(training_figure({"": log}), alt, CAPTIONS["training"])


def strongest_head(learned, columns):
    """Layer, head and column of the largest magnitude in the first column there is.

    Example
    -------
    >>> rows = [[0, 0, 0.1, ""], [0, 1, -0.3, ""]]
    >>> strongest_head((["layer", "head", "beta", "attention"], rows), ["mu", "beta"])
    (0, 1, 'beta')
    """
    header, rows = learned
    column = next(column for column in columns if column in header)
    place = header.index(column)
    layer, head, *_ = max(rows, key=lambda row: abs(row[place] or 0))
    return layer, head, column


def _head(facts, path, name, columns):
    """The head that uses pitch most, and the caption that says so."""
    layer, head, column = strongest_head(facts.learned, columns)
    told = {"layer": layer, "head": head, "column": column.replace("max ", "")}
    drawn = trained_head(facts.model, path, layer, head, SWITCHES[name])
    return drawn, CAPTIONS[name].format(**told)

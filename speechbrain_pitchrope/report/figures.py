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
from speechbrain_pitchrope.figures.drawing import LISTENING, trained_head
from speechbrain_pitchrope.figures.style import figure_bytes
from speechbrain_pitchrope.figures.training import training_figure
from speechbrain_pitchrope.report.facts import find_recording

DPI = 120
"""Dots per inch of a figure: sharp on a screen, and a page that can be mailed."""

ROTATION_SECONDS = 4
"""So much of a recording is shown where the fastest pair turns four times a second."""

SWITCHES = {
    "rotation": ("theta", "radius"),
    "similarity": LISTENING,
    "attention": LISTENING,
}
"""The switches of PitchRoPEMHA of which one at least must be on."""

COLUMNS = {
    "rotation": ("max |c|", "max |a|", "max |rho|"),
    "similarity": ("max |B|", "max |A|", "beta", "max |c|", "max |a|", "max |rho|"),
}
"""What is learned that chooses the head to draw: the first of these that there is."""


class Picture(NamedTuple):
    """A figure as an image; ``width`` and ``height`` are pixels of the screen.

    ``note`` is for its text alternative. ``time``, for a mark that follows the sound,
    is where the axis of time begins and ends, as shares of the width, and its first and
    last second. ``head`` is what ``strongest_head`` returns, for the caption.
    """

    name: str
    uri: str
    width: int
    height: int
    note: str
    time: str | None
    head: tuple | None


def as_picture(name, figure, note="", seconds=None, head=None):
    """A figure as a Picture. PNG: as SVG the same figures are 1.4 to 6 times as large.

    ``seconds`` are the first and last of the axis of time, if all panels share one.
    """
    uri, time = _data_uri("image/png", figure_bytes(figure, ".png", DPI)), None
    if seconds is not None:  # after saving, which is when the layout is made
        box = figure.axes[0].get_position()
        time = " ".join(f"{value:.5g}" for value in (box.x0, box.x1, *seconds))
    width, height = (round(96 * float(inch)) for inch in figure.get_size_inches())
    return Picture(name, uri, width, height, note, time, head)


def as_sound(wav, sample_rate):
    """A recording as the model gets it, as a data URI that all browsers play."""
    # MP3 is a quarter of FLAC, and came with libsndfile 1.1.
    is_new = "MP3" in soundfile.available_formats()
    form, mime = ("MP3", "audio/mpeg") if is_new else ("FLAC", "audio/flac")
    content = io.BytesIO()
    soundfile.write(content, np.clip(wav.numpy(), -1, 1), sample_rate, format=form)
    return _data_uri(mime, content.getvalue())


def _data_uri(mime, content):
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def show(facts, chosen, data_folder=None):
    """An utterance's sound (a data URI or None), Pictures, and what can't be shown."""
    sample_rate = int(facts.run.settings["sample_rate"])
    try:
        path = find_recording(facts.run, chosen.split, chosen.name, data_folder)
        wav = read_mono(path, sample_rate)
        sound = as_sound(wav, sample_rate)
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        return None, [], [f"Recording and figures of {chosen.name}: {error}"]
    pictures, faults = [], []
    for name, draw in FIGURES.items():
        if name in not_drawn(facts) or (name != "pitch" and facts.model is None):
            continue  # told once, for all utterances
        try:
            pictures.append(draw(facts, path, wav))
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


def draw_pitch(facts, path, wav):
    """Waveform, spectrogram, f0 and voicing."""
    features = drawing.PitchFbank(sample_rate=int(facts.run.settings["sample_rate"]))
    if facts.model is not None:
        features = facts.model.hparams["compute_features"]
    figure = drawing.draw_pitch(path, features)
    with torch.no_grad():
        f0_hz = inband.f0_in_hz(inband.split(features(wav[None])[0])[1])
    voiced = f0_hz[f0_hz > 0]
    note = f"f0 runs from {voiced.min():.0f} to {voiced.max():.0f} Hz"
    seconds = (0, len(wav) / features.compute_STFT.sample_rate)
    return as_picture("pitch", figure, note, seconds)


def draw_rotation(facts, path, wav):
    """Rotary pairs of the head whose rotation follows pitch most."""
    head, found = _head(facts, path, "rotation")
    pairs = range(min(4, head.net.head_dim // 2))
    seconds = 0, min(ROTATION_SECONDS, len(head.f0_hz) * head.frame_shift)
    figure = drawing.draw_rotation(head, path, pairs, seconds)
    return as_picture("rotation", figure, "; ".join(head.notes(pairs)), seconds, found)


def draw_similarity(facts, path, wav):
    """Kernels and bias of the head that weighs pitch similarity most."""
    head, found = _head(facts, path, "similarity")
    return as_picture("similarity", drawing.draw_similarity(head, path), head=found)


def draw_attention(facts, path, wav):
    """Attention maps of the last layer."""
    return as_picture("attention", drawing.draw_attention(facts.model, path))


FIGURES = {
    "pitch": draw_pitch,
    "rotation": draw_rotation,
    "similarity": draw_similarity,
    "attention": draw_attention,
}


def draw_training(log):
    """The course of the training, as a Picture of what ``read_log`` gives."""
    last = ", ".join(
        f"{name} {log[name][-1]:g}"
        for name in ("train loss", "valid loss", "valid WER", "valid CER")
        if name in log
    )
    note = f"{len(log['epoch'])} epochs; at the end: {last}"
    return as_picture("training", training_figure({"": log}), note)


def strongest_head(learned, columns):
    """Layer, head and column of the largest magnitude in the first column there is."""
    header, rows = learned
    column = next(column for column in columns if column in header)
    place = header.index(column)
    layer, head, *_ = max(rows, key=lambda row: abs(row[place] or 0))
    return layer, head, column.removeprefix("max ")


def _head(facts, path, name):
    """The head that uses pitch most, and where it was found."""
    found = strongest_head(facts.learned, COLUMNS[name])
    return trained_head(facts.model, path, *found[:2], SWITCHES[name]), found

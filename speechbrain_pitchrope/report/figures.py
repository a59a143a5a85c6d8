"""The figures and the sound of a report's utterances, as data URIs."""

import base64
import io

import numpy as np
import soundfile

from speechbrain_pitchrope.figures import drawing
from speechbrain_pitchrope.figures.drawing import LISTENING, trained_head
from speechbrain_pitchrope.figures.style import figure_bytes

DPI = 120  # sharp on a screen, and a page that can be mailed
ROTATION_SECONDS = 4  # the fastest pair turns four times a second

FIGURES = {
    "pitch": (),
    "rotation": ("theta", "radius"),
    "similarity": LISTENING,
    "attention": LISTENING,
}
"""Figure to the switches of PitchRoPEMHA of which one at least must be on."""

ROTATION = ("max |c|", "max |a|", "max |rho|")
BIAS = ("max |B|", "max |A|", "beta")
"""What is learned that chooses the head to draw: the first of these that there is."""


def as_picture(name, figure, note="", head=None):
    """What the template needs of a figure. As SVG they would be up to 6 times as large.

    ``note`` is for its text alternative, ``head`` is of ``strongest_head``.
    """
    width, height = (round(96 * float(inch)) for inch in figure.get_size_inches())
    uri = _data_uri("image/png", figure_bytes(figure, ".png", DPI))
    picture = {"name": name, "uri": uri, "width": width, "height": height}
    return picture | {"note": note, "head": head}


def as_sound(wav, sample_rate):
    """A recording as the model gets it, as a data URI that all browsers play."""
    content = io.BytesIO()
    soundfile.write(content, np.clip(wav.numpy(), -1, 1), sample_rate, format="MP3")
    return _data_uri("audio/mpeg", content.getvalue())


def _data_uri(mime, content):
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def not_drawn(model):
    """Names of the figures for which there is no model, or nothing to show in it."""
    nets = model.attention if model else []
    return [
        name
        for name, switches in FIGURES.items()
        if switches and not drawing.use_pitch(nets, switches)
    ]


def draw(name, model, learned, path):
    """A figure of a recording; if it is of one head, of that which uses pitch most."""
    if name == "pitch":
        own = model and model.hparams["compute_features"]
        features = own or drawing.PitchFbank(n_mels=drawing.N_MELS)
        return as_picture(name, drawing.draw_pitch(path, features))
    if name == "attention":
        return as_picture(name, drawing.draw_attention(model, path))
    found = strongest_head(learned, ROTATION if name == "rotation" else BIAS + ROTATION)
    head = trained_head(model, path, *found[:2], FIGURES[name])
    if name == "similarity":
        return as_picture(name, drawing.draw_similarity(head, path), head=found)
    pairs = range(min(4, head.net.head_dim // 2))
    figure = drawing.draw_rotation(head, path, pairs, (0, ROTATION_SECONDS))
    return as_picture(name, figure, "; ".join(head.notes(pairs)), found)


def strongest_head(learned, columns):
    """Layer, head and column of the largest magnitude in the first column there is."""
    header, rows = learned
    column = next(column for column in columns if column in header)
    place = header.index(column)
    layer, head, *_ = max(rows, key=lambda row: abs(row[place] or 0))
    return layer, head, column.removeprefix("max ")

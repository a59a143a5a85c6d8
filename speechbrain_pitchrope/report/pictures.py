"""Figures and sounds as data URIs, which a page carries in itself."""

import base64
import io
from typing import NamedTuple

import numpy as np
import soundfile

from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures.saving import figure_bytes

DPI = 120
"""Dots per inch of a figure: sharp on a screen, and a page that can be mailed."""

AUDIO_FORMATS = (
    ("MP3", "MPEG_LAYER_III", "audio/mpeg"),
    ("FLAC", "PCM_16", "audio/flac"),
    ("WAV", "PCM_16", "audio/wav"),
)
"""(format, subtype) of libsndfile and the type that browsers know, the best one first.
All browsers play these; MP3 is a quarter of FLAC, and came with libsndfile 1.1."""


class Picture(NamedTuple):
    """A figure as an image.

    Arguments
    ---------
    uri : str
        "data:image/png;base64,...".
    width, height : int
        Pixels of the screen that it takes where there is room.
    alt : str
        What is to be seen, for who can't see it.
    caption : str
        How to read it.
    time : tuple or None
        Where the time axis lies if there is just one, for a mark that follows the
        sound: left and right end as shares of the width, first and last second.
    """

    uri: str
    width: int
    height: int
    alt: str
    caption: str
    time: tuple | None = None


def as_picture(figure, alt, caption, timed=False):
    """A figure as an image. PNG: as SVG the same figures are 1.4 to 6 times as large.

    Arguments
    ---------
    figure : matplotlib.figure.Figure
        The figure.
    alt, caption : str
        As of ``Picture``.
    timed : bool
        Whether all panels share one axis of time, in seconds.

    Returns
    -------
    Picture

    Example
    -------
    >>> from speechbrain_pitchrope.figures.style import new_canvas
    >>> picture = as_picture(new_canvas((2, 1)), "nothing", "An empty figure.")
    >>> picture.uri[:26], picture.width, picture.height
    ('data:image/png;base64,iVBO', 192, 96)
    """
    png = figure_bytes(figure, ".png", DPI)
    time = None
    if timed:  # after saving, which is when the layout is made
        axes = figure.axes[0]
        box = axes.get_position()
        time = tuple(float(value) for value in (box.x0, box.x1, *axes.get_xlim()))
    inches = figure.get_size_inches()
    width, height = (round(96 * float(inch)) for inch in inches)  # CSS: 96 an inch
    return Picture(_data_uri("image/png", png), width, height, alt, caption, time)


def as_sound(path, sample_rate):
    """A recording as the model hears it, to be played by a browser.

    Arguments
    ---------
    path : str
        The recording.
    sample_rate : int
        Samples per second, as of the model.

    Returns
    -------
    str
        "data:audio/mpeg;base64,...", or another of ``AUDIO_FORMATS`` if libsndfile
        can't write MP3.

    Raises
    ------
    ValueError
        If the recording can't be read.
    """
    wav = np.clip(read_mono(path, sample_rate).numpy(), -1, 1)
    for form, subtype, mime in AUDIO_FORMATS[:-1]:
        content = io.BytesIO()
        try:
            soundfile.write(content, wav, sample_rate, subtype, format=form)
        except (soundfile.LibsndfileError, ValueError):
            continue  # this libsndfile can't, or not at this sample rate
        return _data_uri(mime, content.getvalue())
    form, subtype, mime = AUDIO_FORMATS[-1]
    content = io.BytesIO()
    soundfile.write(content, wav, sample_rate, subtype, format=form)
    return _data_uri(mime, content.getvalue())


def _data_uri(mime, content):
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"

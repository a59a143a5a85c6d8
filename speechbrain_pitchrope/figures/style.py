"""What all figures share: colours that print and that the colour-blind tell apart.

They are as wide as a column of text, or narrower, so that their letters keep the size
they are drawn in.
"""

import textwrap
import warnings
from functools import cache

import numpy as np

# Okabe and Ito, "Color universal design", 2008.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
SEQUENCE = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")

# Red and blue, white at zero: told apart with any colour vision.
DIVERGING = "RdBu_r"

WIDTH = 6.5
"""Inches; the text of a page of A4 or Letter is about as wide."""

MAP_DOTS = 300
"""Approximate width of a map in a PNG, in dots."""

TITLE_POINTS, TITLE_LINES = 10, 4
"""Size of a title's letters, and the most lines it may take."""

MEL_HERTZ = (200, 500, 1000, 2000, 4000, 8000)
"""Ticks of a spectrogram's second axis."""


def require_matplotlib():
    """Refuse to go on if matplotlib is not installed: ImportError, with the remedy."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "figures need matplotlib: pip install 'speechbrain_pitchrope[plots]'"
        ) from error


def new_canvas(size):
    """An empty Figure of (width, height) inches, outside of pyplot's global state."""
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def set_title(figure, title):
    """Print a title above a figure, in a few lines that fit; nothing if it is empty."""
    if not title:
        return
    title, fonts = printable(title)
    room = 0.95 * 72 * figure.get_figwidth()
    length = len(title)
    lines = [title]
    while length > 10 and max(_width(line, fonts) for line in lines) > room:
        # At once near to what fits, then letter by letter: letters differ in width.
        widest = max(_width(line, fonts) for line in lines)
        fits = int(max(map(len, lines)) * room / widest)
        length = max(10, min(length - 1, fits))
        lines = textwrap.wrap(
            title, length, max_lines=TITLE_LINES, placeholder=" [...]"
        )
    figure.suptitle(
        "\n".join(lines), fontsize=TITLE_POINTS, parse_math=False, fontfamily=fonts
    )


def _width(line, fonts):
    """Points that a line of a title takes."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    prop = FontProperties(family=fonts)
    text = line.replace("$", "S")
    return TextPath((0, 0), text, size=TITLE_POINTS, prop=prop).get_extents().width


def printable(text):
    """A text and the installed fonts that have its characters.

    Characters that no font has are replaced, and named in one warning.

    Example
    -------
    >>> printable("a.wav")
    ('a.wav', ['DejaVu Sans'])
    """
    require_matplotlib()
    fonts = ["DejaVu Sans"]
    missing = {char for char in text if char.isprintable()} - _covered(text, *fonts)
    if missing and (font := _font_with("".join(sorted(missing)))):
        fonts.append(font)
        missing -= _covered("".join(missing), font)
    if missing:
        warnings.warn(
            f"no installed font has {''.join(sorted(missing))!r}: "
            "drawn as '?'; install one, such as Noto Sans CJK",
            stacklevel=2,
        )
    return "".join("?" if char in missing else char for char in text), fonts


def _covered(text, name):
    """The characters of a text that a font has."""
    from matplotlib import font_manager

    family = font_manager.FontProperties(family=[name])
    font = font_manager.get_font(font_manager.findfont(family))
    return {char for char in text if font.get_char_index(ord(char))}


@cache
def _font_with(text):
    """Name of the installed font that has most of these characters, None if none."""
    from matplotlib import font_manager

    best, most = None, 0
    for entry in font_manager.fontManager.ttflist:
        if entry.name.startswith("Last Resort"):  # boxes for every character
            continue
        font = font_manager.get_font(entry.fname)
        count = sum(font.get_char_index(ord(char)) > 0 for char in text)
        if count > most:
            best, most = entry.name, count
    return best


def draw_spectrogram(axes, mels_db, frame_shift, start=0.0, f_max=None):
    """A log-mel spectrogram [T, n_mels] in grey, its upper 60 dB.

    If the bands end at ``f_max`` Hz and begin at 0, an axis in Hz stands beside.
    """
    n_frames, n_mels = mels_db.shape
    edges = start - 0.5 * frame_shift, start + (n_frames - 0.5) * frame_shift
    axes.imshow(
        mels_db.T,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        vmin=mels_db.max() - 60,
        extent=(*edges, 0, n_mels),
    )
    axes.set_ylabel("mel band")
    if f_max:
        ticks = [hertz for hertz in MEL_HERTZ if hertz <= f_max]
        # Band b is centred at mel (b + 1) / (n_mels + 1) of the range, at b + 0.5 here.
        places = mel(np.array(ticks)) / mel(f_max) * (n_mels + 1) - 0.5
        hertz_axis = axes.secondary_yaxis(-0.13)
        hertz_axis.set_yticks(places, [f"{hertz:,}" for hertz in ticks], fontsize=7)
        hertz_axis.set_ylabel("frequency (Hz)")


def mel(hertz):
    """Mel of a frequency, as in SpeechBrain's Filterbank."""
    return 2595 * np.log10(1 + hertz / 700)


def draw_f0(axes, f0_hz, frame_shift, upright=False, start=0.0):
    """f0 over time on an axis of octaves, broken where unvoiced; upright if wished."""
    times = start + np.arange(len(f0_hz)) * frame_shift
    voiced = np.where(f0_hz > 0, f0_hz, np.nan)
    course = (voiced, times) if upright else (times, voiced)
    # A single voiced frame between unvoiced ones is no line: the dots show it.
    axes.plot(*course, ".-", color=GREEN, linewidth=1.4, markersize=2.5)
    octaves = axes.xaxis if upright else axes.yaxis
    set_scale, set_limits = (
        (axes.set_xscale, axes.set_xlim)
        if upright
        else (axes.set_yscale, axes.set_ylim)
    )
    set_scale("log")
    ticks = (75, 300) if upright else (75, 150, 300)
    octaves.set_ticks(ticks, [str(hertz) for hertz in ticks], fontsize=7)
    octaves.set_ticks([], minor=True)
    set_limits(50, max(450, 1.1 * np.max(f0_hz)))
    octaves.set_label_text("f0 (Hz)", fontsize=8)
    axes.grid(alpha=0.3)


def map_options(n_frames, frame_shift, start=0.0, n_shown=None):
    """How a T x T map of frames against frames is drawn: options of ``imshow``.

    Each frame is a square about its time. Where a map has more frames than dots,
    neighbours are averaged: to leave some out would show stripes that aren't there.

    Example
    -------
    >>> map_options(3, 0.04)["extent"]
    (-0.02, 0.1, -0.02, 0.1)
    """
    edges = start - 0.5 * frame_shift, start + (n_frames - 0.5) * frame_shift
    return {
        "origin": "lower",
        "aspect": "auto",
        "extent": (*edges, *edges),
        "interpolation": "nearest" if (n_shown or n_frames) <= MAP_DOTS else "auto",
    }

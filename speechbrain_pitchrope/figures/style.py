"""What all figures share: a style, panels over the time of a recording, and files.

The colours can be printed, and told apart with any colour vision. Figures are as wide
as a column of text, or narrower, so that their letters keep the size they are drawn in.
"""

import io
import textwrap
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, fontManager, get_font

from speechbrain_pitchrope.files import write_whole

STYLE = {
    "figure.constrained_layout.use": True,
    "figure.titlesize": 10,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "grid.alpha": 0.3,
    "image.aspect": "auto",
    "image.origin": "lower",
    "text.parse_math": False,  # names of files may hold a "$"
}

# Okabe and Ito, "Color universal design", 2008.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
SEQUENCE = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")
DIVERGING = "RdBu_r"  # red and blue, white at zero

WIDTH = 6.5  # inches; approximate width of the text on a page of A4 or Letter
TITLE_LINES = 4  # the most lines of a title
MEL_HERTZ = (200, 500, 1000, 2000, 4000, 8000)  # ticks of a spectrogram's second axis

DPI = 150  # dots per inch of a PNG, and of the maps inside of SVG and PDF
COLORS = 256  # of a PNG: a third of the size, no value off by more than 4 %

# Endings, and metadata without which files of one figure differ in time.
FORMATS = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}

styled = matplotlib.rc_context(STYLE)
"""Decorator of a function that draws: matplotlib's settings are ``STYLE`` in it."""


class Frames(NamedTuple):
    """When frames are: every ``shift`` s, the first one at ``start`` s.

    ``span`` is the first and last second to show; all if not given.
    """

    shift: float
    start: float = 0.0
    span: tuple | None = None

    def times(self, n_frames):
        """Seconds of the frames."""
        return self.start + np.arange(n_frames) * self.shift

    def edges(self, n_frames):
        """Seconds at which the first of these frames begins and the last one ends."""
        start, shift = self.start, self.shift
        return start - 0.5 * shift, start + (n_frames - 0.5) * shift


def new_canvas(size, title=None):
    """An empty Figure of (width, height) inches; the title is wrapped to fit."""
    figure = Figure(figsize=size)
    if title:
        text, fonts = printable(title)
        em = 0.7 if text.isascii() else 1.0  # widths of most capitals, of Chinese
        length = int(72 * size[0] / (em * STYLE["figure.titlesize"]))
        text = textwrap.fill(text, length, max_lines=TITLE_LINES, placeholder=" [...]")
        figure.suptitle(text, fontfamily=fonts, wrap=True)  # for wider letters
    return figure


def printable(text):
    """A text, '?' for what no installed font has (one warning names it), and fonts."""
    fonts = [("DejaVu Sans", findfont("DejaVu Sans"))]
    fonts += [(font.name, font.fname) for font in fontManager.ttflist]
    chosen, missing = [], set(filter(str.isprintable, text))
    for name, path in fonts:
        if missing and not name.startswith("Last Resort"):  # all boxes
            found = missing & _letters(path)
            chosen += [name] * bool(found)
            missing -= found
    if missing:
        warnings.warn(
            f"no installed font has {''.join(sorted(missing))!r}: "
            "drawn as '?'; install one, such as Noto Sans CJK",
            stacklevel=2,
        )
    text = "".join("?" if char in missing else char for char in text)
    return text, chosen or ["DejaVu Sans"]


@cache
def _letters(path):
    """The characters of a font."""
    return frozenset(map(chr, get_font(path).get_charmap()))


def draw_spectrogram(axes, mels_db, frames, f_max=None):
    """A log-mel spectrogram [T, n_mels] in grey, its upper 60 dB.

    If the bands end at ``f_max`` Hz and begin at 0, an axis in Hz stands beside.
    """
    n_frames, n_mels = mels_db.shape
    extent = (*frames.edges(n_frames), 0, n_mels)
    axes.imshow(mels_db.T, cmap="Greys", vmin=mels_db.max() - 60, extent=extent)
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


def draw_f0(axes, f0_hz, frames, **line):
    """f0 over time on an axis of octaves, broken where unvoiced."""
    # A single voiced frame between unvoiced ones is no line: the dots show it.
    line = {"color": GREEN, "linewidth": 1.4, "marker": "o", "markersize": 1.4} | line
    voiced = np.where(f0_hz > 0, f0_hz, np.nan)
    axes.plot(frames.times(len(f0_hz)), voiced, markeredgewidth=0, label="f0", **line)
    axes.set_yscale("log")
    axes.set_yticks((75, 150, 300), ("75", "150", "300"))
    axes.minorticks_off()
    axes.set_ylim(
        min(50, 0.9 * np.nanmin(voiced, initial=50)),
        max(550, 1.1 * np.nanmax(voiced, initial=550)),
    )
    axes.set_ylabel("f0 (Hz)")


def draw_map(axes, values, limits, frames, cmap=DIVERGING):
    """A map of queries against keys, [T, T], with limits of colours; its image."""
    edges = frames.edges(len(values))
    colors = {"cmap": cmap, "vmin": limits[0], "vmax": limits[1]}
    image = axes.imshow(values, extent=(*edges, *edges), **colors)
    axes.set(xlim=frames.span or edges, ylim=frames.span or edges)
    axes.set(xlabel="time of the key (s)", ylabel="time of the query (s)")
    return image


def figure_bytes(figure, suffix=".png", dpi=DPI):
    """A figure as the content of a file, the same for the same figure."""
    from PIL import Image  # which matplotlib needs

    suffix, content = suffix.lower(), io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "speechbrain_pitchrope"}):
        figure.savefig(content, format=suffix[1:], dpi=dpi, metadata=FORMATS[suffix])
    if suffix == ".png":
        picture = Image.open(content).convert("RGB")
        picture = picture.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=0)
        content = io.BytesIO()
        picture.save(content, "PNG", optimize=True, dpi=(dpi, dpi))
    return content.getvalue()


def save_figure(figure, path):
    """Write a figure as its path's ending says; its folder is made if missing."""
    path = Path(path)
    write_whole(path, figure_bytes(figure, path.suffix))

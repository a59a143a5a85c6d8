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


def new_canvas(size, title=None):
    """An empty Figure of (width, height) inches, outside of pyplot's global state.

    The title is printed above, in a few lines that fit.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    if title:
        text, fonts = printable(title)
        em = 0.7 if text.isascii() else 1.0  # widths of most capitals, of Chinese
        length = int(72 * size[0] / (em * TITLE_POINTS))
        lines = textwrap.wrap(text, length, max_lines=TITLE_LINES, placeholder=" [...]")
        figure.suptitle(
            "\n".join(lines),
            fontsize=TITLE_POINTS,
            parse_math=False,
            fontfamily=fonts,
            wrap=True,  # for letters that are wider
        )
    return figure


def printable(text):
    """A text, '?' for what no installed font has (one warning names it), and fonts."""
    require_matplotlib()
    from matplotlib.font_manager import findfont, fontManager

    fonts = [("DejaVu Sans", findfont("DejaVu Sans"))]
    fonts += [(font.name, font.fname) for font in fontManager.ttflist]
    chosen, missing = [], {char for char in text if char.isprintable()}
    for name, path in fonts:
        if missing and not name.startswith("Last Resort"):  # all boxes
            found = {char for char in missing if ord(char) in _letters(path)}
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
    """The characters of a font, as Unicode numbers."""
    from matplotlib.font_manager import get_font

    return frozenset(get_font(path).get_charmap())


def draw_spectrogram(axes, mels_db, frame_shift, start=0.0, f_max=None):
    """A log-mel spectrogram [T, n_mels] in grey, its upper 60 dB.

    If the bands end at ``f_max`` Hz and begin at 0, an axis in Hz stands beside.
    """
    n_frames, n_mels = mels_db.shape
    axes.imshow(
        mels_db.T,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        vmin=mels_db.max() - 60,
        extent=(*edges_of(n_frames, frame_shift, start), 0, n_mels),
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


def draw_f0(axes, f0_hz, frame_shift, start=0.0, **style):
    """f0 over time on an axis of octaves, broken where unvoiced."""
    # A single voiced frame between unvoiced ones is no line: the dots show it.
    style = {"color": GREEN, "linewidth": 1.4, "marker": "o", "markersize": 1.4} | style
    times = start + np.arange(len(f0_hz)) * frame_shift
    voiced = np.where(f0_hz > 0, f0_hz, np.nan)
    axes.plot(times, voiced, markeredgewidth=0, label="f0", **style)
    axes.set_yscale("log")
    ticks = (75, 150, 300)
    axes.set_yticks(ticks, [str(hertz) for hertz in ticks])
    axes.minorticks_off()
    axes.set_ylim(
        min(50, 0.9 * np.nanmin(voiced, initial=50)),
        max(550, 1.1 * np.nanmax(voiced, initial=550)),
    )
    axes.set_ylabel("f0 (Hz)")


def edges_of(n_frames, frame_shift, start=0.0):
    """Seconds at which the first of some frames begins and the last one ends."""
    return start - 0.5 * frame_shift, start + (n_frames - 0.5) * frame_shift


def draw_map(axes, values, limits, frame_shift, start=0.0, span=None, cmap=DIVERGING):
    """A map of frames against frames, [T, T], from ``start`` s on; returns its image.

    A row is a query, a column a key. ``limits`` are those of the colours, and ``span``
    is the first and last second to show.
    """
    edges = edges_of(len(values), frame_shift, start)
    image = axes.imshow(
        values,
        origin="lower",
        aspect="auto",
        extent=(*edges, *edges),
        cmap=cmap,
        vmin=limits[0],
        vmax=limits[1],
    )
    axes.set(xlim=span or edges, ylim=span or edges)
    return image

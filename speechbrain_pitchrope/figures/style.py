"""What all figures share: colours that print and that the colour-blind tell apart.

They are as wide as a column of text, or narrower, so that their letters keep the size
they are drawn in.
"""

import textwrap

import numpy as np

# Okabe and Ito, "Color universal design", 2008.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
SEQUENCE = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")


# Red and blue, white at zero: told apart with any colour vision.
DIVERGING = "RdBu_r"

WIDTH = 6.5
"""Inches; the text of a page of A4 or Letter is about as wide."""

MAP_DOTS = 300
"""About as many dots wide is a map in a PNG."""

TITLE_POINTS, TITLE_LINES = 10, 4
"""Size of a title's letters, and the most lines it may take."""


def require_matplotlib():
    """Refuse to go on if matplotlib is not installed: ImportError, with the remedy."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "figures need matplotlib: pip install 'speechbrain_pitchrope[plots]'"
        ) from error


def new_canvas(size):
    """An empty Figure, outside of pyplot's global state.

    Arguments
    ---------
    size : tuple
        Width and height in inches.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=size, layout="constrained")


def new_figure(n_rows, height_ratios=None, size=(WIDTH, 4.9)):
    """A Figure with rows that share the x axis.

    Arguments
    ---------
    n_rows : int
        Number of panels.
    height_ratios : sequence of float, optional
        Relative heights of the panels.
    size : tuple
        Width and height in inches.

    Returns
    -------
    figure : matplotlib.figure.Figure
    axes : list of matplotlib.axes.Axes
    """
    figure = new_canvas(size)
    axes = figure.subplots(
        n_rows, 1, sharex=True, squeeze=False, height_ratios=height_ratios
    )
    return figure, list(axes[:, 0])


def set_title(figure, title):
    """Print a title above a figure, in lines that fit; nothing if there is none.

    Arguments
    ---------
    figure : matplotlib.figure.Figure
        The figure.
    title : str or None
        A few lines of it are shown, and what goes beyond is left out.
    """
    if title:
        room = 0.95 * 72 * figure.get_figwidth()
        length = len(title)
        lines = [title]
        while length > 10 and max(map(_title_width, lines)) > room:
            # At once near to what fits, then letter by letter: letters differ in width.
            widest = max(lines, key=_title_width)
            fits = int(len(widest) * room / _title_width(widest))
            length = max(10, min(length - 1, fits))
            lines = textwrap.wrap(
                title, length, max_lines=TITLE_LINES, placeholder=" [...]"
            )
        figure.suptitle("\n".join(lines), fontsize=TITLE_POINTS, parse_math=False)


def _title_width(line):
    """Points that a line of a title takes."""
    from matplotlib.textpath import TextPath

    letters = TextPath((0, 0), line.replace("$", "S"), size=TITLE_POINTS)
    return letters.get_extents().width


def draw_spectrogram(axes, mels_db, frame_shift):
    """A log-mel spectrogram in grey, its upper 60 dB.

    Arguments
    ---------
    axes : matplotlib.axes.Axes
        Where to draw.
    mels_db : array
        Shape [T, n_mels].
    frame_shift : float
        Seconds from frame to frame.
    """
    n_frames, n_mels = mels_db.shape
    axes.imshow(
        mels_db.T,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        vmin=mels_db.max() - 60,
        extent=(-0.5 * frame_shift, (n_frames - 0.5) * frame_shift, 0, n_mels),
    )
    axes.set_ylabel("mel band")


def draw_f0(axes, f0_hz, frame_shift, upright=False):
    """f0 over time on an axis of octaves, broken where unvoiced.

    Arguments
    ---------
    axes : matplotlib.axes.Axes
        Where to draw.
    f0_hz : array
        Shape [T], 0 where unvoiced.
    frame_shift : float
        Seconds from frame to frame.
    upright : bool
        Whether time runs upwards, and f0 to the right.
    """
    times = np.arange(len(f0_hz)) * frame_shift
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


def map_options(n_frames, frame_shift, n_shown=None):
    """How a T x T map of frames against frames is drawn: options of ``imshow``.

    Arguments
    ---------
    n_frames : int
        T.
    frame_shift : float
        Seconds from frame to frame.
    n_shown : int, optional
        How many frames along one side are to be seen; all if not given.

    Returns
    -------
    dict
        Each frame is a square about its time. Where a map has more frames than dots,
        neighbours are averaged: to leave some out would show stripes that aren't there.

    Example
    -------
    >>> map_options(3, 0.04)["extent"]
    (-0.02, 0.1, -0.02, 0.1)
    """
    edges = (-0.5 * frame_shift, (n_frames - 0.5) * frame_shift)
    return {
        "origin": "lower",
        "aspect": "auto",
        "extent": (*edges, *edges),
        "interpolation": "nearest" if (n_shown or n_frames) <= MAP_DOTS else "auto",
    }

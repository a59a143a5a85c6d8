"""Attention maps with pitch, without it, and the difference, under the spectrogram."""

from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.figures.style import (
    DIVERGING,
    draw_spectrogram,
    map_options,
    new_canvas,
    set_title,
)

COLUMNS = ("pitch on", "attention's pitch zeroed", "difference")

WORD_START = "\u2581"
"""What SentencePiece begins a word with."""

TOKEN_INCHES = 0.1
"""Width of a token that can be read; a letter of it is about 0.065 inches long."""

SMALLEST_TOKEN_INCHES = 0.065
"""More tokens than fit at this width are not written, only marked."""

COLUMN_INCHES = 2.1
"""Width of a map."""


class HeadMaps(NamedTuple):
    """Attention weights of one head, each [T, T]: a row is a query, and sums to 1."""

    name: str
    with_pitch: np.ndarray
    without_pitch: np.ndarray


def attention_figure(
    mels_db, mel_shift, heads, frame_shift, tokens=(), span=None, title=None
):
    """Attention maps of some heads on the time axis of the spectrogram.

    All maps of weights share one colour scale, and all differences another.

    Arguments
    ---------
    mels_db : array
        Log-mel spectrogram in dB, shape [T_mel, n_mels].
    mel_shift : float
        Seconds from frame to frame of the spectrogram.
    heads : sequence of HeadMaps
        One row of the figure each.
    frame_shift : float
        Seconds from frame to frame of the maps.
    tokens : sequence of tuple
        (seconds, piece) of each token decoded.
    span : tuple, optional
        First and last second to show; all if not given.
    title : str, optional
        Printed above, broken into lines.

    Returns
    -------
    matplotlib.figure.Figure

    Example
    -------
    >>> heads = [HeadMaps("layer 0, head 0", np.eye(20), np.full((20, 20), 0.05))]
    >>> figure = attention_figure(np.zeros((80, 40)), 0.01, heads, 0.04)
    >>> [axes.get_title() for axes in figure.axes if axes.get_title()]
    ['pitch on', "attention's pitch zeroed", 'difference']
    """
    n_frames = len(heads[0].with_pitch)
    n_shown = None if span is None else round((span[1] - span[0]) / frame_shift)
    options = map_options(n_frames, frame_shift, n_shown)
    span = span or options["extent"][:2]
    tokens = _readable(tokens, span)
    written = len(tokens) * SMALLEST_TOKEN_INCHES <= COLUMN_INCHES
    upright = written and any(len(piece) > 1 for _, piece in tokens)
    longest = max((len(piece) for _, piece in tokens), default=1) if upright else 1
    heights = (0.7, 0.2 + 0.065 * longest, *[1.7] * len(heads))
    figure = new_canvas((3 * COLUMN_INCHES + 1.2, 1.9 + sum(heights)))
    grid = figure.subplots(
        len(heads) + 2, 3, sharex=True, squeeze=False, height_ratios=heights
    )
    for column, name in enumerate(COLUMNS):
        grid[0, column].set_title(name, fontsize=9)
        draw_spectrogram(grid[0, column], mels_db, mel_shift)
        if written:
            _draw_tokens(grid[1, column], tokens, span, upright)
        else:
            _mark_tokens(grid[1, column], tokens)
        grid[-1, column].set_xlabel("time of the key (s)")
    for column in (1, 2):
        grid[0, column].set_ylabel("")
        for axes in grid[:, column]:
            axes.tick_params(labelleft=False)
    weights, differences = _draw_maps(grid[2:], heads, options)
    for axes in grid[2:].flat:
        axes.set_ylim(span)
    grid[0, 0].set_xlim(span)
    for image, panels, label, extend in (
        (weights, grid[2:, :2], "attention weight", "max"),
        (differences, grid[2:, 2:], "pitch on less zeroed", "both"),
    ):
        bar = figure.colorbar(
            image,
            ax=panels,
            location="bottom",
            label=label,
            shrink=0.8,
            aspect=30,
            pad=0.02,
            extend=extend,
        )
        bar.ax.locator_params(nbins=4)
    set_title(figure, title)
    return figure


def _readable(tokens, span):
    """The tokens within a span, joined into words if there are too many to read."""
    pieces = [token for token in tokens if span[0] <= token[0] <= span[1]]
    if len(pieces) * TOKEN_INCHES <= 0.7 * COLUMN_INCHES:  # near their frames still
        return pieces
    return [word for word in in_words(tokens) if span[0] <= word[0] <= span[1]]


def _draw_maps(rows, heads, options):
    """Fill the rows; one image of weights and one of differences, for colour bars.

    A few weights are far above all others, on frames of silence mostly: the scale ends
    at the 99.5th percentile.
    """
    weights = [(head.with_pitch, head.without_pitch) for head in heads]
    changes = [on - zeroed for on, zeroed in weights]
    top = np.quantile(weights, 0.995)
    change = max(np.quantile(np.abs(changes), 0.995), 1e-6)
    for axes, head, maps, difference in zip(rows, heads, weights, changes, strict=True):
        for panel, values in zip(axes[:2], maps, strict=True):
            image = panel.imshow(values, cmap="Blues", vmin=0, vmax=top, **options)
        changed = axes[2].imshow(
            difference, cmap=DIVERGING, vmin=-change, vmax=change, **options
        )
        axes[0].set_ylabel(f"{head.name}\ntime of the query (s)", fontsize=9)
    return image, changed


def _bare(axes):
    """Leave only the axis of time."""
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    axes.spines[["left", "top", "right"]].set_visible(False)


def _mark_tokens(axes, tokens):
    """A line at the time of each token, and how many there are."""
    _bare(axes)
    times = [seconds for seconds, _ in tokens]
    axes.vlines(times, 0, 0.3, color="black", linewidth=0.5)
    axes.set_title(f"{len(tokens)} words, too many to read here", fontsize=7, pad=-6)


def _draw_tokens(axes, tokens, span, upright):
    """Tokens at their times, upright if there are words; a line leads to each."""
    _bare(axes)
    label = 0.15 if upright else 0.5
    width = min(TOKEN_INCHES, COLUMN_INCHES / max(1, len(tokens)))
    gap = width / COLUMN_INCHES * (span[1] - span[0])
    places = spread([seconds for seconds, _ in tokens], gap, span)
    for (seconds, piece), place in zip(tokens, places, strict=True):
        axes.plot((seconds, place), (0, 0.9 * label), color="black", linewidth=0.5)
        axes.text(
            place,
            label,
            piece.replace(WORD_START, "_"),
            rotation=90 if upright else 0,
            ha="center",
            va="bottom",
            fontsize=72 * width * 0.9,
        ).set_in_layout(False)


def spread(places, gap, span):
    """Ascending places moved apart within a span, to both sides alike.

    Arguments
    ---------
    places : sequence of float
        Ascending; so many that len(places) * gap is not more than the span.
    gap : float
        Least distance of neighbours.
    span : tuple
        Lower and upper bound.

    Returns
    -------
    list of float

    Example
    -------
    >>> spread([0.5, 0.5, 2.0], gap=0.25, span=(0.0, 2.0))
    [0.375, 0.625, 2.0]
    """
    upwards = _pushed(places, gap, span)
    mirrored = _pushed(
        [-place for place in reversed(places)], gap, (-span[1], -span[0])
    )
    downwards = [-place for place in reversed(mirrored)]
    # Neighbours of both are far enough apart, and so are those of their mean.
    return [(up + down) / 2 for up, down in zip(upwards, downwards, strict=True)]


def _pushed(places, gap, span):
    """Places moved up until they are apart, and down again where the span ends."""
    moved = list(places)
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + gap)
    highest = span[1]
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], highest)
        highest = moved[i] - gap
    return moved


def in_words(tokens):
    """Join the pieces of each word, at the time of its first piece.

    Arguments
    ---------
    tokens : sequence of tuple
        (seconds, piece); a word begins with SentencePiece's mark.

    Returns
    -------
    list of tuple
        (seconds, word), without the mark.

    Example
    -------
    >>> in_words([(0.1, "\u2581A"), (0.3, "\u2581"), (0.4, "C"), (0.5, "AT")])
    [(0.1, 'A'), (0.4, 'CAT')]
    """
    words, begins = [], True
    for seconds, piece in tokens:
        begins = begins or piece.startswith(WORD_START)
        letters = piece.lstrip(WORD_START)
        if not letters:
            continue
        if begins:
            words.append((seconds, letters))
        else:
            words[-1] = (words[-1][0], words[-1][1] + letters)
        begins = False
    return words

"""Attention maps with pitch, without it, and the difference, under the spectrogram."""

from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.figures.style import (
    DIVERGING,
    draw_spectrogram,
    map_options,
    new_canvas,
    printable,
    set_title,
)

COLUMNS = ("pitch on", "attention's pitch zeroed", "difference")

WORD_START = "\u2581"
"""What SentencePiece begins a word with."""

COLUMN_INCHES, WORD_INCHES = 2.1, 0.09
"""Width of a map, and of an upright word."""


class HeadMaps(NamedTuple):
    """Attention weights of one head, each [T, T]: a row is a query, and sums to 1."""

    name: str
    with_pitch: np.ndarray
    without_pitch: np.ndarray


def attention_figure(
    mels_db, mel_shift, heads, frame_shift, tokens=(), span=None, title=None, start=0.0
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
    frame_shift, start : float
        Seconds from frame to frame of the maps, and of the first frame.
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
    n_shown = None if span is None else round((span[1] - span[0]) / frame_shift)
    options = map_options(len(heads[0].with_pitch), frame_shift, start, n_shown)
    span = span or options["extent"][:2]
    words = [word for word in in_words(tokens) if span[0] <= word[0] <= span[1]]
    longest = max((len(word) for _, word in words), default=1)
    heights = (0.7, 0.2 + 0.065 * longest, *[1.7] * len(heads))
    figure = new_canvas((3 * COLUMN_INCHES + 1.2, 1.9 + sum(heights)))
    grid = figure.subplots(
        len(heads) + 2, 3, sharex=True, squeeze=False, height_ratios=heights
    )
    for column, name in enumerate(COLUMNS):
        grid[0, column].set_title(name, fontsize=9)
        draw_spectrogram(grid[0, column], mels_db, mel_shift, start)
        _draw_words(grid[1, column], words, span)
        grid[-1, column].set_xlabel("time of the key (s)")
    for column in (1, 2):
        grid[0, column].set_ylabel("")
        for axes in grid[:, column]:
            axes.tick_params(labelleft=False)
    images = _draw_maps(grid[2:], heads, options)
    for axes in grid[2:].flat:
        axes.set_ylim(span)
    grid[0, 0].set_xlim(span)
    for image, panels, label, extend in zip(
        images,
        (grid[2:, :2], grid[2:, 2:]),
        ("attention weight", "pitch on less zeroed"),
        ("max", "both"),
        strict=True,
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


def _draw_words(axes, words, span):
    """A mark at the time of each word, and the word if it does not hide another."""
    axes.set_yticks([])
    axes.set_ylim(0, 1)
    axes.spines[["left", "top", "right"]].set_visible(False)
    axes.vlines([seconds for seconds, _ in words], 0, 0.12, color="black", lw=0.5)
    free, width = -np.inf, WORD_INCHES / COLUMN_INCHES * (span[1] - span[0])
    for seconds, word in words:
        if seconds >= free:
            free = seconds + width
            text, fonts = printable(word)
            axes.text(
                *(seconds, 0.18, text),
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=6,
                fontfamily=fonts,
                parse_math=False,
            ).set_in_layout(False)


def in_words(tokens):
    """Join the pieces of each word, at the time of its first piece.

    Arguments
    ---------
    tokens : sequence of tuple
        (seconds, piece); a word begins with SentencePiece's mark. Without any mark,
        each piece is a word.

    Returns
    -------
    list of tuple
        (seconds, word), without the mark.

    Example
    -------
    >>> in_words([(0.1, "\u2581A"), (0.3, "\u2581"), (0.4, "C"), (0.5, "AT")])
    [(0.1, 'A'), (0.4, 'CAT')]
    """
    if not any(WORD_START in piece for _, piece in tokens):
        return [(seconds, piece) for seconds, piece in tokens if piece.strip()]
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

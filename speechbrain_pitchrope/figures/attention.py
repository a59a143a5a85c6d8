"""Attention maps with pitch, without it, and the difference, under the spectrogram."""

import numpy as np

from speechbrain_pitchrope.figures import style

COLUMNS = ("pitch on", "attention's pitch zeroed", "difference")

WORD_START = "\u2581"
"""What SentencePiece begins a word with."""

COLUMN_INCHES, WORD_INCHES = 2.1, 0.09
"""Width of a map, and of an upright word."""


def attention_figure(
    mels_db, mel_shift, heads, frame_shift, tokens=(), span=None, title=None, start=0.0
):
    """Attention maps of some heads on the time axis of the spectrogram.

    All maps of weights share one colour scale, and all differences another.

    ``mels_db`` is a log-mel spectrogram [T_mel, n_mels] in dB. ``heads`` is a dict of
    name to weights with pitch and without it, each [T, T], a row a query. ``tokens``
    are (seconds, piece) as decoded; ``span`` is the first and last second to show.

    Example
    -------
    >>> heads = {"layer 0, head 0": (np.eye(20), np.full((20, 20), 0.05))}
    >>> figure = attention_figure(np.zeros((80, 40)), 0.01, heads, 0.04)
    >>> [axes.get_title() for axes in figure.axes if axes.get_title()]
    ['pitch on', "attention's pitch zeroed", 'difference']
    """
    weights = np.array([*heads.values()])
    changes = weights[:, 0] - weights[:, 1]
    # A few weights are far above all others, on frames of silence mostly.
    top = np.quantile(weights, 0.995)
    change = max(np.quantile(np.abs(changes), 0.995), 1e-6)
    span = span or style.edges_of(weights.shape[-1], frame_shift, start)
    heights = (0.5, *[1] * len(heads))
    figure = style.new_canvas(
        (3 * COLUMN_INCHES + 1.2, 2.4 + 1.7 * sum(heights)), title
    )
    grid = figure.subplots(
        *(len(heads) + 1, 3), sharex=True, sharey="row", height_ratios=heights
    )
    for axes, name in zip(grid[0], COLUMNS, strict=True):
        axes.set_title(name, fontsize=9)
        style.draw_spectrogram(axes, mels_db, mel_shift, start)
        _draw_words(axes, in_words(tokens), span)
    place = frame_shift, start, span
    for row, name, maps, difference in zip(
        grid[1:], heads, weights, changes, strict=True
    ):
        for axes, values in zip(row[:2], maps, strict=True):
            image = style.draw_map(axes, values, (0, top), *place, cmap="Blues")
        changed = style.draw_map(row[2], difference, (-change, change), *place)
        row[0].set_ylabel(f"{name}\ntime of the query (s)", fontsize=9)
    for axes in grid.flat:
        axes.set_xlabel("time of the key (s)")
        axes.label_outer()
    options = {"location": "bottom", "shrink": 0.8, "aspect": 30, "pad": 0.02}
    figure.colorbar(
        image, ax=grid[1:, :2], label="attention weight", extend="max", **options
    )
    figure.colorbar(
        changed, ax=grid[1:, 2:], label="pitch on less zeroed", extend="both", **options
    ).ax.locator_params(nbins=3)
    return figure


def _draw_words(axes, words, span):
    """Write the words that are shown above an axis of time, but none over another."""
    shown, free, width = [], span[0], WORD_INCHES / COLUMN_INCHES * (span[1] - span[0])
    for seconds, word in words:
        if free <= seconds <= span[1]:
            shown.append((seconds, word))
            free = seconds + width
    text, fonts = style.printable("\n".join(word for _, word in shown))
    above = axes.secondary_xaxis("top")
    above.set_xticks(
        [seconds for seconds, _ in shown],
        text.split("\n") if shown else [],
        rotation=90,
        fontsize=6,
        fontfamily=fonts,
        parse_math=False,
    )


def in_words(tokens):
    """Join the pieces (seconds, piece) of each word, at the time of its first letter.

    A word begins with SentencePiece's mark. Without any mark, each piece is a word.
    """
    has_marks = any(WORD_START in piece for _, piece in tokens)
    words = [(0.0, "")]
    for seconds, piece in tokens:
        if piece.startswith(WORD_START) or not has_marks:
            words.append((seconds, ""))
        begin, letters = words[-1]
        letters += piece.strip(WORD_START + " ")
        words[-1] = (begin if words[-1][1] else seconds, letters)
    return [word for word in words if word[1]]

"""What pitch does to attention: to rotary positions, to logits, and to the weights.

``f0_hz`` [T] is as attention gets it, 0 where unvoiced; ``frames`` is a Frames, which
says when each frame is; in maps a row is a query and a column a key.
"""

import numpy as np

from speechbrain_pitchrope.figures import style
from speechbrain_pitchrope.figures.style import Frames

# Thick lines are standard RoPE, thin ones follow pitch.
STANDARD = {"color": style.BLUE, "linewidth": 3.2, "alpha": 0.45}
ADAPTED = {"color": style.ORANGE, "linewidth": 1.0}

KERNELS = (
    "Rotation: the logit that equal queries and keys would get from their positions "
    "alone, as a share of that at distance 0 with radius 1."
)
SYMMETRIC = "The bias is symmetric: it depends on the distance of two pitches alone."
ASYMMETRIC = (
    "The bias is not symmetric: its odd part tells which of two frames has the higher "
    "pitch, so a query (row) weighs a key (column) otherwise than the key weighs it."
)

COLUMNS = ("pitch on", "attention's pitch zeroed", "difference")
COLUMN_INCHES, WORD_INCHES = 2.1, 0.09  # width of a map, and of an upright word
WORD_START = "\u2581"  # what SentencePiece begins a word with


@style.styled
def rotation_figure(
    plain, adapted, f0_hz, frames, pairs=(0, 1, 2, 3), notes=None, title=None
):
    """The course of some rotary pairs, standard and pitch-adapted, over f0.

    A pair turns the constant vector (1, 0) to (r cos(theta), r sin(theta)): the even
    dimension is drawn solid, the odd one dashed, within the envelope of r.

    ``plain`` and ``adapted`` are exp(j theta) of standard RoPE and r exp(j theta) of
    the adapted rotation, complex [T, head_dim / 2]. ``notes`` are added to the names of
    the ``pairs``. A pair that does not exist is a ValueError.

    Example
    -------
    >>> theta = np.arange(100)[:, None] * np.array([1.0, 0.3])
    >>> plain, adapted = np.exp(1j * theta), np.exp(1.1j * theta)
    >>> f0_hz = np.full(100, 150.0)
    >>> figure = rotation_figure(plain, adapted, f0_hz, Frames(0.04), [1])
    >>> figure.axes[0].get_title(loc="left")
    'pair 1: a turn in 0.838 s'
    """
    missing = [pair for pair in pairs if not 0 <= pair < plain.shape[1]]
    if missing or not pairs:
        raise ValueError(
            f"there is no rotary pair {', '.join(map(str, missing)) or 'to draw'}: "
            f"this attention has {plain.shape[1]} pairs, 0 to {plain.shape[1] - 1}"
        )
    times = frames.times(len(plain))
    figure = style.new_canvas((style.WIDTH, 1.7 + 1.25 * len(pairs)), title)
    heights = [1] * len(pairs) + [0.7]
    *panels, f0_axes = figure.subplots(len(heights), sharex=True, height_ratios=heights)
    for axes, pair, note in zip(panels, pairs, notes or [""] * len(pairs), strict=True):
        turn = 2 * np.pi * frames.shift / np.angle(plain[1, pair] / plain[0, pair])
        name = f"pair {pair}: a turn in {turn:.3g} s{', ' if note else ''}{note}"
        axes.set_title(name, loc="left", fontsize=8, pad=3)
        for label, course, line in (
            ("RoPE", plain[:, pair], STANDARD),
            ("pitch-adapted", adapted[:, pair], ADAPTED),
        ):
            axes.plot(times, course.real, "-", label=f"{label}, even", **line)
            axes.plot(times, course.imag, "--", label=f"{label}, odd", **line)
        radius = np.abs(adapted[:, pair])
        area = {"color": style.GREY, "alpha": 0.18, "linewidth": 0}
        axes.fill_between(times, -radius, radius, label="radius r", **area)
        axes.set_ylabel("value")
        axes.grid()
    style.draw_f0(f0_axes, f0_hz, frames)
    f0_axes.grid()
    f0_axes.set_xlabel(f"time (s); a position is {1000 * frames.shift:g} ms")
    f0_axes.set_xlim(*(frames.span or times[[0, -1]]))
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,  # a column of RoPE, one of the adapted lines, and the radius
        handlelength=4,  # two dashes of the thick line
    )
    return figure


@style.styled
def similarity_figure(plain, adapted, bias, f0_hz, frames, title=None):
    """The kernels of standard RoPE and of pitch, their difference, and the bias.

    All four share one colour scale.

    ``plain`` and ``adapted`` are kernels [T, T], the mean over the rotary pairs of
    r_m r_n cos(theta_m - theta_n); ``bias`` [T, T] is in logits, zeros if there is
    none.

    Example
    -------
    >>> lag = np.subtract.outer(np.arange(50), np.arange(50))
    >>> maps = np.cos(lag), np.cos(1.1 * lag), np.zeros((50, 50))
    >>> figure = similarity_figure(*maps, np.full(50, 150.0), Frames(0.04))
    >>> [axes.get_title() for axes in figure.axes if axes.images][:2]
    ['standard RoPE', 'pitch-adapted RoPE']
    """
    maps = {
        "standard RoPE": plain,
        "pitch-adapted RoPE": adapted,
        "pitch-adapted less standard": adapted - plain,
        "similarity bias (logits)" if bias.any() else "no similarity bias": bias,
    }
    limit = max(np.abs(values).max() for values in maps.values())
    figure = style.new_canvas((style.WIDTH, 7.3), title)
    shared = {"sharex": True, "sharey": "row", "height_ratios": (0.22, 1, 1)}
    grid = figure.subplots(3, 2, **shared)
    for axes in grid[0]:
        style.draw_f0(axes, f0_hz, frames)
    for axes, (name, values) in zip(grid[1:].flat, maps.items(), strict=True):
        image = style.draw_map(axes, values, (-limit, limit), frames)
        axes.set_title(name)
    for axes in grid.flat:
        axes.label_outer()
    figure.colorbar(image, ax=grid[1:], shrink=0.6).set_label(
        "mean of $r_m r_n \\cos(\\theta_m - \\theta_n)$ over the pairs; bias in logits",
        parse_math=True,
    )
    caption = KERNELS
    if bias.any():
        is_symmetric = np.allclose(bias, bias.T, atol=1e-3 * np.abs(bias).max())
        caption += " " + (SYMMETRIC if is_symmetric else ASYMMETRIC)
    figure.supxlabel(caption, fontsize=7.5, x=0.02, ha="left", wrap=True)
    return figure


@style.styled
def attention_figure(mels_db, mel_shift, heads, frames, tokens=(), title=None):
    """Attention maps of some heads on the time axis of the spectrogram.

    All maps of weights share one colour scale, and all differences another.

    ``mels_db`` is a log-mel spectrogram [T_mel, n_mels] in dB. ``heads`` is a dict of
    name to weights with pitch and without it, each [T, T]. ``tokens`` are (seconds,
    piece) as decoded.

    Example
    -------
    >>> heads = {"layer 0, head 0": (np.eye(20), np.full((20, 20), 0.05))}
    >>> figure = attention_figure(np.zeros((80, 40)), 0.01, heads, Frames(0.04))
    >>> [axes.get_title() for axes in figure.axes if axes.get_title()]
    ['pitch on', "attention's pitch zeroed", 'difference']
    """
    weights = np.array([*heads.values()])
    changes = weights[:, 0] - weights[:, 1]
    # A few weights are far above all others, on frames of silence mostly.
    top = np.quantile(weights, 0.995)
    change = max(np.quantile(np.abs(changes), 0.995), 1e-6)
    span = frames.span or frames.edges(weights.shape[-1])
    heights = (0.5, *[1] * len(heads))
    size = 3 * COLUMN_INCHES + 1.2, 2.4 + 1.7 * sum(heights)
    figure = style.new_canvas(size, title)
    shared = {"sharex": True, "sharey": "row", "height_ratios": heights}
    grid = figure.subplots(len(heights), 3, **shared)
    for axes, name in zip(grid[0], COLUMNS, strict=True):
        axes.set_title(name)
        style.draw_spectrogram(axes, mels_db, Frames(mel_shift, frames.start))
        _draw_words(axes, in_words(tokens), span)
    for row, name, maps, difference in zip(
        grid[1:], heads, weights, changes, strict=True
    ):
        for axes, values in zip(row[:2], maps, strict=True):
            image = style.draw_map(axes, values, (0, top), frames, cmap="Blues")
        changed = style.draw_map(row[2], difference, (-change, change), frames)
        row[0].set_ylabel(f"{name}\ntime of the query (s)", fontsize=9)
    for axes in grid.flat:
        axes.label_outer()
    options = {"location": "bottom", "shrink": 0.8, "aspect": 30, "pad": 0.02}
    options |= {"ax": grid[1:, :2], "extend": "max"}
    figure.colorbar(image, label="attention weight", **options)
    options |= {"ax": grid[1:, 2:], "extend": "both"}
    bar = figure.colorbar(changed, label="pitch on less zeroed", **options)
    low, high = changed.get_clim()
    bar.set_ticks([low, 0, high], labels=[f"{x:.2g}" for x in (low, 0, high)])
    return figure


def _draw_words(axes, words, span):
    """Write the words that are shown above an axis of time, but none over another."""
    shown, free, width = [], span[0], WORD_INCHES / COLUMN_INCHES * (span[1] - span[0])
    for seconds, word in words:
        if free <= seconds <= span[1]:
            shown.append((seconds, word))
            free = seconds + width
    times, labels = zip(*shown, strict=True) if shown else ((), ())
    look = {"rotation": 90, "fontsize": 6}
    axes.secondary_xaxis("top").set_xticks(times, labels, **look)


def in_words(tokens):
    """Join the pieces (seconds, piece) of each word, at the time of its first letter.

    A word begins with SentencePiece's mark. Without any mark, each piece is a word.
    """
    has_marks = any(WORD_START in piece for _, piece in tokens)
    words = []
    for seconds, piece in tokens:
        if not words or not has_marks or piece.startswith(WORD_START):
            words.append((seconds, ""))
        begin, letters = words[-1]
        begin = begin if letters else seconds
        words[-1] = begin, letters + piece.strip(WORD_START + " ")
    return [word for word in words if word[1]]

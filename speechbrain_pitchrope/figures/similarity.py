"""How positions see each other: with standard RoPE, with pitch, and the difference."""

import textwrap

import numpy as np

from speechbrain_pitchrope.figures.style import (
    DIVERGING,
    WIDTH,
    draw_f0,
    map_options,
    new_canvas,
    set_title,
)

LINE_LENGTH = 100
"""Letters of the caption, at 7.5 points, in the width of the figure."""

CAPTION = (
    "Each map says how much the frames of two times agree before any content counts. "
    "A bright diagonal, the strongest red around: frames agree with their neighbours. "
    "A narrow band: the clocks run fast, and near frames are told apart. "
    "A wide band: they run slowly, and a longer stretch looks alike."
)


def band_half_width(kernel, level):
    """Lag at which the band around a kernel's main diagonal has fallen to a level.

    Arguments
    ---------
    kernel : array
        Shape [T, T].
    level : float
        Share of the main diagonal's mean, below 1.

    Returns
    -------
    float
        Frames, between two lags by linear interpolation; infinity if the mean of no
        diagonal is that low.

    Example
    -------
    >>> lag = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    >>> band_half_width(1 - 0.2 * lag, level=0.5)
    2.5
    """
    course = diagonal_means(kernel)
    below = np.flatnonzero(course <= level)
    if not len(below):
        return np.inf
    end = below[0]
    return float(end - (level - course[end]) / (course[end - 1] - course[end]))


def half_level(kernel):
    """The level half way from a kernel's main diagonal, 1, to its lowest one.

    Rotary kernels fall with the logarithm of the lag, so few utterances are long
    enough to see one fall to half of its top.
    """
    return (1 + diagonal_means(kernel).min()) / 2


def diagonal_means(kernel):
    """Mean of a [T, T] kernel over each lag, as a share of that of lag 0; shape [T]."""
    means = [np.diagonal(kernel, lag).mean() for lag in range(len(kernel))]
    return np.array(means) / means[0]


def similarity_figure(plain, adapted, bias, f0_hz, frame_shift, title=None):
    """The kernels of standard RoPE and of pitch, their difference, and the bias.

    All four share one colour scale. A bias that goes beyond it is divided by a whole
    number, which its panel names.

    Arguments
    ---------
    plain : array
        Position-to-position kernel of standard RoPE, shape [T, T], 1 on the diagonal;
        see ``speechbrain_pitchrope.nnet.dense.rotation_kernel``.
    adapted : array
        The same of the pitch-adapted rotation, radii included.
    bias : array
        Pitch-similarity bias in logits, shape [T, T]; zeros where there is none.
    f0_hz : array
        f0 in Hz as attention hears it, shape [T], 0 where unvoiced.
    frame_shift : float
        Seconds from position to position.
    title : str, optional
        Printed above.

    Returns
    -------
    matplotlib.figure.Figure

    Example
    -------
    >>> lag = np.subtract.outer(np.arange(50), np.arange(50))
    >>> maps = np.cos(lag), np.cos(1.1 * lag), np.zeros((50, 50))
    >>> figure = similarity_figure(*maps, np.full(50, 150.0), 0.04)
    >>> [axes.get_title() for axes in figure.axes if axes.images][:2]
    ['standard RoPE', 'pitch-adapted RoPE']
    """
    limit = max(np.abs(kernel).max() for kernel in (plain, adapted, adapted - plain))
    divisor = max(1, int(np.ceil(np.abs(bias).max() / limit)))
    unit = f"logits / {divisor}" if divisor > 1 else "logits"
    maps = {
        "standard RoPE": plain,
        "pitch-adapted RoPE": adapted,
        "pitch-adapted less standard": adapted - plain,
    }
    name = f"similarity bias ({unit})" if bias.any() else "no similarity bias"
    maps[name] = bias / divisor
    figure = new_canvas((WIDTH, 7.3))
    grid = figure.subplots(3, 3, width_ratios=(0.22, 1, 1), height_ratios=(0.22, 1, 1))
    grid[0, 0].set_axis_off()
    panels = list(grid[1:, 1:].flat)
    for axes, (name, values) in zip(panels, maps.items(), strict=True):
        image = axes.imshow(
            values,
            cmap=DIVERGING,
            vmin=-limit,
            vmax=limit,
            **map_options(len(plain), frame_shift),
        )
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelleft=False, labelbottom=False)
    for column in (1, 2):
        draw_f0(grid[0, column], f0_hz, frame_shift)
        grid[0, column].sharex(grid[1, column])
        grid[0, column].tick_params(labelbottom=False)
        grid[2, column].tick_params(labelbottom=True)
        grid[2, column].set_xlabel("time of one frame (s)")
    for row in (1, 2):
        draw_f0(grid[row, 0], f0_hz, frame_shift, upright=True)
        grid[row, 0].sharey(grid[row, 1])
        grid[row, 0].set_ylabel("time of the other frame (s)")
    # Only the outer ones need to be labelled; the maps come closer to each other.
    grid[0, 1].set_ylabel("")
    grid[0, 1].tick_params(labelleft=False)
    grid[0, 2].yaxis.tick_right()
    grid[0, 2].yaxis.set_label_position("right")
    grid[1, 0].set_xlabel("")
    grid[1, 0].tick_params(labelbottom=False)
    bar = figure.colorbar(image, ax=grid[1:, 1:], shrink=0.6, pad=0.02)
    bar.set_label(
        "mean of $r_m r_n \\cos(\\theta_m - \\theta_n)$ over the pairs; bias in logits"
    )
    caption = "\n".join(
        textwrap.fill(text, LINE_LENGTH, break_on_hyphens=False)
        for text in (CAPTION, measured_widths(plain, adapted, frame_shift))
    )
    figure.supxlabel(caption, fontsize=7.5, x=0.02, ha="left")
    set_title(figure, title)
    return figure


def measured_widths(plain, adapted, frame_shift):
    """The half-widths of both bands, as a sentence that says how they are measured.

    Arguments
    ---------
    plain, adapted : array
        Position-to-position kernels, shape [T, T].
    frame_shift : float
        Seconds from position to position.

    Returns
    -------
    str

    Example
    -------
    >>> lag = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    >>> measured_widths(1 - lag / 8, 1 - lag / 4, 0.04).rpartition(": ")[2]
    '4.0 frames or 160 ms (standard) and 2.0 frames or 80 ms (pitch-adapted).'
    """
    level = half_level(plain)
    widths = " and ".join(
        f"{_width(band_half_width(kernel, level), len(kernel), frame_shift)} ({name})"
        for name, kernel in (("standard", plain), ("pitch-adapted", adapted))
    )
    return (
        f"Half-width of the band, where the mean of a diagonal has fallen to "
        f"{level:.2f} of the main one's, half way to the lowest of standard RoPE: "
        f"{widths}."
    )


def _width(frames, n_frames, frame_shift):
    if np.isinf(frames):
        return f"more than {n_frames - 1} frames"
    return f"{frames:.1f} frames or {1000 * frames * frame_shift:.0f} ms"

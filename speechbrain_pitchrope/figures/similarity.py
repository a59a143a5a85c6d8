"""What positions add to the logits: with standard RoPE, with pitch, and the bias."""

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

KERNELS = (
    "Rotation: the logit that equal queries and keys would get from their positions "
    "alone, as a share of that at distance 0 with radius 1."
)
SYMMETRIC = "The bias is symmetric: it depends on the distance of two pitches alone."
ASYMMETRIC = (
    "The bias is not symmetric: its odd part tells which of two frames has the higher "
    "pitch, so a query (row) weighs a key (column) otherwise than the key weighs it."
)


def similarity_figure(
    plain, adapted, bias, f0_hz, frame_shift, title=None, span=None, start=0.0
):
    """The kernels of standard RoPE and of pitch, their difference, and the bias.

    All four share one colour scale. A bias that goes beyond it is divided by a whole
    number, which its panel names.

    Arguments
    ---------
    plain, adapted : array
        Position-to-position kernels of standard RoPE and of the pitch-adapted rotation,
        shape [T, T]; see ``speechbrain_pitchrope.nnet.dense.rotation_kernel``.
    bias : array
        Pitch-similarity bias in logits, shape [T, T], a row a query; zeros where there
        is none.
    f0_hz : array
        f0 in Hz as attention gets it, shape [T], 0 where unvoiced.
    frame_shift, start : float
        Seconds from position to position, and of the first.
    title : str, optional
        Printed above, broken into lines.
    span : tuple, optional
        First and last second to show; all if not given.

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
    name = f"similarity bias ({unit})" if bias.any() else "no similarity bias"
    maps = {
        "standard RoPE": plain,
        "pitch-adapted RoPE": adapted,
        "pitch-adapted less standard": adapted - plain,
        name: bias / divisor,
    }
    n_shown = None if span is None else round((span[1] - span[0]) / frame_shift)
    options = map_options(len(plain), frame_shift, start, n_shown)
    figure = new_canvas((WIDTH, 7.3))
    grid = figure.subplots(3, 3, width_ratios=(0.22, 1, 1), height_ratios=(0.22, 1, 1))
    grid[0, 0].set_axis_off()
    panels = list(grid[1:, 1:].flat)
    for axes, (name, values) in zip(panels, maps.items(), strict=True):
        image = axes.imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit, **options)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelleft=False, labelbottom=False)
        axes.set(xlim=span or options["extent"][:2], ylim=span or options["extent"][:2])
    for column in (1, 2):
        draw_f0(grid[0, column], f0_hz, frame_shift, start=start)
        grid[0, column].sharex(grid[1, column])
        grid[0, column].tick_params(labelbottom=False)
        grid[2, column].tick_params(labelbottom=True)
        grid[2, column].set_xlabel("time of the key (s)")
    for row in (1, 2):
        draw_f0(grid[row, 0], f0_hz, frame_shift, upright=True, start=start)
        grid[row, 0].sharey(grid[row, 1])
        grid[row, 0].set_ylabel("time of the query (s)")
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
    caption = KERNELS
    if bias.any():
        is_symmetric = np.allclose(bias, bias.T, atol=1e-3 * np.abs(bias).max())
        caption += " " + (SYMMETRIC if is_symmetric else ASYMMETRIC)
    lines = textwrap.fill(caption, LINE_LENGTH, break_on_hyphens=False)
    figure.supxlabel(lines, fontsize=7.5, x=0.02, ha="left")
    set_title(figure, title)
    return figure

"""What positions add to the logits: with standard RoPE, with pitch, and the bias."""

import numpy as np

from speechbrain_pitchrope.figures import style

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

    ``plain`` and ``adapted`` are kernels [T, T] from ``Head.kernels``;
    ``bias`` [T, T] is in logits, a row a query, zeros where there is none; ``f0_hz``
    [T] is as attention gets it, 0 where unvoiced; ``span`` is the first and last second
    to show.

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
    figure = style.new_canvas((style.WIDTH, 7.3), title)
    grid = figure.subplots(
        *(3, 2), sharex=True, sharey="row", height_ratios=(0.22, 1, 1)
    )
    for axes in grid[0]:
        style.draw_f0(axes, f0_hz, frame_shift, start)
    for axes, (name, values) in zip(grid[1:].flat, maps.items(), strict=True):
        image = style.draw_map(axes, values, (-limit, limit), frame_shift, start, span)
        axes.set(
            title=name, xlabel="time of the key (s)", ylabel="time of the query (s)"
        )
    for axes in grid.flat:
        axes.label_outer()
        axes.title.set_fontsize(9)
    figure.colorbar(
        *(image,),
        ax=grid[1:],
        shrink=0.6,
        label="mean of $r_m r_n \\cos(\\theta_m - \\theta_n)$ over the pairs; "
        "bias in logits",
    )
    caption = KERNELS
    if bias.any():
        is_symmetric = np.allclose(bias, bias.T, atol=1e-3 * np.abs(bias).max())
        caption += " " + (SYMMETRIC if is_symmetric else ASYMMETRIC)
    figure.supxlabel(caption, fontsize=7.5, x=0.02, ha="left", wrap=True)
    return figure

"""What pitch does to the rotary positions of one attention head."""

import numpy as np

from speechbrain_pitchrope.figures import style

STANDARD = {"color": style.BLUE, "linewidth": 3.2, "alpha": 0.45}
ADAPTED = {"color": style.ORANGE, "linewidth": 1.0}
"""Thick lines are standard RoPE, thin ones follow pitch."""


def rotation_figure(
    plain,
    adapted,
    f0_hz,
    frame_shift,
    pairs=(0, 1, 2, 3),
    notes=None,
    span=None,
    title=None,
    start=0.0,
):
    """The course of some rotary pairs, standard and pitch-adapted, over f0.

    A pair turns the constant vector (1, 0) to (r cos(theta), r sin(theta)): the even
    dimension is drawn solid, the odd one dashed, within the envelope of r.

    ``plain`` and ``adapted`` are exp(j theta) of standard RoPE and r exp(j theta) of
    the adapted rotation, complex [T, head_dim / 2]; ``f0_hz`` [T] is as attention gets
    it, 0 where unvoiced. ``notes`` are added to the names of the ``pairs``, ``span`` is
    the first and last second to show. A pair that does not exist is a ValueError.

    Example
    -------
    >>> theta = np.arange(100)[:, None] * np.array([1.0, 0.3])
    >>> plain, adapted = np.exp(1j * theta), np.exp(1.1j * theta)
    >>> f0_hz = np.full(100, 150.0)
    >>> figure = rotation_figure(plain, adapted, f0_hz, 0.04, pairs=[1])
    >>> figure.axes[0].get_title(loc="left")
    'pair 1: a turn in 0.838 s'
    """
    missing = [pair for pair in pairs if not 0 <= pair < plain.shape[1]]
    if missing or not pairs:
        raise ValueError(
            f"there is no rotary pair {', '.join(map(str, missing)) or 'to draw'}: "
            f"this attention has {plain.shape[1]} pairs, 0 to {plain.shape[1] - 1}"
        )
    times = start + np.arange(len(plain)) * frame_shift
    figure = style.new_canvas((style.WIDTH, 1.7 + 1.25 * len(pairs)), title)
    *panels, f0_axes = figure.subplots(
        len(pairs) + 1, sharex=True, height_ratios=[1] * len(pairs) + [0.7]
    )
    for axes, pair, note in zip(panels, pairs, notes or [""] * len(pairs), strict=True):
        turn = 2 * np.pi * frame_shift / np.angle(plain[1, pair] / plain[0, pair])
        digits = ".3g" if turn < 1000 else ",.0f"
        name = f"pair {pair}: a turn in {turn:{digits}} s{', ' if note else ''}{note}"
        axes.set_title(name, loc="left", fontsize=8, pad=3)
        for label, course, line in (
            ("RoPE", plain[:, pair], STANDARD),
            ("pitch-adapted", adapted[:, pair], ADAPTED),
        ):
            axes.plot(times, course.real, "-", label=f"{label}, even", **line)
            axes.plot(times, course.imag, "--", label=f"{label}, odd", **line)
        radius = np.abs(adapted[:, pair])
        axes.fill_between(
            times, -radius, radius, color=style.GREY, alpha=0.18, lw=0, label="radius r"
        )
        axes.set_ylabel("value")
        axes.grid(alpha=0.3)
    style.draw_f0(f0_axes, f0_hz, frame_shift, start)
    f0_axes.grid(alpha=0.3)
    f0_axes.set_xlabel(f"time (s); a position is {1000 * frame_shift:g} ms")
    f0_axes.set_xlim(*(span or (start, times[-1])))
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,  # a column of RoPE, one of the adapted lines, and the radius
        fontsize=8,
        handlelength=4,  # two dashes of the thick line
    )
    return figure

"""What pitch does to the rotary positions of one attention head."""

import numpy as np

from speechbrain_pitchrope.figures.style import (
    BLUE,
    GREY,
    ORANGE,
    WIDTH,
    draw_f0,
    new_canvas,
    set_title,
)

STANDARD, ADAPTED = (
    {"color": BLUE, "linewidth": 3.2, "alpha": 0.45},
    {"color": ORANGE, "linewidth": 1.0},
)
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
    dimension is drawn solid, the odd one dashed.

    Arguments
    ---------
    plain, adapted : array
        exp(j theta) of standard RoPE, and r exp(j theta) of the pitch-adapted rotation;
        complex, shape [T, head_dim / 2].
    f0_hz : array
        f0 in Hz as attention gets it, shape [T], 0 where unvoiced.
    frame_shift, start : float
        Seconds from position to position, and of the first.
    pairs : sequence of int
        The rotary pairs to draw, one panel each.
    notes : sequence of str, optional
        What to add to the name of each pair drawn, such as its learned rate.
    span : tuple, optional
        First and last second to show; all if not given.
    title : str, optional
        Printed above, broken into lines.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If a pair does not exist; the message says how many there are.

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
    figure = new_canvas((WIDTH, 1.7 + 1.25 * len(pairs)))
    *panels, f0_axes = figure.subplots(
        len(pairs) + 1, sharex=True, height_ratios=[1] * len(pairs) + [0.7]
    )
    for axes, pair, note in zip(panels, pairs, notes or [""] * len(pairs), strict=True):
        turn = 2 * np.pi * frame_shift / np.angle(plain[1, pair] / plain[0, pair])
        digits = ".3g" if turn < 1000 else ",.0f"
        name = f"pair {pair}: a turn in {turn:{digits}} s{', ' if note else ''}{note}"
        axes.set_title(name, loc="left", fontsize=8, pad=3)
        _draw_pair(axes, times, plain[:, pair], adapted[:, pair])
    draw_f0(f0_axes, f0_hz, frame_shift, start=start)
    f0_axes.set_xlabel("time (s)")
    f0_axes.set_xlim(*(span or (start, times[-1])))
    positions = f0_axes.secondary_xaxis(
        "bottom",
        functions=(
            lambda t: (t - start) / frame_shift,
            lambda m: start + m * frame_shift,
        ),
    )
    positions.spines["bottom"].set_position(("outward", 40))
    positions.set_xlabel(f"position (frames of {1000 * frame_shift:g} ms)")
    # Only some pairs may have a radius to explain.
    legends = [axes.get_legend_handles_labels() for axes in panels]
    figure.legend(
        *max(legends, key=lambda handles_and_labels: len(handles_and_labels[0])),
        loc="outside lower center",
        ncols=3,  # a column of RoPE, one of the adapted lines, and the radius
        fontsize=8,
        handlelength=4,  # two dashes of the thick line
    )
    set_title(figure, title)
    return figure


def _draw_pair(axes, times, plain, adapted):
    """One pair's two rotations, each complex [T], within the envelope of the radius."""
    radius = np.abs(adapted)
    for name, course, style in (
        ("RoPE", plain, STANDARD),
        ("pitch-adapted", adapted, ADAPTED),
    ):
        axes.plot(times, course.real, "-", label=f"{name}, even", **style)
        axes.plot(times, course.imag, "--", label=f"{name}, odd", **style)
    if not np.allclose(radius, 1):
        axes.fill_between(
            times, -radius, radius, color=GREY, alpha=0.18, lw=0, label="radius r"
        )
    limit = 1.12 * max(1, radius.max())
    axes.set_ylim(-limit, limit)
    axes.set_ylabel("value")
    axes.grid(alpha=0.3)

"""Figures of an experiment: errors by form, learning curves, confusions, one bias."""

from itertools import cycle

import numpy as np

from speechbrain_pitchrope.figures.style import (
    DIVERGING,
    GREY,
    ORANGE,
    SEQUENCE,
    WIDTH,
    draw_f0,
    map_options,
    new_canvas,
    set_title,
)

DOTS = {"marker": "o", "s": 14, "facecolor": "none", "zorder": 3}
"""How a single seed is drawn."""


def errors_figure(systems, label, title=None):
    """Errors of each form: the mean, its interval, and every seed as a dot.

    Arguments
    ---------
    systems : list of dict
        One a row, from the top: "name"; "rate", "low" and "high", the mean in percent
        and its 95 % interval; "seeds", the rate of each; "control", whether it is a
        control of the form above it, which is drawn lighter and close to it.
    label : str
        Of the axis, with the unit.
    title : str, optional
        Printed above, broken into lines.

    Returns
    -------
    matplotlib.figure.Figure

    Example
    -------
    >>> form = {"rate": 20.0, "low": 18.0, "high": 22.0, "seeds": [19.0, 21.0]}
    >>> systems = [form | {"name": "all"}]
    >>> systems.append(form | {"name": "all, shuffled f0", "control": True})
    >>> figure = errors_figure(systems, "toned syllables wrong (%)")
    >>> [text.get_text() for text in figure.axes[0].get_yticklabels()]
    ['all', 'all, shuffled f0']
    """
    steps = [0.6 if system.get("control") else 1.0 for system in systems]
    places = np.cumsum(steps)
    figure = new_canvas((WIDTH, 1.0 + 0.3 * places[-1]))
    axes = figure.subplots()
    for place, system in zip(places, systems, strict=True):
        is_control = system.get("control", False)
        color = GREY if is_control else SEQUENCE[0]
        axes.barh(
            *(place, system["rate"]),
            height=0.4 if is_control else 0.7,
            color=color,
            alpha=0.25 if is_control else 0.35,
        )
        axes.plot(
            (system["low"], system["high"]), (place, place), color=color, linewidth=2
        )
        axes.scatter(
            system["seeds"], [place] * len(system["seeds"]), edgecolor="black", **DOTS
        )
        axes.annotate(
            f"{system['rate']:.1f}",
            (max(system["high"], *system["seeds"]), place),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    axes.set_yticks(places, [system["name"] for system in systems], fontsize=8)
    for text, system in zip(axes.get_yticklabels(), systems, strict=True):
        text.set_color(GREY if system.get("control") else "black")
    axes.set_ylim(places[-1] + 0.6, places[0] - 0.6)
    axes.set_xlim(left=0)
    axes.margins(x=0.08)
    axes.set_xlabel(label)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    set_title(figure, title)
    return figure


def learning_curves_figure(systems, label, title=None):
    """Errors over hours of training speech, both axes logarithmic.

    Arguments
    ---------
    systems : dict
        Name to a list of (hours, rates), the rates of every seed in percent. A line
        joins the means.
    label : str
        Of the vertical axis, with the unit.
    title : str, optional
        Printed above, broken into lines.

    Returns
    -------
    matplotlib.figure.Figure

    Example
    -------
    >>> curves = {"rope": [(1.0, [60.0, 62.0]), (2.0, [40.0])], "all": [(1.0, [30.0])]}
    >>> figure = learning_curves_figure(curves, "toned syllables wrong (%)")
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['rope', 'all']
    """
    figure = new_canvas((WIDTH, 3.6))
    axes = figure.subplots()
    marks = zip(cycle(SEQUENCE), cycle("os^Dv"))
    for (name, rows), (color, marker) in zip(systems.items(), marks, strict=False):
        points = sorted(rows)
        hours = [point[0] for point in points]
        means = [np.mean(rates) for _, rates in points]
        axes.plot(hours, means, "-", color=color, marker=marker, label=name)
        for hour, rates in points:
            axes.scatter([hour] * len(rates), rates, edgecolor=color, **DOTS)
    axes.set_xscale("log")
    axes.set_yscale("log")
    every = sorted({hour for points in systems.values() for hour, _ in points})
    axes.set_xticks(every, [f"{hour:.3g}" for hour in every])
    axes.set_xticks([], minor=True)
    low, high = axes.get_ylim()
    ticks = [x for x in (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100) if low < x < high]
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.set_yticks([], minor=True)
    axes.set_xlabel("hours of speech to train on")
    axes.set_ylabel(label)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    set_title(figure, title)
    return figure


def confusions_figure(systems, tones, title=None):
    """Confusions of tones side by side, each row in percent of the tone said.

    Arguments
    ---------
    systems : dict
        Name to counts, array of shape [tones said, tones recognised].
    tones : list of str
        Names of the tones. One that was never said has no row.
    title : str, optional
        Printed above, broken into lines.

    Returns
    -------
    matplotlib.figure.Figure

    Example
    -------
    >>> counts = np.array([[9, 1], [2, 8]])
    >>> figure = confusions_figure({"rope": counts, "all": counts}, ["1", "2"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['90', '10', '20', '80']
    """
    said = np.flatnonzero(sum(counts.sum(1) for counts in systems.values()))
    side = min(3.0, (WIDTH - 0.8) / len(systems))
    figure = new_canvas((0.8 + side * len(systems), 0.5 + side))
    panels = figure.subplots(1, len(systems), squeeze=False, sharey=True)[0]
    for axes, (name, counts) in zip(panels, systems.items(), strict=True):
        shares = 100 * counts[said] / np.maximum(counts[said].sum(1, keepdims=True), 1)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
        for (row, column), share in np.ndenumerate(shares):
            axes.text(
                *(column, row, f"{share:.0f}"),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share > 60 else "black",
            )
        axes.set_title(name, fontsize=9)
        axes.set_xticks(range(len(tones)), tones)
        axes.set_yticks(range(len(said)), [tones[i] for i in said])
        axes.set_xlabel("tone recognised")
    panels[0].set_ylabel("tone said")
    figure.colorbar(image, ax=panels, label="% of the tone said", shrink=0.8)
    set_title(figure, title)
    return figure


def bias_figure(bias, f0_hz, frame_shift, words=(), title=None):
    """One head's similarity bias as it is, and its even and odd part apart.

    The bias is their sum. The even part, (b + b') / 2, is symmetric: it knows the
    distance of two pitches. The odd part, (b - b') / 2, tells the higher from the
    lower one.

    Arguments
    ---------
    bias : array
        Logits, shape [T, T], a row a query.
    f0_hz : array
        f0 in Hz as the head gets it, shape [T], 0 where unvoiced.
    frame_shift : float
        Seconds from frame to frame.
    words : sequence of tuple, optional
        (seconds, word), written over f0.
    title : str, optional
        Printed above, broken into lines.

    Returns
    -------
    matplotlib.figure.Figure

    Example
    -------
    >>> figure = bias_figure(np.triu(np.ones((9, 9))), np.full(9, 150.0), 0.04)
    >>> [axes.get_title() for axes in figure.axes if axes.images]
    ['the bias', 'without its odd part', 'its odd part']
    """
    parts = {
        "the bias": bias,
        "without its odd part": (bias + bias.T) / 2,
        "its odd part": (bias - bias.T) / 2,
    }
    limit = max(np.abs(bias).max(), 1e-6)
    voiced = f0_hz[f0_hz > 0]
    low, high = (voiced.min(), voiced.max()) if len(voiced) else (75, 300)
    figure = new_canvas((WIDTH + 0.5, 3.6))
    grid = figure.subplots(2, 3, sharex=True, height_ratios=(0.35, 1))
    options = map_options(len(bias), frame_shift)
    for i, (axes, (name, part)) in enumerate(zip(grid[1], parts.items(), strict=True)):
        image = axes.imshow(part, cmap=DIVERGING, vmin=-limit, vmax=limit, **options)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("time of the key (s)")
        draw_f0(grid[0, i], f0_hz, frame_shift)
        grid[0, i].set_ylim(0.9 * low, 1.1 * high)
        grid[0, i].set_yticks([low, high], [f"{low:.0f}", f"{high:.0f}"])
        for seconds, word in words:
            grid[0, i].axvline(seconds, color=ORANGE, linewidth=0.6)
            grid[0, i].annotate(
                *(word, (seconds, 1)),
                xycoords=("data", "axes fraction"),
                xytext=(1, 1),
                textcoords="offset points",
                fontsize=6,
            )
        if i:
            grid[0, i].set_ylabel("")
            grid[0, i].tick_params(labelleft=False)
            axes.tick_params(labelleft=False)
    grid[1, 0].set_ylabel("time of the query (s)")
    figure.colorbar(image, ax=grid[1], label="logits", shrink=0.9)
    set_title(figure, title)
    return figure

"""Figures of an experiment: errors by form, learning curves, confusions, one bias.

``recipes/Tones/evidence.py`` draws them.
"""

from itertools import cycle

import numpy as np
from matplotlib.ticker import LogLocator

from speechbrain_pitchrope.figures import style

AS_TABLE = {"aspect": "equal", "origin": "upper"}

DOTS = {"marker": "o", "s": 14, "facecolor": "none", "zorder": 3}
"""How a single seed is drawn."""


@style.styled
def errors_figure(systems, label, title=None):
    """Errors of each form: the mean as a bar, its interval, and every seed as a dot.

    ``systems`` are dicts, one a row: "name"; "rate", "low" and "high", the mean in
    percent and its 95 % interval; "seeds", the rate of each run; and "control", whether
    it is a control of the form above it, which is drawn lighter and close to it.
    """
    controls = [system.get("control", False) for system in systems]
    places = np.cumsum(np.where(controls, 0.6, 1.0))
    colors = [style.GREY if control else style.BLUE for control in controls]
    figure = style.new_canvas((style.WIDTH, 1.0 + 0.3 * places[-1]), title)
    axes = figure.subplots()
    rates, low, high = (
        np.array([system[name] for system in systems])
        for name in ("rate", "low", "high")
    )
    heights = np.where(controls, 0.4, 0.7)
    axes.barh(places, rates, heights, color=colors, alpha=0.35)
    axes.hlines(places, low, high, color=colors, linewidth=2)
    for place, system in zip(places, systems, strict=True):
        seeds = system["seeds"]
        axes.scatter(seeds, [place] * len(seeds), edgecolor="black", **DOTS)
    names = [f"{system['name']}  {system['rate']:.1f}" for system in systems]
    axes.set_yticks(places, names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


@style.styled
def learning_curves_figure(systems, label, title=None):
    """Errors over minutes of training speech, both axes logarithmic.

    ``systems`` is a dict of name to [(minutes, rates), ...], the rates of every seed in
    percent. A line joins the means.
    """
    figure = style.new_canvas((style.WIDTH, 3.6), title)
    axes = figure.subplots()
    styles = zip(cycle(style.SEQUENCE), cycle("os^Dv"))
    for (name, rows), (color, marker) in zip(systems.items(), styles, strict=False):
        points = sorted(rows)
        minutes = [point[0] for point in points]
        means = [np.mean(rates) for _, rates in points]
        axes.plot(minutes, means, "-", color=color, marker=marker, label=name)
        for minute, rates in points:
            axes.scatter([minute] * len(rates), rates, edgecolor=color, **DOTS)
    axes.set(xscale="log", yscale="log")
    axes.set(xlabel="minutes of speech to train on", ylabel=label)
    every = sorted({minute for points in systems.values() for minute, _ in points})
    axes.set_xticks(every, [f"{minute:.0f}" for minute in every])
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    axes.grid()
    axes.legend()
    return figure


@style.styled
def confusions_figure(systems, tones, title=None):
    """Confusions of tones side by side, each row in percent of the tone said.

    ``systems`` is a dict of name to counts [tones said, tones recognised]. A tone that
    was never said has no row.
    """
    said = np.flatnonzero(sum(counts.sum(1) for counts in systems.values()))
    side = min(3.0, (style.WIDTH - 0.8) / len(systems))
    figure = style.new_canvas((0.8 + side * len(systems), 0.6 + side), title)
    panels = figure.subplots(1, len(systems), squeeze=False, sharey=True)[0]
    for axes, (name, counts) in zip(panels, systems.items(), strict=True):
        shares = 100 * counts[said] / np.maximum(counts[said].sum(1, keepdims=True), 1)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, **AS_TABLE)
        for (row, column), share in np.ndenumerate(shares):
            axes.text(
                *(column, row, f"{share:.0f}"),
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share > 60 else "black",
            )
        axes.set_title(name)
        axes.set_xticks(range(len(tones)), tones)
        axes.set_yticks(range(len(said)), [tones[i] for i in said])
        axes.set_xlabel("tone recognised")
    panels[0].set_ylabel("tone said")
    figure.colorbar(image, ax=panels, label="% of the tone said", shrink=0.8)
    return figure


@style.styled
def bias_figure(bias, f0_hz, frames, title=None):
    """One head's similarity bias, [T, T] in logits, and its even and odd part apart.

    The bias is their sum. The even part, (b + b') / 2, is symmetric: it depends on the
    distance of two pitches. The odd part, (b - b') / 2, tells the higher from the lower
    one. f0 in Hz, [T] and 0 where unvoiced, stands above.
    """
    parts = {
        "the bias": bias,
        "without its odd part": (bias + bias.T) / 2,
        "its odd part": (bias - bias.T) / 2,
    }
    limit = max(np.abs(bias).max(), 1e-6)
    figure = style.new_canvas((style.WIDTH + 0.5, 3.6), title)
    grid = figure.subplots(*(2, 3), sharex=True, sharey="row", height_ratios=(0.35, 1))
    for (above, axes), (name, part) in zip(grid.T, parts.items(), strict=True):
        style.draw_f0(above, f0_hz, frames)
        image = style.draw_map(axes, part, (-limit, limit), frames)
        axes.set_title(name)
    for axes in grid.flat:
        axes.label_outer()
    figure.colorbar(image, ax=grid[1], label="logits", shrink=0.9)
    return figure

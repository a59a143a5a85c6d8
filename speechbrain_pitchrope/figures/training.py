"""The course of training runs, from SpeechBrain's train_log.txt."""

import re
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.figures.style import GREY, SEQUENCE, new_canvas

MARKERS = "os^Dv*"

_ITEM = re.compile(r"([A-Za-z][\w ]*): ([^,\s]+)")


def read_train_log(lines):
    """Parse what SpeechBrain's FileTrainLogger wrote.

    Arguments
    ---------
    lines : iterable of str
        Lines of a ``train_log.txt``.

    Returns
    -------
    dict
        Name ("epoch", "train loss", "valid CER", ...) to array of one value an epoch,
        NaN where an epoch has none. Lines of tests are left out.

    Example
    -------
    >>> log = read_train_log(
    ...     ["epoch: 1, lr: 1e-4 - train loss: 2.5 - valid loss: 2.0, valid CER: 40"]
    ... )
    >>> log["valid CER"]
    array([40.])
    """
    rows = []
    for line in lines:
        row = {}
        for name, value in _ITEM.findall(line):
            try:
                row[name.strip()] = float(value)
            except ValueError:
                continue  # a word, such as the name of the search
        if "epoch" in row:
            rows.append(row)
    names = {name for row in rows for name in row}
    return {
        name: np.array([row.get(name, np.nan) for row in rows])
        for name in sorted(names)
    }


class Panel(NamedTuple):
    """One panel of the figure.

    Arguments
    ---------
    label : str
        Of its vertical axis, with the unit.
    curves : dict
        Name in the log to (name in the legend, line style).
    percent : bool
        Whether the axis is that of an error rate.
    """

    label: str
    curves: dict
    percent: bool = False


PANELS = (
    Panel("loss", {"train loss": ("train", "--"), "valid loss": ("valid", "-")}),
    Panel("accuracy", {"valid ACC": ("valid", "-")}),
    Panel(
        "error rate (%)", {"valid CER": ("CER", "-"), "valid WER": ("WER", ":")}, True
    ),
    Panel("learning rate", {"lr": ("", "-")}),
    Panel("clock rate |a|", {"pitch rate": ("", "-")}),
    Panel(
        "bias weight (logits)",
        {"pitch weight": ("|beta|", "-"), "pitch voiced": ("|mu|", ":")},
    ),
    Panel("bandwidth sigma (octaves)", {"pitch bandwidth": ("", "-")}),
    Panel("radius slope |rho|", {"pitch slope": ("", "-")}),
)
"""Those are drawn for which some log has a value; the names of what was learned are
``speechbrain_pitchrope.nnet.summary.STATISTICS``, means over layers and heads."""


def training_figure(logs):
    """Loss, error rates, learning rate and what was learned of pitch, over updates.

    Arguments
    ---------
    logs : dict
        Name of a run to what ``read_train_log`` gave for it. Each has its colour and
        its marker.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no epoch to draw.

    Example
    -------
    >>> log = read_train_log(
    ...     ["epoch: 1, steps: 9 - train loss: 2.5 - valid loss: 2.0, valid CER: 40"]
    ... )
    >>> figure = training_figure({"all": log})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['loss', 'error rate (%)']
    """
    empty = [name for name, log in logs.items() if "epoch" not in log]
    if empty or not logs:
        raise ValueError(
            f"no finished epoch in the log of {', '.join(empty) or 'any run'}: wait "
            "for the first one, or give an output folder that holds a train_log.txt"
        )
    panels = [
        panel
        for panel in PANELS
        if any(name in log for log in logs.values() for name in panel.curves)
    ]
    n_columns = 1 if len(panels) <= 3 else 2
    n_rows = -(-len(panels) // n_columns)
    figure = new_canvas((7.0 if n_columns == 1 else 10.0, 0.8 + 2.2 * n_rows))
    grid = figure.subplots(n_rows, n_columns, sharex=True, squeeze=False).T.flatten()
    for axes, panel in zip(grid, panels, strict=False):
        _draw_panel(axes, panel, logs)
    for axes in grid[len(panels) :]:
        axes.remove()
    x_label = "updates" if any("steps" in log for log in logs.values()) else "epochs"
    for last in {n_rows - 1, len(panels) - 1}:
        grid[last].set_xlabel(x_label)
        grid[last].tick_params(labelbottom=True)
    if len(logs) > 1:
        lines = [line for axes in figure.axes for line in axes.get_lines()]
        shown = [next(x for x in lines if x.get_gid() == name) for name in logs]
        figure.legend(
            shown, list(logs), loc="outside lower center", ncols=3, fontsize=8
        )
    return figure


def _draw_panel(axes, panel, logs):
    """Draw each run's curves; the legend tells the curves of one run apart."""
    from matplotlib.lines import Line2D

    for (run, log), color, marker in zip(
        logs.items(), cycle(SEQUENCE), cycle(MARKERS), strict=False
    ):
        x = log.get("steps", log["epoch"])
        for name, (label, style) in panel.curves.items():
            if name in log:
                axes.plot(
                    x,
                    log[name],
                    style,
                    color=color,
                    marker=marker,
                    markersize=3,
                    label=f"{run}, {label}" if label else run,
                    gid=run,
                )
    axes.set_ylabel(panel.label)
    axes.grid(alpha=0.3)
    if panel.percent:
        axes.set_ylim(0, 105)
    else:
        axes.margins(y=0.1)
    styles = [
        Line2D([], [], linestyle=style, color=GREY, label=label)
        for name, (label, style) in panel.curves.items()
        if label and any(name in log for log in logs.values())
    ]
    if styles:
        axes.legend(handles=styles, fontsize=8)


def run_names(folders):
    """The shortest ends of paths that tell the runs apart.

    Arguments
    ---------
    folders : list of str
        Output folders, each once.

    Returns
    -------
    list of str

    Example
    -------
    >>> run_names(["results/mini/all/1", "results/mini/rope/1"])
    ['all/1', 'rope/1']
    >>> run_names(["demo/results"])
    ['results']
    """
    parts = [Path(folder).resolve().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(path[-length:]) for path in parts]
        if len(set(names)) == len(names):
            return names
    raise ValueError(f"{', '.join(folders)}: give each output folder once")

"""The course of training runs, from SpeechBrain's train_log.txt."""

import re
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.figures.style import GREY, SEQUENCE, WIDTH, new_canvas

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
    start : float, optional
        Where a new model stands; drawn as a thin line.
    """

    label: str
    curves: dict
    percent: bool = False
    start: float | None = None


COURSE = (
    Panel("loss", {"train loss": ("train", "--"), "valid loss": ("valid", "-")}),
    Panel("accuracy", {"valid ACC": ("valid", "-")}),
    Panel(
        "error rate (%)", {"valid CER": ("CER", "-"), "valid WER": ("WER", ":")}, True
    ),
    Panel("learning rate", {"lr": ("", "-")}),
)
"""What any training has: the left column."""

LEARNED = (
    Panel("offset |c| (rad/oct.)", {"pitch offset": ("", "-")}, start=0.0),
    Panel("clock rate |a|", {"pitch rate": ("", "-")}, start=0.0),
    Panel(
        "bias weight (logits)",
        {
            "pitch even": ("|A|", "-"),
            "pitch odd": ("|B|", "--"),
            "pitch weight": ("|beta|", "-"),
            "pitch voiced": ("|mu|", ":"),
        },
        start=0.0,
    ),
    Panel("bandwidth sigma (oct.)", {"pitch bandwidth": ("", "-")}, start=0.75),
    Panel("radius slope |rho|", {"pitch slope": ("", "-")}, start=0.0),
)
"""What attention has learned of pitch: the right column. Means over layers and heads,
of the names of ``speechbrain_pitchrope.nnet.summary.QUANTITIES``."""


def training_figure(logs):
    """Loss, error rates, learning rate and what was learned of pitch, over updates.

    Panels are drawn for which some log has a value.

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
    columns = [
        panels
        for column in (COURSE, LEARNED)
        if (panels := [panel for panel in column if _is_logged(panel, logs)])
    ]
    width = WIDTH if len(columns) == 1 else WIDTH + 1
    figure = new_canvas((width, 0.8 + 1.7 * max(map(len, columns))))
    x_label = "updates" if any("steps" in log for log in logs.values()) else "epochs"
    parts = figure.subfigures(1, len(columns), squeeze=False)[0]
    for part, panels in zip(parts, columns, strict=True):
        grid = part.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw_panel(axes, panel, logs)
        grid[-1].set_xlabel(x_label)
        part.align_ylabels(grid)
    if len(logs) > 1:
        _draw_names(figure, logs)
    return figure


def _draw_names(figure, logs):
    """The legend of the runs, beneath all panels."""
    from matplotlib.lines import Line2D

    lines = {line.get_gid(): line for axes in figure.axes for line in axes.get_lines()}
    handles = [
        Line2D(
            *([], []),
            color=lines[name].get_color(),
            marker=lines[name].get_marker(),
            label=name,
        )
        for name in logs
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)


def _is_logged(panel, logs):
    return any(name in log for log in logs.values() for name in panel.curves)


def _draw_panel(axes, panel, logs):
    """Draw each run's curves; the legend tells the curves of one run apart."""
    from matplotlib.lines import Line2D

    for i, ((run, log), color, marker) in enumerate(
        zip(logs.items(), cycle(SEQUENCE), cycle(MARKERS), strict=False)
    ):
        x = log.get("steps", log["epoch"])
        # Of curves that lie on one another, all are seen.
        width = min(3.0, 1.4 + 0.8 * (len(logs) - 1 - i))
        for name, (label, style) in panel.curves.items():
            if name in log:
                axes.plot(
                    x,
                    log[name],
                    style,
                    color=color,
                    linewidth=width,
                    marker=marker,
                    markersize=2 * width,
                    label=f"{run}, {label}" if label else run,
                    gid=run,
                )
    axes.set_ylabel(panel.label)
    axes.grid(alpha=0.3)
    if panel.start is not None:
        axes.axhline(panel.start, color=GREY, linewidth=0.8, label="new model")
    if panel.percent:
        axes.set_ylim(0, 105)
    else:
        axes.margins(y=0.1)
    styles = [
        Line2D([], [], linestyle=style, color=GREY, label=label)
        for name, (label, style) in panel.curves.items()
        if label and any(name in log for log in logs.values())
    ]
    if panel.start is not None:
        styles.append(Line2D([], [], linewidth=0.8, color=GREY, label="new model"))
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

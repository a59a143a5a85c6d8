"""The course of training runs, from SpeechBrain's train_log.txt."""

import os
import re
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.lines import Line2D

from speechbrain_pitchrope.figures import style
from speechbrain_pitchrope.nnet.summary import QUANTITIES
from speechbrain_pitchrope.runs.run import open_run

TRAIN_LOG = "train_log.txt"
MARKERS = "os^Dv*"
LINES = ("-", "--", ":", "-.")

COURSE = {
    "loss": {"valid loss": "valid", "train loss": "train"},
    "accuracy": {"valid ACC": "valid"},
    "error rate (%)": {"valid CER": "CER", "valid WER": "WER", "valid PER": "PER"},
    "learning rate": {"lr": ""},
}
"""What any training has, the left column: panel to names in the log to line."""

STARTS = {quantity.panel: quantity.start for quantity in QUANTITIES}
LEARNED = {
    panel: {
        quantity.statistic: quantity.column.removeprefix("max ")
        for quantity in QUANTITIES
        if quantity.panel == panel
    }
    for panel in STARTS
}
"""What attention has learned of pitch, the right column, as ``COURSE``; and the value
of a new model in each panel."""

_NUMBER = r"[-+]?(?:\d+\.?\d*(?:e[-+]?\d+)?|nan|inf)"
_ITEM = re.compile(rf"([A-Za-z][\w ]*): ({_NUMBER})(?=,|\s|$)")


def read_log(folder):
    """The log in a run's output folder, as from ``read_train_log``.

    Refused if it ends within a line: a number that lost its last digits is a wrong one.
    """
    path = Path(folder) / TRAIN_LOG
    advice = "give the output folder of a training run"
    if not path.is_file():
        whole = "" if Path(folder).is_dir() else ", and neither is its folder"
        raise ValueError(f"{path} is not there{whole}: {advice}")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not text in UTF-8: {advice}") from error
    if text and not text.endswith("\n"):
        raise ValueError(
            f"{path} was cut short: it ends within the line "
            f"{text.splitlines()[-1][-60:]!r}; take it out, or copy the file again"
        )
    return read_train_log(text.splitlines())


def read_train_log(lines):
    """Parse the lines that SpeechBrain's FileTrainLogger wrote.

    Returns a dict of name ("epoch", "train loss", "valid CER", ...) to array of one
    value an epoch, NaN where an epoch has none. Lines of tests are left out.
    """
    rows = [
        {name.strip(): float(value) for name, value in _ITEM.findall(line)}
        for line in lines
    ]
    rows = [row for row in rows if "epoch" in row]
    return {
        name: np.array([row.get(name, np.nan) for row in rows])
        for name in sorted(set().union(*rows))
    }


@style.styled
def training_figure(logs):
    """Loss, error rates, learning rate and what was learned of pitch.

    They are drawn over updates if every log counts them as ``steps``, else over epochs.
    Panels are drawn for which some log has a value.

    ``logs`` is a dict of a run's name to what ``read_train_log`` gave for it; one
    without a finished epoch is a ValueError.

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
    logged = set().union(*logs.values())
    columns = [
        {panel: curves for panel, curves in column.items() if logged & curves.keys()}
        for column in (COURSE, LEARNED)
    ]
    columns = list(filter(None, columns))
    if not columns:
        raise ValueError(
            f"the logs hold {', '.join(sorted(logged))}, expected train loss, valid "
            "loss, valid WER or another value that is drawn"
        )
    inches = style.WIDTH + len(columns) - 1, 0.8 + 1.7 * max(map(len, columns))
    figure = style.new_canvas(inches)
    x = "steps" if all("steps" in log for log in logs.values()) else "epoch"
    parts = figure.subfigures(1, len(columns), squeeze=False)[0]
    for part, panels in zip(parts, columns, strict=True):
        grid = part.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (panel, curves) in zip(grid, panels.items(), strict=True):
            _draw_panel(axes, panel, curves, logs, x)
        grid[-1].set_xlabel({"steps": "updates", "epoch": "epochs"}[x])
        grid[-1].xaxis.get_major_locator().set_params(integer=True)
        part.align_ylabels(grid)
    if len(logs) > 1:
        text, fonts = style.printable("\n".join(logs))
        handles = [
            Line2D([], [], color=color, marker=marker, label=name)
            for name, color, marker in zip(
                text.split("\n"), cycle(style.SEQUENCE), cycle(MARKERS), strict=False
            )
        ]
        prop = {"size": 8, "family": fonts}
        figure.legend(handles=handles, loc="outside lower center", ncols=3, prop=prop)
    return figure


def _draw_panel(axes, panel, curves, logs, x):
    """Draw each run's curves; the legend tells the curves of one run apart."""
    named = {}
    for i, (run, log) in enumerate(logs.items()):
        # Curves of several runs that lie on one another are all seen.
        width = max(1.4, 3.0 - 0.8 * i) if len(logs) > 1 else 1.4
        look = {"linewidth": width, "markersize": 2 * width}
        look["color"] = style.SEQUENCE[i % len(style.SEQUENCE)]
        look["marker"] = MARKERS[i % len(MARKERS)]
        for (name, label), dashes in zip(curves.items(), LINES, strict=False):
            if name in log:
                named |= {label: dashes} if label else {}
                hidden = f"_{run}, {label}"  # in no legend
                axes.plot(log[x], log[name], dashes, label=hidden, **look)
    for label, dashes in named.items():
        axes.plot([], [], dashes, color=style.GREY, label=label)
    if panel in STARTS:
        look = {"color": style.GREY, "linewidth": 0.8}
        axes.axhline(STARTS[panel], label="new model", **look)
    if named:
        axes.legend()
    axes.set_ylabel(panel)
    axes.grid()
    if "%" in panel:
        axes.set_ylim(0, 105)
    else:
        axes.margins(y=0.1)


def run_names(folders):
    """What tells the paths of runs apart, and their variants if known."""
    paths = [Path(folder).resolve() for folder in folders]
    if len(set(paths)) < len(paths):
        raise ValueError(f"{', '.join(folders)}: give each output folder once")
    root = os.path.commonpath([path.parent for path in paths])
    names = []
    for path in paths:
        name = path.relative_to(root)
        try:
            variant = open_run(path).variant
        except (OSError, ValueError):
            variant = "custom"
        is_said = variant in (*name.parts, "custom")
        names.append(str(name) if is_said else f"{name} ({variant})")
    return names

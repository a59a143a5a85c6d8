"""The course of training runs, from SpeechBrain's train_log.txt."""

import json
import os
import re
from itertools import cycle
from pathlib import Path

import numpy as np

from speechbrain_pitchrope.figures import style

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

_ITEM = re.compile(r"([A-Za-z][\w ]*): ([^,\s]+)")


def read_log(folder):
    """The log in a run's output folder, as from ``read_train_log``.

    Refused if it ends within a line: a number that lost its last digits is a wrong one.
    """
    path = Path(folder) / TRAIN_LOG
    if not path.is_file():
        whole = "" if Path(folder).is_dir() else ", and neither is its folder"
        raise ValueError(
            f"{path} is not there{whole}: give the output folder of a training run"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not text in UTF-8, expected the log of a training run: give "
            "that run's output folder"
        ) from error
    if text and not text.endswith("\n"):
        raise ValueError(
            f"{path} was cut short: it ends within the line "
            f"{text.splitlines()[-1][-60:]!r}; take that line out, or copy the file "
            "again"
        )
    return read_train_log(text.splitlines())


def read_train_log(lines):
    """Parse the lines that SpeechBrain's FileTrainLogger wrote.

    Returns a dict of name ("epoch", "train loss", "valid CER", ...) to array of one
    value an epoch, NaN where an epoch has none. Lines of tests are left out.
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
    return {
        name: np.array([row.get(name, np.nan) for row in rows])
        for name in sorted(set().union(*rows))
    }


def learned_panels():
    """What attention has learned of pitch, the right column, as ``COURSE``; and the
    value of a new model in each panel."""
    from speechbrain_pitchrope.nnet.summary import QUANTITIES

    panels, starts = {}, {}
    for quantity in QUANTITIES:
        symbol = quantity.column.removeprefix("max ")
        panels.setdefault(quantity.panel, {})[quantity.statistic] = symbol
        starts[quantity.panel] = quantity.start
    return panels, starts


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
    learned, starts = learned_panels()
    columns = []
    for column in (COURSE, learned):
        panels = {
            panel: curves for panel, curves in column.items() if logged & curves.keys()
        }
        columns += [panels] * bool(panels)
    if not columns:
        raise ValueError(
            f"the logs hold {', '.join(sorted(logged))}, expected train loss, valid "
            "loss, valid WER or another value that is drawn"
        )
    figure = style.new_canvas(
        (style.WIDTH + len(columns) - 1, 0.8 + 1.7 * max(map(len, columns)))
    )
    x = "steps" if all("steps" in log for log in logs.values()) else "epoch"
    parts = figure.subfigures(1, len(columns), squeeze=False)[0]
    for part, panels in zip(parts, columns, strict=True):
        grid = part.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (panel, curves) in zip(grid, panels.items(), strict=True):
            _draw_panel(axes, panel, curves, logs, x)
            if panel in starts:
                options = {"linewidth": 0.8, "label": "new model"}
                axes.axhline(starts[panel], color=style.GREY, **options)
            if axes.get_legend_handles_labels()[0]:
                axes.legend(fontsize=8)
        grid[-1].set_xlabel({"steps": "updates", "epoch": "epochs"}[x])
        grid[-1].xaxis.get_major_locator().set_params(integer=True)
        part.align_ylabels(grid)
    if len(logs) > 1:
        _draw_names(figure, logs)
    return figure


def _draw_names(figure, logs):
    """The legend of the runs, beneath all panels."""
    from matplotlib.lines import Line2D

    text, fonts = style.printable("\n".join(logs))
    styles = zip(cycle(style.SEQUENCE), cycle(MARKERS))
    handles = [
        Line2D([], [], color=color, marker=marker, label=name)
        for name, (color, marker) in zip(text.split("\n"), styles, strict=False)
    ]
    prop = {"size": 8, "family": fonts}
    figure.legend(handles=handles, loc="outside lower center", ncols=3, prop=prop)


def _draw_panel(axes, panel, curves, logs, x):
    """Draw each run's curves; the legend tells the curves of one run apart."""
    named = {}
    for i, (run, log) in enumerate(logs.items()):
        # Of curves that lie on one another, all are seen.
        width = max(1.4, 3.0 - 0.8 * i) if len(logs) > 1 else 1.4
        for (name, label), dashes in zip(curves.items(), LINES, strict=False):
            if name in log:
                named |= {label: dashes} if label else {}
                axes.plot(
                    *(log[x], log[name], dashes),
                    color=style.SEQUENCE[i % len(style.SEQUENCE)],
                    marker=MARKERS[i % len(MARKERS)],
                    linewidth=width,
                    markersize=2 * width,
                    label=f"_{run}, {label}",  # in no legend
                )
    for label, dashes in named.items():
        axes.plot([], [], dashes, color=style.GREY, label=label)
    axes.set_ylabel(panel)
    axes.grid(alpha=0.3)
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
    return [_with_variant(path.relative_to(root), path) for path in paths]


def _with_variant(name, folder):
    """The name of a run, and of its variant if that is another one and is known."""
    try:
        mark = json.loads((folder / "variant.json").read_text(encoding="utf-8"))
        variant = str(mark["variant"])
    except (OSError, ValueError, KeyError, TypeError):
        return str(name)
    return str(name) if variant in name.parts else f"{name} ({variant})"

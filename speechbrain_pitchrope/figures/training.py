"""The course of training runs, from SpeechBrain's train_log.txt."""

import json
import re
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.figures.style import (
    GREY,
    SEQUENCE,
    WIDTH,
    new_canvas,
    printable,
)

TRAIN_LOG = "train_log.txt"
MARKERS = "os^Dv*"

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
    """A panel: its axis, names in the log to (legend, line), percent, a new model's."""

    label: str
    curves: dict
    percent: bool = False
    start: float | None = None


COURSE = (
    Panel("loss", {"train loss": ("train", "--"), "valid loss": ("valid", "-")}),
    Panel("accuracy", {"valid ACC": ("valid", "-")}),
    Panel(
        "error rate (%)",
        {
            "valid CER": ("CER", "-"),
            "valid WER": ("WER", ":"),
            "valid PER": ("PER", "-."),
        },
        True,
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
            "pitch weight": ("|beta|", "-."),
            "pitch voiced": ("|mu|", ":"),
        },
        start=0.0,
    ),
    Panel("bandwidth sigma (oct.)", {"pitch bandwidth": ("", "-")}, start=0.75),
    Panel("radius slope |rho|", {"pitch slope": ("", "-")}, start=0.0),
)
"""What attention has learned of pitch: the right column. Means over layers and heads,
by the names of ``speechbrain_pitchrope.nnet.summary.QUANTITIES``."""


def training_figure(logs):
    """Loss, error rates, learning rate and what was learned of pitch.

    They are drawn over updates if every log counts them as ``steps``, else over epochs.
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
    if not columns:
        raise ValueError(
            f"the logs hold {', '.join(sorted(set().union(*logs.values())))}, expected "
            "train loss, valid loss, valid WER or another value that is drawn"
        )
    figure = new_canvas((WIDTH + len(columns) - 1, 0.8 + 1.7 * max(map(len, columns))))
    x = "steps" if all("steps" in log for log in logs.values()) else "epoch"
    parts = figure.subfigures(1, len(columns), squeeze=False)[0]
    for part, panels in zip(parts, columns, strict=True):
        grid = part.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, panel in zip(grid, panels, strict=True):
            _draw_panel(axes, panel, logs, x)
        grid[-1].set_xlabel({"steps": "updates", "epoch": "epochs"}[x])
        grid[-1].xaxis.get_major_locator().set_params(integer=True)
        part.align_ylabels(grid)
    if len(logs) > 1:
        _draw_names(figure, logs)
    return figure


def _draw_names(figure, logs):
    """The legend of the runs, beneath all panels."""
    from matplotlib.lines import Line2D

    texts = [printable(name) for name in logs]
    handles = [
        Line2D([], [], color=color, marker=marker, label=text)
        for (text, _), color, marker in zip(texts, cycle(SEQUENCE), cycle(MARKERS))
    ]
    families = list(dict.fromkeys(font for _, fonts in texts for font in fonts))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=3,
        prop={"size": 8, "family": families},
    )


def _is_logged(panel, logs):
    return any(name in log for log in logs.values() for name in panel.curves)


def _draw_panel(axes, panel, logs, x):
    """Draw each run's curves; the legend tells the curves of one run apart."""
    from matplotlib.lines import Line2D

    for i, ((run, log), color, marker) in enumerate(
        zip(logs.items(), cycle(SEQUENCE), cycle(MARKERS), strict=False)
    ):
        # Of curves that lie on one another, all are seen.
        width = min(3.0, 1.4 + 0.8 * (len(logs) - 1 - i))
        for name, (label, style) in panel.curves.items():
            if name in log:
                axes.plot(
                    *(log[x], log[name], style),
                    color=color,
                    linewidth=width,
                    marker=marker,
                    markersize=2 * width,
                    label=f"{run}, {label}" if label else run,
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
    if panel.start is not None:
        axes.axhline(panel.start, color=GREY, linewidth=0.8, label="new model")
        styles.append(Line2D([], [], linewidth=0.8, color=GREY, label="new model"))
    if styles:
        axes.legend(handles=styles, fontsize=8)


def run_names(folders):
    """The shortest ends of paths that tell runs apart, and the variants if known.

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
            return [*map(_with_variant, names, folders)]
    raise ValueError(f"{', '.join(folders)}: give each output folder once")


def _with_variant(name, folder):
    """The name of a run, and of its variant if that is another one and is known."""
    try:
        mark = json.loads((Path(folder) / "variant.json").read_text(encoding="utf-8"))
        variant = str(mark["variant"])
    except (OSError, ValueError, KeyError, TypeError):
        return name
    return name if variant in Path(name).parts else f"{name} ({variant})"

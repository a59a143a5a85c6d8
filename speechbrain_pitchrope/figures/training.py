"""The course of training runs, from SpeechBrain's train_log.txt."""

import re

import numpy as np

from speechbrain_pitchrope.figures.style import SEQUENCE, new_figure

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


def training_figure(logs):
    """Loss and error rate over updates, one colour a run.

    Arguments
    ---------
    logs : dict
        Name of a run to what ``read_train_log`` gave for it.

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
    ['loss', 'CER (%)']
    """
    empty = [name for name, log in logs.items() if "epoch" not in log]
    if empty or not logs:
        raise ValueError(
            f"no finished epoch in the log of {', '.join(empty) or 'any run'}: wait "
            "for the first one, or give an output folder that holds a train_log.txt"
        )
    figure, (loss_axes, error_axes) = new_figure(2, size=(7.0, 5.5))
    for (name, log), color in zip(logs.items(), SEQUENCE * len(logs), strict=False):
        x = log.get("steps", log["epoch"])
        for stage, style in (("train", "--"), ("valid", "-")):
            if f"{stage} loss" in log:
                loss_axes.plot(
                    x,
                    log[f"{stage} loss"],
                    style,
                    color=color,
                    label=f"{name}, {stage}",
                )
        for rate, style in (("CER", "-"), ("WER", ":")):
            if f"valid {rate}" in log:
                error_axes.plot(
                    x, log[f"valid {rate}"], style, color=color, label=f"{name}, {rate}"
                )
    loss_axes.set_ylabel("loss")
    error_axes.set_ylabel("CER (%)" if not _has(logs, "WER") else "CER, WER (%)")
    error_axes.set_ylim(0, 105)
    error_axes.set_xlabel("updates" if _has(logs, "steps", "") else "epochs")
    for axes in (loss_axes, error_axes):
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return figure


def _has(logs, name, stage="valid "):
    return any(f"{stage}{name}" in log for log in logs.values())

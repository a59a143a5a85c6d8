"""The figure of a training run, from lines as SpeechBrain writes them."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.training import read_train_log, training_figure

LINES = [
    "epoch: 1, lr: 2.0e-03, steps: 220, beam: 1 - train loss: 91.75 - "
    "valid loss: 39.90, valid WER: 81.40, valid CER: 29.07",
    "epoch: 2, lr: 1.0e-03, steps: 440, beam: 10 - train loss: 24.79 - "
    "valid loss: 1.2e+01, valid WER: 44.94, valid CER: 10.89",
    "split: test-clean - test loss: 1.05, test WER: 3.98, test CER: 5.43e-01",
]


def test_numbers_are_read_and_tests_left_out():
    log = read_train_log(LINES)
    np.testing.assert_array_equal(log["steps"], [220, 440])
    np.testing.assert_array_equal(log["valid loss"], [39.9, 12])
    assert "split" not in log and "test WER" not in log


def test_lines_of_two_runs():
    figure = training_figure(
        {"all": read_train_log(LINES), "rope": read_train_log(LINES)}
    )
    loss_axes, error_axes = figure.axes
    lines = {line.get_label(): line for line in loss_axes.lines + error_axes.lines}
    assert len(lines) == len(loss_axes.lines) + len(error_axes.lines) == 8
    x, y = lines["rope, train"].get_data()
    assert (x.tolist(), y.tolist()) == ([220, 440], [91.75, 24.79])
    assert lines["all, CER"].get_ydata().tolist() == [29.07, 10.89]
    assert lines["all, CER"].get_color() != lines["rope, CER"].get_color()
    assert error_axes.get_xlabel() == "updates"


def test_a_run_without_epochs_is_named():
    with pytest.raises(ValueError, match="no finished epoch in the log of rope"):
        training_figure({"all": read_train_log(LINES), "rope": read_train_log([])})

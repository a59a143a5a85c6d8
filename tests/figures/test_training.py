"""The figure of a training run, from lines as SpeechBrain writes them."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.training import (
    read_log,
    read_train_log,
    training_figure,
)
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.summary import QUANTITIES, pitch_statistics

LINES = [
    "epoch: 1, lr: 2.0e-03, steps: 220, beam: 1 - train loss: 91.75 - "
    "valid loss: 39.90, valid WER: 81.40, valid CER: 29.07",
    "epoch: 2, lr: 1.0e-03, steps: 440, beam: 10 - train loss: 24.79 - "
    "valid loss: 1.2e+01, valid WER: 44.94, valid CER: 10.89",
    "split: test-clean - test loss: 1.05, test WER: 3.98, test CER: 5.43e-01",
]


def panels(figure):
    """Label of each panel to {label of each line: line}."""
    return {
        axes.get_ylabel(): {line.get_label(): line for line in axes.get_lines()}
        for axes in figure.axes
    }


def test_lines_of_two_runs():
    log = read_train_log(LINES)
    assert "split" not in log and "test WER" not in log
    figure = training_figure({"all": log, "rope": log})
    drawn = panels(figure)
    assert list(drawn) == ["loss", "error rate (%)", "learning rate"]
    x, y = drawn["loss"]["_rope, train"].get_data()
    assert (x.tolist(), y.tolist()) == ([220, 440], [91.75, 24.79])
    rates = drawn["error rate (%)"]
    assert rates["_all, CER"].get_ydata().tolist() == [29.07, 10.89]
    assert rates["_all, CER"].get_color() != rates["_rope, CER"].get_color()
    assert rates["_all, CER"].get_marker() != rates["_rope, CER"].get_marker()
    assert rates["CER"].get_linestyle() == rates["_all, CER"].get_linestyle()
    assert rates["CER"].get_linestyle() != rates["WER"].get_linestyle()
    assert figure.axes[-1].get_xlabel() == "updates"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["all", "rope"]
    shown = [text.get_text() for text in figure.axes[1].get_legend().get_texts()]
    assert shown == ["CER", "WER"]


def test_every_quantity_has_its_panel_with_a_new_models_value():
    """Beside a run that has no pitch to learn of."""
    new = pitch_statistics(PitchRoPEMHA(8, 2))
    new |= pitch_statistics(PitchRoPEMHA(8, 2, theta="phase", similarity="gaussian"))
    assert set(new) == {quantity.statistic for quantity in QUANTITIES}
    logged = ", ".join(f"{name}: {value + 0.25}" for name, value in new.items())
    log = read_train_log([f"epoch: {i}, steps: {i}, {logged}" for i in (1, 2)])
    drawn = panels(training_figure({"all": log, "rope": read_train_log(LINES)}))
    for quantity in QUANTITIES:
        lines = drawn[quantity.panel]
        start = quantity.start
        assert start == pytest.approx(new[quantity.statistic])
        assert set(lines["new model"].get_ydata()) == {start}
        line = lines[f"_all, {quantity.column.removeprefix('max ')}"]
        np.testing.assert_allclose(line.get_ydata(), start + 0.25)
        low, high = line.axes.get_ylim()
        assert low < start < start + 0.25 < high
        assert not any(label.startswith("_rope") for label in lines)


def test_a_log_without_updates_puts_all_on_the_axis_of_epochs():
    """Most of SpeechBrain's recipes log no steps."""
    line = "epoch: 3, lr: 1e-3 - train loss: 9.1 - valid loss: 8.2, valid PER: 50"
    logs = {"all": read_train_log(LINES), "theirs": read_train_log([line])}
    figure = training_figure(logs)
    assert figure.axes[-1].get_xlabel() == "epochs"
    drawn = panels(figure)
    assert drawn["loss"]["_all, train"].get_xdata().tolist() == [1, 2]
    assert drawn["loss"]["_theirs, train"].get_xdata().tolist() == [3]
    assert drawn["error rate (%)"]["_theirs, PER"].get_ydata().tolist() == [50]


def test_every_way_of_cutting_a_line_short_is_told(tmp_path):
    """A number that lost its last digits is a wrong one."""
    path = tmp_path / "train_log.txt"
    text = LINES[0] + "\n"
    for length in range(1, len(text)):
        path.write_text(text[:length])
        with pytest.raises(ValueError, match=r"train_log\.txt was cut short: it ends"):
            read_log(tmp_path)
    path.write_text(text)
    assert read_log(tmp_path)["valid CER"] == [29.07]


def test_logs_with_nothing_to_draw(tmp_path):
    for content, message in (
        (None, "is not there: give the output folder"),
        (b"\x89PNG\xff\n", "the logs of rope hold nothing, expected an epoch"),
        (LINES[2].encode() + b"\n", "the logs of rope hold nothing, expected an ep"),
        (b"epoch: 1 - valid EER: 5.0\n", "hold epoch, valid EER, expected an epoch"),
    ):
        if content is not None:
            (tmp_path / "train_log.txt").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            training_figure({"rope": read_log(tmp_path)})

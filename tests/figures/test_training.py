"""The figure of a training run, from lines as SpeechBrain writes them."""

import json

import numpy as np
import pytest

from speechbrain_pitchrope.figures.training import (
    COURSE,
    LEARNED,
    read_log,
    read_train_log,
    run_names,
    training_figure,
)
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.summary import QUANTITIES, pitch_statistics

PANELS = (*COURSE, *LEARNED)

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


def panels(figure):
    """Label of each panel to {label of each line: line}."""
    return {
        axes.get_ylabel(): {line.get_label(): line for line in axes.get_lines()}
        for axes in figure.axes
    }


def test_lines_of_two_runs():
    log = read_train_log(LINES)
    figure = training_figure({"all": log, "rope": log})
    drawn = panels(figure)
    assert list(drawn) == ["loss", "error rate (%)", "learning rate"]
    x, y = drawn["loss"]["rope, train"].get_data()
    assert (x.tolist(), y.tolist()) == ([220, 440], [91.75, 24.79])
    rates = drawn["error rate (%)"]
    assert rates["all, CER"].get_ydata().tolist() == [29.07, 10.89]
    assert rates["all, CER"].get_color() != rates["rope, CER"].get_color()
    assert rates["all, CER"].get_marker() != rates["rope, CER"].get_marker()
    assert drawn["learning rate"]["all"].get_ydata().tolist() == [0.002, 0.001]
    assert figure.axes[-1].get_xlabel() == "updates"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "all",
        "rope",
    ]


def test_what_was_learned_is_drawn_where_it_was_logged():
    """Two runs, of which one has no pitch to learn of."""
    learned = [
        "epoch: 1, steps: 9, pitch offset: 2.1, pitch rate: 1.2e-02, "
        "pitch weight: 3.4e-01, "
        "pitch voiced: 5.6e-02, pitch bandwidth: 7.5e-01, pitch slope: 7.8e-03 - "
        "train loss: 9.1 - valid loss: 8.2, valid ACC: 5.0e-01, valid WER: 50"
    ]
    logs = {"all": read_train_log(learned), "rope": read_train_log(LINES)}
    drawn = panels(training_figure(logs))
    assert set(drawn) == {panel.label for panel in PANELS}
    assert drawn["clock rate |a|"]["all"].get_ydata().tolist() == [0.012]
    assert drawn["bias weight (logits)"]["all, |mu|"].get_ydata().tolist() == [0.056]
    assert [*drawn["radius slope |rho|"]] == ["all", "new model"]
    assert drawn["accuracy"]["all, valid"].get_ydata().tolist() == [0.5]


def test_columns_are_the_course_and_what_was_learned():
    log = read_train_log([LINES[0].replace("beam", "pitch rate: 0.1, beam")])
    figure = training_figure({"all": log})
    figure.draw_without_rendering()
    sides = {axes.get_ylabel(): axes.get_window_extent().x0 for axes in figure.axes}
    left = {sides[label] for label in ("loss", "error rate (%)", "learning rate")}
    assert max(left) < figure.bbox.width / 2 < sides["clock rate |a|"]


def test_every_statistic_of_the_model_has_a_panel_with_a_new_models_value():
    new = pitch_statistics(PitchRoPEMHA(8, 2))
    new |= pitch_statistics(PitchRoPEMHA(8, 2, theta="phase", similarity="gaussian"))
    assert set(new) == {quantity.statistic for quantity in QUANTITIES}
    starts = {name: panel.start for panel in LEARNED for name in panel.curves}
    assert starts == pytest.approx(new)
    logged = ", ".join(f"{name}: {value + 0.25}" for name, value in new.items())
    log = read_train_log([f"epoch: 1, {logged}", f"epoch: 2, {logged}"])
    for panel in LEARNED:
        lines = panels(training_figure({"all": log}))[panel.label]
        assert set(lines["new model"].get_ydata()) == {panel.start}
        axes = lines["new model"].axes
        assert (
            axes.get_ylim()[0] < panel.start < panel.start + 0.25 < axes.get_ylim()[1]
        )


def test_a_log_without_updates_puts_all_on_the_axis_of_epochs():
    """Most of SpeechBrain's recipes log no steps."""
    line = "epoch: 3, lr: 1e-3 - train loss: 9.1 - valid loss: 8.2, valid PER: 50"
    logs = {"all": read_train_log(LINES), "theirs": read_train_log([line])}
    figure = training_figure(logs)
    assert figure.axes[-1].get_xlabel() == "epochs"
    drawn = panels(figure)
    assert drawn["loss"]["all, train"].get_xdata().tolist() == [1, 2]
    assert drawn["loss"]["theirs, train"].get_xdata().tolist() == [3]
    assert drawn["error rate (%)"]["theirs, PER"].get_ydata().tolist() == [50]


def test_a_log_of_other_values_is_told():
    with pytest.raises(ValueError, match="the logs hold epoch, valid EER, expected"):
        training_figure({"": read_train_log(["epoch: 1 - valid EER: 5.0"])})


@pytest.fixture
def runs(tmp_path):
    """Folders of two runs, the first of a variant that is known."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train_log.txt").write_text("\n".join(LINES) + "\n")
    mark = json.dumps({"variant": "all", "pitch_attention": {}})
    (tmp_path / "first/variant.json").write_text(mark)
    return [str(tmp_path / "first"), str(tmp_path / "second")]


def test_runs_are_told_apart(runs, tmp_path):
    assert run_names(runs) == ["first (all)", "second"]
    (tmp_path / "first").rename(tmp_path / "all")  # told once
    assert run_names([str(tmp_path / "all"), runs[1]]) == ["all", "second"]
    folders = [str(tmp_path / name) for name in ("all/1", "rope/1")]
    assert run_names(folders) == ["all/1", "rope/1"]
    with pytest.raises(ValueError, match="give each output folder once"):
        run_names([folders[0], folders[0]])


def test_every_way_of_cutting_a_line_short_is_told(runs, tmp_path):
    """A number that lost its last digits is a wrong one."""
    path = tmp_path / "second/train_log.txt"
    text = LINES[0] + "\n"
    for length in range(1, len(text)):
        path.write_text(text[:length])
        with pytest.raises(ValueError, match=r"train_log\.txt was cut short: it ends"):
            read_log(runs[1])
    path.write_text(text)
    assert read_log(runs[1])["valid CER"] == [29.07]


def test_logs_that_are_none(runs, tmp_path):
    (tmp_path / "second/train_log.txt").write_bytes(b"\xff\xfe\n")
    with pytest.raises(ValueError, match=r"train_log\.txt is not text in UTF-8"):
        read_log(runs[1])
    with pytest.raises(ValueError, match="is not there: give the output folder"):
        read_log(tmp_path)
    with pytest.raises(ValueError, match="is not there, and neither is its folder"):
        read_log(tmp_path / "gone")


def test_a_run_without_epochs_is_named():
    with pytest.raises(ValueError, match="no finished epoch in the log of rope"):
        training_figure({"all": read_train_log(LINES), "rope": read_train_log([])})

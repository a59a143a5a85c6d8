"""What is drawn from files is what the models and logs behind them hold."""

import json

import numpy as np
import pytest
import soundfile

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.cli.plots import drawing
from speechbrain_pitchrope.cli.plots.heads import trained_head
from speechbrain_pitchrope.cli.plots.maps import attention_maps
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.processing.pitch import World
from tests.figures.test_training import LINES
from tests.signals import utterance


def images_of(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


@pytest.mark.parametrize(
    "features", [None, PitchFbank(pitch_tracker=World("dio"))], ids=["default", "dio"]
)
def test_pitch_is_that_of_the_features(recording, features):
    figure = drawing.draw_pitch(recording, features)
    (line,) = (line for line in figure.axes[-1].lines if line.get_label() == "f0")
    wav = read_mono(recording, 16000)
    _, channels = inband.split((features or PitchFbank())(wav[None])[0])
    expected = inband.f0_in_hz(channels).numpy()
    np.testing.assert_array_equal(
        line.get_ydata(), np.where(expected > 0, expected, np.nan)
    )


def test_rotation_and_similarity_are_those_of_the_head(recording, run):
    head = trained_head(run, recording, 1, 0)
    _, adapted = head.rotations()
    figure = drawing.draw_rotation(head, recording, pairs=[3])
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    np.testing.assert_array_equal(lines["pitch-adapted, odd"], adapted[:, 3].imag)
    plain, adapted, _ = head.kernels()
    images = images_of(drawing.draw_similarity(head, recording))
    np.testing.assert_allclose(images[1], adapted)
    np.testing.assert_allclose(images[2], adapted - plain, atol=1e-6)


def test_attention_is_that_of_the_model(recording, run):
    maps = attention_maps(run, recording, [0], [1])
    figure = drawing.draw_attention(run, recording, [0], [1])
    *_, on, zeroed, _ = images_of(figure)[:6]
    np.testing.assert_array_equal(on, maps.heads[0].with_pitch)
    np.testing.assert_array_equal(zeroed, maps.heads[0].without_pitch)


@pytest.mark.parametrize("seconds", [601, 0])
def test_what_is_too_long_or_nothing(tmp_path, seconds):
    path = tmp_path / "a.wav"
    wav = utterance(seconds=1.0).repeat(max(1, seconds))[: 16000 * seconds]
    soundfile.write(path, wav.numpy(), 16000)
    with pytest.raises(ValueError, match=r"a\.wav (lasts 601 s|holds no samples)"):
        drawing.draw_pitch(path)


@pytest.fixture
def runs(tmp_path):
    """Logs of two runs: one of a variant that is known, one without a name for it."""
    for name, text in (("first", LINES), ("second", LINES[:1])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train_log.txt").write_text("\n".join(text) + "\n")
    mark = json.dumps({"variant": "all", "pitch_attention": {}})
    (tmp_path / "first/variant.json").write_text(mark)
    return [str(tmp_path / "first"), str(tmp_path / "second")]


def test_runs_lie_over_one_another_with_their_variants(runs):
    figure = drawing.draw_training(runs)
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["first (all)", "second"]
    (loss,) = (axes for axes in figure.axes if axes.get_ylabel() == "loss")
    ends = {line.get_label(): line.get_xdata()[-1] for line in loss.get_lines()}
    assert ends["first (all), train"] == 440 and ends["second, train"] == 220


def test_a_variant_that_the_name_tells_is_not_told_twice(runs, tmp_path):
    (tmp_path / "first").rename(tmp_path / "all")
    figure = drawing.draw_training([str(tmp_path / "all"), runs[1]])
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["all", "second"]


def test_every_way_of_cutting_a_line_short_is_told(runs, tmp_path):
    """A number that lost its last digits is a wrong one."""
    path = tmp_path / "second/train_log.txt"
    text = path.read_text()
    for length in range(1, len(text)):
        path.write_text(text[:length])
        with pytest.raises(ValueError, match=r"train_log\.txt was cut short: it ends"):
            drawing.read_log(runs[1])
    path.write_text(text)
    assert drawing.read_log(runs[1])["valid CER"] == [29.07]


def test_logs_that_are_none(runs, tmp_path):
    (tmp_path / "second/train_log.txt").write_bytes(b"\xff\xfe\n")
    with pytest.raises(ValueError, match=r"train_log\.txt is not text in UTF-8"):
        drawing.draw_training(runs)
    with pytest.raises(ValueError, match="is not there: give the output folder"):
        drawing.read_log(tmp_path)
    with pytest.raises(ValueError, match="is not there, and neither is its folder"):
        drawing.read_log(tmp_path / "gone")


def test_spans():
    assert drawing.shown_span(None, 3.0) == ((0, 3.0), "")
    assert drawing.shown_span((1, 99), 3.0) == ((1, 3.0), " (1 to 3 s)")

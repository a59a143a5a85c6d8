"""The pitch figure shows the numbers it was given."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.pitch import pitch_figure

MELS_DB = np.random.default_rng(0).normal(-20, 10, (100, 40))


@pytest.fixture(scope="module")
def panels():
    times = np.arange(100) / 100
    f0_hz = np.where((times >= 0.3) & (times < 0.6), 100 + 50 * times, 0.0)
    figure = pitch_figure(
        np.sin(np.arange(16000)),
        16000,
        MELS_DB,
        f0_hz,
        times,
        title="a",
    )
    return f0_hz, {axes.get_ylabel(): axes for axes in figure.axes}


def test_contour_is_broken_where_unvoiced(panels):
    f0_hz, axes = panels
    (line,) = (line for line in axes["f0 (Hz)"].lines if line.get_label() == "f0")
    x, y = line.get_data()
    np.testing.assert_allclose(x, np.arange(100) / 100)
    np.testing.assert_allclose(y[30:60], f0_hz[30:60])
    assert np.isnan(y[:30]).all() and np.isnan(y[60:]).all()


def test_all_panels_share_one_time_axis(panels):
    _, axes = panels
    assert len({panel.get_xlim() for panel in axes.values()}) == 1
    (image,) = axes["mel band"].images
    np.testing.assert_allclose(image.get_extent(), [-0.005, 0.995, 0, 40])
    np.testing.assert_array_equal(image.get_array(), MELS_DB.T)
    assert image.origin == "lower"
    samples, _ = axes["amplitude"].lines[0].get_data()
    assert samples[-1] == pytest.approx(1, abs=1e-3)


def test_voiced_stretches_are_shaded(panels):
    _, axes = panels
    for name in ("amplitude", "voicing"):
        (shade,) = axes[name].patches
        assert shade.get_x() == pytest.approx(0.295)
        assert shade.get_x() + shade.get_width() == pytest.approx(0.595)


def test_waveform_and_voicing_are_those_given(panels):
    _, axes = panels
    seconds, samples = axes["amplitude"].lines[0].get_data()
    np.testing.assert_allclose(seconds, np.arange(16000) / 16000)
    np.testing.assert_allclose(samples, np.sin(np.arange(16000)))
    seconds, voicing = axes["voicing"].lines[0].get_data()
    np.testing.assert_allclose(seconds, np.arange(100) / 100)
    np.testing.assert_allclose(voicing, np.arange(100) / 100)


def test_a_single_voiced_frame_is_seen():
    f0_hz = np.zeros(100)
    f0_hz[40] = 200.0
    figure = pitch_figure(np.zeros(16000), 16000, MELS_DB, f0_hz, f0_hz / 200)
    axes = {axes.get_ylabel(): axes for axes in figure.axes}
    (shade,) = axes["voicing"].patches
    assert (shade.get_x(), shade.get_width()) == pytest.approx((0.395, 0.01))
    line = axes["f0 (Hz)"].lines[-1]
    assert line.get_marker() == "o" and line.get_markersize() == line.get_linewidth()

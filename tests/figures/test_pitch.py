"""The pitch figure shows the numbers it was given."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.pitch import pitch_figure


@pytest.fixture(scope="module")
def panels():
    times = np.arange(100) / 100
    f0_hz = np.where((times >= 0.3) & (times < 0.6), 100 + 50 * times, 0.0)
    figure = pitch_figure(
        np.sin(np.arange(16000)),
        16000,
        np.random.rand(100, 40),
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
    assert image.get_extent() == [0.0, 0.99, 0, 40]
    samples, _ = axes["amplitude"].lines[0].get_data()
    assert samples[-1] == pytest.approx(1, abs=1e-3)


def test_voiced_stretches_are_shaded(panels):
    _, axes = panels
    for name in ("amplitude", "voicing"):
        (shade,) = axes[name].collections
        (path,) = shade.get_paths()
        assert path.vertices[:, 0].min() == pytest.approx(0.3)
        assert path.vertices[:, 0].max() == pytest.approx(0.59)

"""The pitch figure shows the numbers it was given."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.pitch import pitch_figure

MELS_DB = np.random.default_rng(0).normal(-20, 10, (100, 40))
TIMES = np.arange(100) / 100
WAV = np.sin(np.arange(1600))


@pytest.fixture(scope="module")
def drawn():
    """f0 of a voiced stretch and of a single voiced frame, and the panels."""
    f0_hz = np.where((TIMES >= 0.3) & (TIMES < 0.6), 100 + 50 * TIMES, 0.0)
    f0_hz[80] = 200.0
    figure = pitch_figure(WAV, 1600, MELS_DB, f0_hz, TIMES, title="a")
    return f0_hz, {axes.get_ylabel(): axes for axes in figure.axes}


def test_every_panel_shows_what_was_given(drawn):
    f0_hz, panels = drawn
    expected = {
        "amplitude": (np.arange(1600) / 1600, WAV),
        "voicing": (TIMES, TIMES),
        "f0 (Hz)": (TIMES, np.where(f0_hz > 0, f0_hz, np.nan)),
    }
    for name, (x, y) in expected.items():
        line = panels[name].lines[-1]
        np.testing.assert_allclose(line.get_data(), (x, y))
    assert panels["f0 (Hz)"].lines[-1].get_marker() == "o"  # a frame alone is seen
    (image,) = panels["mel band"].images
    np.testing.assert_array_equal(image.get_array(), MELS_DB.T)
    assert len({axes.get_xlim() for axes in panels.values()}) == 1


def test_voiced_stretches_are_shaded(drawn):
    f0_hz, panels = drawn
    for name in ("amplitude", "voicing"):
        values, edges, baseline = panels[name].patches[0].get_data()
        np.testing.assert_array_equal(values, f0_hz > 0)
        np.testing.assert_allclose(edges, np.arange(101) / 100 - 0.005)
        assert baseline == 0

"""The pitch figure shows the numbers it was given."""

import numpy as np

from speechbrain_pitchrope.figures.pitch import pitch_figure


def test_every_panel_shows_what_was_given():
    """A voiced stretch and a single voiced frame; voiced stretches are shaded."""
    mels_db = np.random.default_rng(0).normal(-20, 10, (100, 40))
    times, wav = np.arange(100) / 100, np.sin(np.arange(1600))
    f0_hz = np.where((times >= 0.3) & (times < 0.6), 100 + 50 * times, 0.0)
    f0_hz[80] = 200.0
    figure = pitch_figure(wav, 1600, mels_db, f0_hz, times, title="a")
    panels = {axes.get_ylabel(): axes for axes in figure.axes}
    expected = {
        "amplitude": (np.arange(1600) / 1600, wav),
        "voicing": (times, times),
        "f0 (Hz)": (times, np.where(f0_hz > 0, f0_hz, np.nan)),
    }
    for name, (x, y) in expected.items():
        np.testing.assert_allclose(panels[name].lines[-1].get_data(), (x, y))
    assert panels["f0 (Hz)"].lines[-1].get_marker() == "o"  # a frame alone is seen
    (image,) = panels["mel band"].images
    np.testing.assert_array_equal(image.get_array(), mels_db.T)
    assert len({axes.get_xlim() for axes in panels.values()}) == 1
    for name in ("amplitude", "voicing"):
        values, edges, baseline = panels[name].patches[0].get_data()
        np.testing.assert_array_equal(values, f0_hz > 0)
        np.testing.assert_allclose(edges, np.arange(101) / 100 - 0.005)
        assert baseline == 0

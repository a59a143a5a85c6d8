"""The rotation figure shows the rotations it was given."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.rotation import rotation_figure

SHIFT = 0.04
OMEGA = np.array([1.0, 0.5, 0.2])
FRAMES = np.arange(60)
PLAIN = np.exp(1j * FRAMES[:, None] * OMEGA)
RADIUS = np.exp(0.3 * np.sin(FRAMES / 10))
ADAPTED = RADIUS[:, None] * np.exp(1.2j * FRAMES[:, None] * OMEGA)
F0_HZ = np.where(FRAMES < 30, 200.0, 0.0)


@pytest.fixture(scope="module")
def figure():
    options = {"pairs": [2, 0], "notes": ["a = 0.1", ""], "span": (0.4, 1.6)}
    return rotation_figure(PLAIN, ADAPTED, F0_HZ, SHIFT, **options, title="a")


def test_thick_lines_are_rope_and_thin_ones_the_adapted_rotation(figure):
    for axes, pair in zip(figure.axes, (2, 0), strict=False):
        lines = {line.get_label(): line for line in axes.lines}
        for name, expected, style in (
            ("RoPE, even", PLAIN.real, "-"),
            ("RoPE, odd", PLAIN.imag, "--"),
            ("pitch-adapted, even", ADAPTED.real, "-"),
            ("pitch-adapted, odd", ADAPTED.imag, "--"),
        ):
            x, y = lines[name].get_data()
            np.testing.assert_allclose(x, SHIFT * FRAMES)
            np.testing.assert_allclose(y, expected[:, pair])
            assert lines[name].get_linestyle() == style
        thick, thin = lines["RoPE, even"], lines["pitch-adapted, even"]
        assert thick.get_linewidth() > 2 * thin.get_linewidth()
        assert thick.get_color() != thin.get_color()
        ((path,),) = (area.get_paths() for area in axes.collections)
        heights = path.vertices[:, 1]
        assert (heights.min(), heights.max()) == (-RADIUS.max(), RADIUS.max())


def test_f0_is_beneath_on_the_same_time_axis(figure):
    panel, _, f0_axes = figure.axes
    x, y = f0_axes.lines[0].get_data()
    np.testing.assert_allclose(x, SHIFT * FRAMES)
    np.testing.assert_array_equal(y, np.where(F0_HZ > 0, F0_HZ, np.nan))
    assert panel.get_xlim() == f0_axes.get_xlim() == (0.4, 1.6)


def test_each_panel_names_its_pair(figure):
    names = [axes.get_title(loc="left") for axes in figure.axes[:2]]
    assert names == ["pair 2: a turn in 1.26 s, a = 0.1", "pair 0: a turn in 0.251 s"]


@pytest.mark.parametrize(("pairs", "named"), [([0, 3], "3"), ([-1], "-1"), ([], "to")])
def test_a_pair_that_does_not_exist(pairs, named):
    with pytest.raises(ValueError, match=rf"pair {named}.* has 3 pairs, 0 to 2"):
        rotation_figure(PLAIN, PLAIN, F0_HZ, SHIFT, pairs)

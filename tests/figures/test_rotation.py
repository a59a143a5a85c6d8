"""The rotation figure shows the rotations it was given."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.rotation import rotation_figure

SHIFT = 0.04
OMEGA = np.array([1.0, 0.5, 0.2])
TIMES = np.arange(60) * SHIFT
PLAIN = np.exp(1j * np.arange(60)[:, None] * OMEGA)
F0_HZ = np.where(np.arange(60) < 30, 200.0, 0.0)


def lines_of(axes):
    return {line.get_label(): line for line in axes.lines}


def test_thick_lines_are_rope_and_thin_ones_the_adapted_rotation():
    adapted = 1.3 * np.exp(1.2j * np.arange(60)[:, None] * OMEGA)
    figure = rotation_figure(PLAIN, adapted, F0_HZ, SHIFT, pairs=[2, 0])
    for axes, pair in zip(figure.axes, (2, 0), strict=False):
        lines = lines_of(axes)
        t = np.arange(60)
        for name, expected, style in (
            ("RoPE, even", np.cos(OMEGA[pair] * t), "-"),
            ("RoPE, odd", np.sin(OMEGA[pair] * t), "--"),
            ("pitch-adapted, even", 1.3 * np.cos(1.2 * OMEGA[pair] * t), "-"),
            ("pitch-adapted, odd", 1.3 * np.sin(1.2 * OMEGA[pair] * t), "--"),
        ):
            x, y = lines[name].get_data()
            np.testing.assert_allclose(x, TIMES)
            np.testing.assert_allclose(y, expected, atol=1e-9)
            assert lines[name].get_linestyle() == style
        thick, thin = lines["RoPE, even"], lines["pitch-adapted, even"]
        assert thick.get_linewidth() > 2 * thin.get_linewidth()
        assert thick.get_color() != thin.get_color()
        low, high = axes.get_ylim()
        assert low < -1.3 and high > 1.3


def test_radius_is_an_envelope_where_there_is_one():
    radius = np.exp(0.3 * np.sin(TIMES))
    adapted = PLAIN.copy()
    adapted[:, 1] *= radius
    figure = rotation_figure(PLAIN, adapted, F0_HZ, SHIFT, pairs=[0, 1])
    without, with_radius = figure.axes[:2]
    assert not without.collections
    ((path,),) = (area.get_paths() for area in with_radius.collections)
    heights = path.vertices[:, 1]
    assert heights.max() == pytest.approx(radius.max())
    assert heights.min() == pytest.approx(-radius.max())
    (legend,) = figure.legends
    assert "radius r" in [text.get_text() for text in legend.get_texts()]


def test_f0_is_beneath_on_the_same_time_axis():
    figure = rotation_figure(
        PLAIN, PLAIN, F0_HZ, SHIFT, pairs=[0], span=(0.4, 1.6), title="a"
    )
    panel, f0_axes = figure.axes
    x, y = f0_axes.lines[0].get_data()
    np.testing.assert_allclose(x, TIMES)
    np.testing.assert_allclose(y[:30], 200)
    assert np.isnan(y[30:]).all()
    assert panel.get_xlim() == f0_axes.get_xlim() == (0.4, 1.6)
    assert f0_axes.get_xlabel() == "time (s)"
    figure.draw_without_rendering()
    (positions,) = f0_axes.child_axes
    assert positions.get_xlabel() == "position (frames of 40 ms)"
    np.testing.assert_allclose(positions.get_xlim(), (10, 40))


def test_each_panel_names_its_pair():
    figure = rotation_figure(
        PLAIN, PLAIN, F0_HZ, SHIFT, pairs=[0, 1], notes=["a = 0.1", ""]
    )
    names = [axes.get_title(loc="left") for axes in figure.axes[:2]]
    assert names == [
        "pair 0: a turn in 0.251 s, a = 0.1",
        "pair 1: a turn in 0.503 s",
    ]


@pytest.mark.parametrize(("pairs", "named"), [([0, 3], "3"), ([-1], "-1"), ([], "to")])
def test_a_pair_that_does_not_exist(pairs, named):
    with pytest.raises(ValueError, match=rf"pair {named}.* has 3 pairs, 0 to 2"):
        rotation_figure(PLAIN, PLAIN, F0_HZ, SHIFT, pairs)

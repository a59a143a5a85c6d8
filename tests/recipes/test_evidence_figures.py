"""Figures of an experiment show every number that they are given."""

import evidence_figures
import numpy as np

from speechbrain_pitchrope.figures.style import Frames


def test_errors_have_their_interval_and_every_seed():
    form = {"name": "all", "rate": 20.0, "low": 17.0, "high": 22.0}
    systems = [
        form | {"seeds": [19.0, 20.0, 21.0]},
        form | {"name": "shuffled", "seeds": [30.0, 10.0], "control": True},
        form | {"name": "rope", "seeds": [20.0]},
    ]
    (axes,) = evidence_figures.errors_figure(systems, "wrong (%)", "a").axes
    intervals, *seeds = axes.collections
    drawn = intervals.get_segments(), seeds, axes.patches
    for system, interval, dots, bar in zip(systems, *drawn, strict=True):
        assert interval[:, 0].tolist() == [17.0, 22.0]
        assert dots.get_offsets()[:, 0].tolist() == system["seeds"]
        assert bar.get_width() == 20.0
    first, control, other = axes.get_yticks()
    assert 0 < control - first < other - control  # a control is near its form


def test_curves_join_means_and_show_every_seed():
    curves = {"rope": [(2.0, [30.0]), (1.0, [40.0, 60.0])], "all": [(1.0, [20.0])]}
    (axes,) = evidence_figures.learning_curves_figure(curves, "wrong (%)").axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    assert lines == {"rope": [[1, 50], [2, 30]], "all": [[1, 20]]}
    dots = [dots.get_offsets().tolist() for dots in axes.collections]
    assert dots == [[[1, 40], [1, 60]], [[2, 30]], [[1, 20]]]


def test_confusions_are_shares_of_the_tone_said():
    counts = np.array([[3, 1, 0], [0, 0, 0], [1, 0, 4]])
    systems = {"rope": counts, "all": 2 * counts}
    figure = evidence_figures.confusions_figure(systems, ["1", "2", "3"])
    for axes in figure.axes[:2]:
        shares = [[75, 25, 0], [20, 0, 80]]
        np.testing.assert_allclose(axes.images[0].get_array(), shares)
        texts = [text.get_text() for text in axes.texts]
        assert texts == [str(share) for row in shares for share in row]
    said = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert said == ["1", "3"]


def test_a_bias_is_the_sum_of_its_parts_on_one_scale():
    bias = np.random.default_rng(0).normal(size=(20, 20))
    figure = evidence_figures.bias_figure(bias, np.full(20, 150.0), Frames(0.04), "a")
    images = [axes.images[0] for axes in figure.axes if axes.images]
    whole, even, odd = (image.get_array() for image in images)
    np.testing.assert_array_equal(whole, bias)
    np.testing.assert_allclose(even + odd, bias)
    np.testing.assert_allclose(even, even.T)
    np.testing.assert_allclose(odd, -odd.T)
    assert len({image.get_clim() for image in images}) == 1

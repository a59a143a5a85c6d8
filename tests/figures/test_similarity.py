"""The similarity figure shows the kernels it was given, on one scale."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.similarity import (
    band_half_width,
    half_level,
    similarity_figure,
)

SHIFT = 0.04
LAG = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
PLAIN = np.exp(-LAG / 20)
ADAPTED = 1.5 * np.exp(-LAG / 10)
F0_HZ = np.where(np.arange(40) < 30, 200.0, 0.0)


def panels_of(figure):
    """The maps by their titles."""
    return {axes.get_title(): axes for axes in figure.axes if axes.get_title()}


@pytest.fixture(scope="module")
def figure():
    return similarity_figure(PLAIN, ADAPTED, 4 * PLAIN, F0_HZ, SHIFT, title="a")


def test_maps_are_the_kernels_their_difference_and_the_bias(figure):
    panels = panels_of(figure)
    expected = {
        "standard RoPE": PLAIN,
        "pitch-adapted RoPE": ADAPTED,
        "pitch-adapted less standard": ADAPTED - PLAIN,
        "similarity bias (logits / 3)": 4 * PLAIN / 3,
    }
    assert list(panels) == list(expected)
    for name, values in expected.items():
        (image,) = panels[name].images
        np.testing.assert_allclose(image.get_array(), values)
        assert image.origin == "lower"
        np.testing.assert_allclose(image.get_extent(), [-0.02, 1.58, -0.02, 1.58])


def test_one_scale_symmetric_about_zero(figure):
    images = [axes.images[0] for axes in panels_of(figure).values()]
    assert {image.get_clim() for image in images} == {(-1.5, 1.5)}
    assert len({image.get_cmap().name for image in images}) == 1


def test_a_small_bias_stays_as_it_is():
    panels = panels_of(similarity_figure(PLAIN, ADAPTED, 0.2 * PLAIN, F0_HZ, SHIFT))
    (image,) = panels["similarity bias (logits)"].images
    np.testing.assert_allclose(image.get_array(), 0.2 * PLAIN)


def test_no_bias_is_told():
    figure = similarity_figure(PLAIN, ADAPTED, np.zeros((40, 40)), F0_HZ, SHIFT)
    (image,) = panels_of(figure)["no similarity bias"].images
    assert not image.get_array().any()


def test_f0_runs_along_both_margins(figure):
    strips = [axes for axes in figure.axes if axes.lines]
    times = np.arange(40) * SHIFT
    level = [axes for axes in strips if axes.get_yscale() == "log"]
    upright = [axes for axes in strips if axes.get_xscale() == "log"]
    assert len(upright) == len(level) == 2
    for axes in level:
        x, y = axes.lines[0].get_data()
        np.testing.assert_allclose(x, times)
        np.testing.assert_allclose(y, np.where(F0_HZ > 0, F0_HZ, np.nan))
        assert axes.get_xlim() == panels_of(figure)["standard RoPE"].get_xlim()
    for axes in upright:
        x, y = axes.lines[0].get_data()
        np.testing.assert_allclose(x, np.where(F0_HZ > 0, F0_HZ, np.nan))
        np.testing.assert_allclose(y, times)
        assert axes.get_ylim() == panels_of(figure)["standard RoPE"].get_ylim()
    # The outer strip of each margin tells what it is.
    assert sorted(axes.get_xlabel() for axes in upright) == ["", "f0 (Hz)"]
    assert sorted(axes.get_ylabel() for axes in level) == ["", "f0 (Hz)"]


def test_half_widths_are_measured_and_told(figure):
    level = half_level(PLAIN)
    assert level == pytest.approx((1 + np.exp(-39 / 20)) / 2)
    width, adapted_width = (band_half_width(k, level) for k in (PLAIN, ADAPTED))
    assert width == pytest.approx(-20 * np.log(level), abs=0.02)
    assert adapted_width == pytest.approx(width / 2, abs=0.02)
    caption = " ".join(figure.get_supxlabel().split())
    assert f"{width:.1f} frames or {1000 * width * SHIFT:.0f} ms (standard)" in caption
    assert f"{adapted_width:.1f} frames" in caption
    for meaning in ("bright diagonal", "narrow band", "wide band"):
        assert meaning in caption


def test_a_band_that_never_ends():
    assert band_half_width(np.ones((9, 9)), 0.5) == np.inf
    figure = similarity_figure(PLAIN, np.ones((40, 40)), 0 * PLAIN, F0_HZ, SHIFT)
    caption = " ".join(figure.get_supxlabel().split())
    assert "more than 39 frames (pitch-adapted)" in caption

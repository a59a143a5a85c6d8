"""The similarity figure shows the kernels it was given, on one scale."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.similarity import (
    ASYMMETRIC,
    SYMMETRIC,
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


def test_the_caption_says_whether_the_bias_has_an_odd_part(figure):
    def caption(bias):
        drawn = similarity_figure(PLAIN, ADAPTED, bias, F0_HZ, SHIFT)
        return " ".join(drawn.get_supxlabel().split())

    assert caption(PLAIN).endswith(SYMMETRIC)
    assert caption(PLAIN + 0.1 * np.sign(F0_HZ - 100)).endswith(ASYMMETRIC)
    assert "bias" not in caption(0 * PLAIN)


def test_a_part_is_shown_in_the_recordings_time():
    figure = similarity_figure(
        PLAIN, ADAPTED, PLAIN, F0_HZ, SHIFT, span=(60.4, 60.8), start=60.0
    )
    for axes in panels_of(figure).values():
        assert axes.get_xlim() == axes.get_ylim() == (60.4, 60.8)
        np.testing.assert_allclose(axes.images[0].get_extent()[:2], [59.98, 61.58])

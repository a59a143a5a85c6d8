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


def draw(bias, **options):
    return similarity_figure(PLAIN, ADAPTED, bias, F0_HZ, SHIFT, **options)


@pytest.fixture(scope="module")
def figure():
    return draw(4 * PLAIN, span=(60.4, 60.8), start=60.0)


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
        assert image.get_clim() == (-1.5, 1.5)


def test_all_is_in_the_recordings_time(figure):
    """Also f0, above the maps."""
    for axes in panels_of(figure).values():
        assert axes.get_xlim() == axes.get_ylim() == (60.4, 60.8)
        np.testing.assert_allclose(axes.images[0].get_extent(), 2 * [59.98, 61.58])
    for axes in figure.axes[:2]:
        x, y = axes.lines[0].get_data()
        np.testing.assert_allclose(x, 60 + SHIFT * np.arange(40))
        np.testing.assert_array_equal(y, np.where(F0_HZ > 0, F0_HZ, np.nan))
        assert axes.get_xlim() == (60.4, 60.8)


@pytest.mark.parametrize(
    ("bias", "title", "said"),
    [
        (0 * PLAIN, "no similarity bias", "radius 1."),
        (0.2 * PLAIN, "similarity bias (logits)", SYMMETRIC),
        (PLAIN + 0.1 * np.sign(F0_HZ - 100), "similarity bias (logits)", ASYMMETRIC),
    ],
)
def test_title_and_caption_say_what_the_bias_is(bias, title, said):
    figure = draw(bias)
    np.testing.assert_allclose(panels_of(figure)[title].images[0].get_array(), bias)
    assert figure.get_supxlabel().endswith(said)

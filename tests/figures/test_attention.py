"""Figures of attention show the rotations, kernels and weights that they are given."""

import numpy as np
import pytest

from speechbrain_pitchrope.figures.attention import (
    ASYMMETRIC,
    COLUMNS,
    SYMMETRIC,
    attention_figure,
    rotation_figure,
    similarity_figure,
)
from speechbrain_pitchrope.figures.style import Frames

SHIFT, MEL_SHIFT, FRAMES = 0.04, 0.01, np.arange(50)
F0_HZ = np.where(FRAMES < 30, 200.0, 0.0)
VOICED = np.where(F0_HZ > 0, F0_HZ, np.nan)
TURNED = np.exp(1j * FRAMES[:, None] * np.array([1.0, 0.5, 0.2]))
RADIUS = np.exp(0.3 * np.sin(FRAMES / 10))
ADAPTED = RADIUS[:, None] * TURNED**1.2
LAG = np.abs(np.subtract.outer(FRAMES, FRAMES))
KERNEL = np.exp(-LAG / 20)
WIDER = 1.5 * np.exp(-LAG / 10)
TOKENS = [(0.2, "\u2581"), (0.24, "A"), (0.6, "\u2581"), (0.64, "C"), (0.8, "AT")]
MAPS = np.random.default_rng(0).dirichlet(np.ones(50), (2, 2, 50))
HEADS = {"layer 1, head 0": MAPS[0], "layer 1, head 1": MAPS[1]}
MELS = np.random.default_rng(2).normal(size=(200, 20))


def test_thick_lines_are_rope_and_thin_ones_the_adapted_rotation():
    """Pairs are named, and share the time axis."""
    frames, notes = Frames(SHIFT, span=(0.4, 1.6)), ["a = 0.1", ""]
    figure = rotation_figure(TURNED, ADAPTED, F0_HZ, frames, [2, 0], notes, "a")
    rotation = figure.axes
    for axes, pair in zip(rotation, (2, 0), strict=False):
        lines = {line.get_label(): line for line in axes.lines}
        for name, course in (("RoPE", TURNED), ("pitch-adapted", ADAPTED)):
            parts = (("even", course.real, "-"), ("odd", course.imag, "--"))
            for part, values, dashes in parts:
                line = lines[f"{name}, {part}"]
                np.testing.assert_allclose(line.get_xdata(), SHIFT * FRAMES)
                np.testing.assert_allclose(line.get_ydata(), values[:, pair])
                assert line.get_linestyle() == dashes
        thick, thin = lines["RoPE, even"], lines["pitch-adapted, even"]
        assert thick.get_linewidth() > 2 * thin.get_linewidth()
        assert thick.get_color() != thin.get_color()
        ((path,),) = (area.get_paths() for area in axes.collections)
        heights = np.sort(path.vertices[:, 1])
        np.testing.assert_allclose(heights[[0, -1]], [-RADIUS.max(), RADIUS.max()])
    names = [axes.get_title(loc="left") for axes in rotation[:2]]
    assert names == ["pair 2: a turn in 1.26 s, a = 0.1", "pair 0: a turn in 0.251 s"]
    assert {axes.get_xlim() for axes in rotation} == {(0.4, 1.6)}


@pytest.mark.parametrize(
    ("bias", "title", "said"),
    [
        (0.2 * KERNEL, "similarity bias (logits)", SYMMETRIC),
        (KERNEL + 0.1 * np.sign(F0_HZ - 100), "similarity bias (logits)", ASYMMETRIC),
        (0 * KERNEL, "no similarity bias", "radius 1."),
    ],
)
def test_kernels_and_bias_lie_on_one_scale_in_the_recordings_time(bias, title, said):
    frames = Frames(SHIFT, 60.0, (60.4, 60.8))
    figure = similarity_figure(KERNEL, WIDER, bias, F0_HZ, frames)
    assert figure.get_supxlabel().endswith(said)
    expected = {"standard RoPE": KERNEL, "pitch-adapted RoPE": WIDER}
    expected |= {"pitch-adapted less standard": WIDER - KERNEL, title: bias}
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert list(panels) == list(expected)
    for name, axes in panels.items():
        (image,) = axes.images
        np.testing.assert_allclose(image.get_array(), expected[name])
        np.testing.assert_allclose(image.get_extent(), 2 * [59.98, 61.98])
        assert image.get_clim() == (-1.5, 1.5)
        assert axes.get_xlim() == axes.get_ylim() == (60.4, 60.8)
    for axes in figure.axes[:2]:
        x, y = axes.lines[0].get_data()
        np.testing.assert_allclose(x, 60 + SHIFT * FRAMES)
        np.testing.assert_array_equal(y, VOICED)


def rows_of(tokens, span=None):
    """Panels as rows of three: spectrograms, then one row a head."""
    figure = attention_figure(MELS, MEL_SHIFT, HEADS, Frames(SHIFT, span=span), tokens)
    return [figure.axes[i : i + 3] for i in (0, 3, 6)]


@pytest.fixture(scope="module")
def rows():
    return rows_of(TOKENS, (0.1, 1.5))


def test_maps_are_the_weights_and_their_difference_on_two_scales(rows):
    assert tuple(axes.get_title() for axes in rows[0]) == COLUMNS
    for (name, (on, zeroed)), panels in zip(HEADS.items(), rows[1:], strict=True):
        assert panels[0].get_ylabel().startswith(name)
        for axes, expected in zip(panels, (on, zeroed, on - zeroed), strict=True):
            np.testing.assert_allclose(axes.images[0].get_array(), expected)
            np.testing.assert_allclose(axes.images[0].get_extent(), 2 * [-0.02, 1.98])
    assert {axes.get_xlim() for row in rows for axes in row} == {(0.1, 1.5)}
    limits = [[axes.images[0].get_clim() for axes in panels] for panels in rows[1:]]
    ((on, zeroed, difference),) = {tuple(row) for row in limits}
    assert on == zeroed and on[0] == 0 and on[1] > 1 / 50
    assert difference[0] == -difference[1] < 0


def test_words_stand_at_their_frames_and_none_over_another(rows):
    for axes in rows[0]:
        (above,) = axes.child_axes
        np.testing.assert_allclose(above.get_xticks(), [0.24, 0.64])
        assert [text.get_text() for text in above.get_xticklabels()] == ["A", "CAT"]
    many = [(0.02 * i, "\u2581ABCD") for i in range(200)]
    times = rows_of(many)[0][0].child_axes[0].get_xticks()
    assert 10 < len(times) < 30
    assert min(np.diff(times)) > 0.06
    assert times[-1] < SHIFT * 50

"""A saved figure looks as it was drawn, and its file is no larger than need be."""

import io

import numpy as np
import pytest
from PIL import Image

from speechbrain_pitchrope.figures.saving import DPI, figure_bytes, save_figure
from speechbrain_pitchrope.figures.style import DIVERGING, new_canvas


def draw():
    """Two colour maps, with text: more colours than a palette holds."""
    figure = new_canvas((4, 2))
    maps = np.linspace(-1, 1, 400).reshape(20, 20)
    for axes, colors in zip(figure.subplots(1, 2), (DIVERGING, "Blues"), strict=True):
        axes.imshow(maps, cmap=colors)
    return figure


def test_png_has_the_colours_that_were_drawn():
    whole = io.BytesIO()
    draw().savefig(whole, dpi=DPI)
    small = figure_bytes(draw(), ".png")
    drawn, saved = (
        np.asarray(Image.open(png).convert("RGB")).astype(int)
        for png in (whole, io.BytesIO(small))
    )
    assert saved.shape == drawn.shape == (2 * DPI, 4 * DPI, 3)
    assert np.abs(saved - drawn).max() <= 0.04 * 255
    assert len(small) < 0.6 * len(whole.getvalue())


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_figures_drawn_alike_are_files_alike(suffix):
    assert figure_bytes(draw(), suffix) == figure_bytes(draw(), suffix.upper())


def test_a_file_is_written_as_its_ending_says(tmp_path):
    save_figure(new_canvas((1, 1)), tmp_path / "new" / "a.SVG")
    assert "<svg" in (tmp_path / "new" / "a.SVG").read_text()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.SVG"]

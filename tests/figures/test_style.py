"""What all figures share: titles that fit, a spectrogram and f0 on the time axis."""

import builtins
import io
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope.figures import style
from speechbrain_pitchrope.figures.style import (
    draw_f0,
    draw_spectrogram,
    map_options,
    new_canvas,
    printable,
    require_matplotlib,
    set_title,
)


@pytest.mark.parametrize(
    "title",
    [
        "a.wav",
        "SHE HAD YOUR DARK SUIT IN GREASY WASH WATER ALL YEAR AND " * 2,
        "illicitly " * 14,
        "a-file-name-without-a-single-space-" * 5,
        "what $5 costs, and \\alpha_1$ is no formula",
    ],
)
def test_a_title_fits_and_nothing_is_lost(title):
    figure = new_canvas((6.5, 2))
    set_title(figure, title)
    figure.draw_without_rendering()
    found = figure.get_suptitle()
    assert "".join(found.split()) == "".join(title.split())
    box = figure._suptitle.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_a_title_beyond_four_lines_ends_and_says_so():
    figure = new_canvas((6.5, 2))
    set_title(figure, "WORD " * 300)
    lines = figure.get_suptitle().split("\n")
    assert len(lines) == 4
    assert lines[-1].endswith("[...]")


def test_no_title():
    figure = new_canvas((6.5, 2))
    set_title(figure, None)
    assert figure.get_suptitle() == ""


def test_each_frame_of_a_spectrogram_lies_about_its_time():
    axes = new_canvas((4, 2)).subplots()
    mels = np.random.default_rng(0).uniform(-100, 0, (51, 20))
    draw_spectrogram(axes, mels, 0.01)
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), mels.T)
    np.testing.assert_allclose(image.get_extent(), [-0.005, 0.505, 0, 20])
    assert image.get_clim()[0] == mels.max() - 60


@pytest.mark.parametrize("n_mels", [40, 80])
def test_hertz_beside_the_bands_are_those_of_speechbrains_filters(n_mels):
    """A tone is strongest in the band at whose height its frequency stands."""
    axes = new_canvas((4, 2)).subplots()
    mels = np.zeros((51, n_mels))
    draw_spectrogram(axes, mels, 0.01, f_max=8000)
    (hertz_axis,) = axes.child_axes
    places = dict(
        zip(hertz_axis.get_yticks(), hertz_axis.get_yticklabels(), strict=True)
    )
    time = torch.arange(16000) / 16000
    fbank = Fbank(n_mels=n_mels, n_fft=2048, win_length=128)
    for place, label in list(places.items())[:-1]:
        tone = torch.sin(2 * torch.pi * float(label.get_text().replace(",", "")) * time)
        assert abs(fbank(tone[None])[0, 50].argmax() + 0.5 - place) < 1


def test_upright_f0_is_the_transposed_one():
    f0_hz = np.array([0.0, 100.0, 200.0, 0.0, 300.0])
    level, upright = new_canvas((4, 2)).subplots(1, 2)
    draw_f0(level, f0_hz, 0.04)
    draw_f0(upright, f0_hz, 0.04, upright=True)
    x, y = level.lines[0].get_data()
    np.testing.assert_allclose(x, 0.04 * np.arange(5))
    np.testing.assert_array_equal(np.isnan(y), f0_hz == 0)
    for found, expected in zip(upright.lines[0].get_data(), (y, x), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert level.get_ylim() == upright.get_xlim()


def test_a_line_of_wide_letters_fits_too():
    """Letters of a long title are not all as wide as their mean."""
    figure = new_canvas((4, 3))
    set_title(figure, "il " * 90 + "WM " * 40 + "il " * 90)
    assert figure.get_suptitle().endswith("[...]")
    box = figure._suptitle.get_window_extent()
    assert 0 <= box.x0 and box.x1 <= figure.bbox.width
    assert box.width > 0.5 * figure.bbox.width


def test_a_frame_is_a_square_about_its_time():
    options = map_options(3, 0.04)
    np.testing.assert_allclose(options["extent"], [-0.02, 0.1, -0.02, 0.1])
    assert options["origin"] == "lower"


def test_more_frames_than_dots_are_averaged():
    """Stripes of one frame are grey then, and no frame is left out."""
    figure = new_canvas((2, 2))
    axes = figure.subplots()
    stripes = np.tile([0.0, 1.0], (1500, 750))
    axes.imshow(stripes, cmap="gray", **map_options(1500, 0.04))
    axes.set_axis_off()
    png = io.BytesIO()
    figure.savefig(png, dpi=150)
    shown = np.asarray(Image.open(png).convert("L"), dtype=float)[20:-20, 20:-20]
    np.testing.assert_allclose(shown, 127, atol=30)
    assert map_options(1500, 0.04, n_shown=200)["interpolation"] == "nearest"


@pytest.mark.parametrize("installed", [None, "DejaVu Sans Mono"])
def test_a_title_in_letters_that_dejavu_lacks(installed, monkeypatch):
    """One warning at most, and a picture, whatever fonts are there."""
    monkeypatch.setattr(style, "_font_with", lambda text: installed)
    figure = new_canvas((6.5, 2))
    with pytest.warns(
        UserWarning, match=r"no installed font has '\u4f60\u597d'"
    ) as told:
        set_title(figure, "\u4f60\u597d.wav")
        figure.draw_without_rendering()
    assert len(told) == 1
    assert figure.get_suptitle() == "??.wav"


def test_fonts_that_are_installed_are_asked():
    """matplotlib's own last resort draws a box for every character, and its name has a
    mark of font patterns."""
    assert "Last Resort" not in str(style._font_with("\u4f60\U000f0000"))
    assert style._covered("ab", "DejaVu-Sans: Mono") == {"a", "b"}


def test_a_font_that_has_the_letters_is_used(monkeypatch):
    monkeypatch.setattr(style, "_covered", lambda text, font: set(text) & COVERED[font])
    monkeypatch.setattr(style, "_font_with", lambda text: "DejaVu Sans Mono")
    COVERED = {"DejaVu Sans": set("a.wv"), "DejaVu Sans Mono": {"\u4f60"}}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = printable("\u4f60a.wav")
    assert found == ("\u4f60a.wav", ["DejaVu Sans", "DejaVu Sans Mono"])


def test_without_matplotlib_the_remedy_is_named(monkeypatch):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'speechbrain_pitchrope\[plot"):
        require_matplotlib()

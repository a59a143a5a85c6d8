"""What all figures share: titles that fit, panels on the time axis, and files."""

import io
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope.figures import style
from speechbrain_pitchrope.figures.style import (
    DIVERGING,
    DPI,
    Frames,
    draw_map,
    draw_spectrogram,
    figure_bytes,
    new_canvas,
    printable,
    save_figure,
)


@pytest.mark.parametrize(
    "title",
    [
        "a.wav",
        "SHE HAD YOUR DARK SUIT IN GREASY WASH WATER ALL YEAR AND " * 2,
        "a-file-name-without-a-single-space-" * 5,
        "il " * 30 + "WM" * 20 + " WMW" * 10,
        "what $5 costs, and \\alpha_1$ is no formula",
    ],
)
def test_a_title_fits_and_nothing_is_lost(title):
    figure = style.styled(new_canvas)((6.5, 2), title)
    figure.draw_without_rendering()
    assert "".join(figure.get_suptitle().split()) == "".join(title.split())
    box = figure._suptitle.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_a_title_beyond_four_lines_ends_and_says_so():
    lines = new_canvas((6.5, 2), "WORD " * 300).get_suptitle().split("\n")
    assert len(lines) == 4
    assert lines[-1].endswith("[...]")


@pytest.mark.parametrize("n_mels", [40, 80])
def test_hertz_beside_the_bands_are_those_of_speechbrains_filters(n_mels):
    """A tone is strongest in the band at whose height its frequency stands."""
    axes = new_canvas((4, 2)).subplots()
    draw_spectrogram(axes, np.zeros((51, n_mels)), Frames(0.01), f_max=8000)
    (hertz_axis,) = axes.child_axes
    labels = [text.get_text() for text in hertz_axis.get_yticklabels()]
    time = torch.arange(16000) / 16000
    fbank = Fbank(n_mels=n_mels, n_fft=2048, win_length=128)
    for place, label in zip(hertz_axis.get_yticks()[:-1], labels[:-1], strict=True):
        tone = torch.sin(2 * torch.pi * float(label.replace(",", "")) * time)
        assert abs(fbank(tone[None])[0, 50].argmax() + 0.5 - place) < 1


@style.styled
def test_a_frame_lies_about_its_time():
    left, right = new_canvas((4, 2)).subplots(1, 2)
    mels = np.random.default_rng(0).uniform(-100, 0, (51, 20))
    draw_spectrogram(left, mels, Frames(0.01))
    (image,) = left.images
    np.testing.assert_array_equal(image.get_array(), mels.T)
    np.testing.assert_allclose(image.get_extent(), [-0.005, 0.505, 0, 20])
    assert image.get_clim()[0] == mels.max() - 60
    image = draw_map(right, np.eye(3), (0, 1), Frames(0.04, 60.0))
    np.testing.assert_allclose(image.get_extent(), 2 * [59.98, 60.1])
    np.testing.assert_allclose(right.axis(), 2 * [59.98, 60.1])
    assert image.origin == "lower"


def test_letters_of_any_installed_font_are_drawn_and_others_named_once(monkeypatch):
    def letters(path):
        return set("\u4f60" if "Mono" in path else "a.wv")

    monkeypatch.setattr(style, "_letters", letters)
    text, (first, second) = printable("\u4f60a.wav")
    assert text == "\u4f60a.wav"
    assert first == "DejaVu Sans" and "Mono" in second
    with pytest.warns(UserWarning, match=r"no installed font has '\u597d'") as told:
        figure = new_canvas((6.5, 2), "\u4f60\u597d.wav")
    assert len(told) == 1
    assert figure.get_suptitle() == "\u4f60?.wav"


def test_without_matplotlib_the_remedy_is_named(run_folder):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from speechbrain_pitchrope.cli import main\n"
        f"sys.exit(main(['plot', 'training', {str(run_folder)!r}])\n"
        f"    + main(['report', {str(run_folder)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    remedy = "figures need matplotlib: pip install 'speechbrain_pitchrope[plots]'"
    assert (done.returncode, done.stderr.count(remedy)) == (2, 2)


def draw():
    """Two colour maps, with text: more colours than a palette holds."""
    figure = new_canvas((4, 2))
    maps = np.linspace(-1, 1, 400).reshape(20, 20)
    for axes, colors in zip(figure.subplots(1, 2), (DIVERGING, "Blues"), strict=True):
        axes.imshow(maps, cmap=colors)
    return figure


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_figures_drawn_alike_are_files_alike(suffix, tmp_path):
    path = tmp_path / "new" / f"a{suffix.upper()}"
    save_figure(draw(), path)
    assert path.read_bytes() == figure_bytes(draw(), suffix)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes().lstrip()[:4] in (b"\x89PNG", b"<?xm", b"%PDF")


def test_png_has_the_colours_that_were_drawn():
    whole, small = io.BytesIO(), io.BytesIO(figure_bytes(draw(), ".png"))
    draw().savefig(whole, dpi=DPI)
    drawn, saved = (
        np.asarray(Image.open(png).convert("RGB")).astype(int) for png in (whole, small)
    )
    assert saved.shape == drawn.shape == (2 * DPI, 4 * DPI, 3)
    assert np.abs(saved - drawn).max() <= 0.04 * 255
    assert len(small.getvalue()) < 0.6 * len(whole.getvalue())

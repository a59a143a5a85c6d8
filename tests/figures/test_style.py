"""What all figures share: titles that fit, panels on the time axis, and files."""

import subprocess
import sys

import numpy as np
import pytest
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope.figures import style


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
    figure = style.styled(style.new_canvas)((6.5, 2), title)
    figure.draw_without_rendering()
    assert "".join(figure.get_suptitle().split()) == "".join(title.split())
    box = figure._suptitle.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_a_title_beyond_four_lines_ends_and_says_so():
    lines = style.new_canvas((6.5, 2), "WORD " * 300).get_suptitle().split("\n")
    assert len(lines) == 4 and lines[-1].endswith("[...]")


@pytest.mark.parametrize("n_mels", [40, 80])
def test_hertz_beside_the_bands_are_those_of_speechbrains_filters(n_mels):
    axes = style.new_canvas((4, 2)).subplots()
    style.draw_spectrogram(axes, np.zeros((51, n_mels)), style.Frames(0.01), f_max=8000)
    (hertz_axis,) = axes.child_axes
    labels = [text.get_text() for text in hertz_axis.get_yticklabels()]
    hertz = [float(label.replace(",", "")) for label in labels[:-1]]
    centres = Fbank(n_mels=n_mels).compute_fbanks.f_central
    expected = np.interp(hertz, centres, np.arange(n_mels) + 0.5)
    np.testing.assert_allclose(hertz_axis.get_yticks()[:-1], expected, atol=0.1)


@style.styled
def test_a_frame_lies_about_its_time():
    left, right = style.new_canvas((4, 2)).subplots(1, 2)
    mels = np.random.default_rng(0).uniform(-100, 0, (51, 20))
    style.draw_spectrogram(left, mels, style.Frames(0.01))
    (image,) = left.images
    np.testing.assert_array_equal(image.get_array(), mels.T)
    np.testing.assert_allclose(image.get_extent(), [-0.005, 0.505, 0, 20])
    assert image.get_clim()[0] == mels.max() - 60
    image = style.draw_map(right, np.eye(3), (0, 1), style.Frames(0.04, 60.0))
    np.testing.assert_allclose(image.get_extent(), 2 * [59.98, 60.1])
    np.testing.assert_allclose(right.axis(), 2 * [59.98, 60.1])
    assert image.origin == "lower"


def test_without_matplotlib_the_remedy_is_named(run_folder):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from speechbrain_pitchrope.cli import main\n"
        f"sys.exit(main(['plot', 'training', {str(run_folder)!r}])\n"
        f"    + main(['report', {str(run_folder)!r}]))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    remedy = "figures need matplotlib: pip install 'speechbrain_pitchrope[plots]'"
    assert (done.returncode, done.stderr.count(remedy)) == (2, 2)


def draw():
    figure = style.new_canvas((4, 2), "a")
    figure.subplots().imshow(np.linspace(-1, 1, 400).reshape(20, 20), cmap="Blues")
    return figure


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_figures_drawn_alike_are_files_alike(suffix, tmp_path):
    path = tmp_path / "new" / f"a{suffix.upper()}"
    style.save_figure(draw(), path)
    assert path.read_bytes() == style.figure_bytes(draw(), suffix)
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes().lstrip()[:4] in (b"\x89PNG", b"<?xm", b"%PDF")

"""What a page carries in itself is what was drawn, and what was said."""

import base64
import io

import numpy as np
import pytest
import soundfile

from speechbrain_pitchrope.figures.style import new_canvas
from speechbrain_pitchrope.report.pictures import (
    AUDIO_FORMATS,
    as_picture,
    as_sound,
)
from tests.signals import utterance


def decoded(uri):
    mime, encoded = uri.split(";base64,")
    return mime, soundfile.read(io.BytesIO(base64.b64decode(encoded)))


@pytest.fixture
def path(tmp_path):
    """Two channels at 22050 Hz."""
    wav = utterance(150.0).numpy()
    soundfile.write(tmp_path / "a.wav", np.stack([wav, wav], 1), 22050)
    return tmp_path / "a.wav"


@pytest.mark.parametrize("n_unknown", range(len(AUDIO_FORMATS)))
def test_the_best_format_that_libsndfile_writes(path, n_unknown, monkeypatch):
    """An older libsndfile writes no MP3, or no FLAC either."""
    unknown = [name for name, _, _ in AUDIO_FORMATS[:n_unknown]]
    original = soundfile.write

    def write(*args, format, **kwargs):
        if format in unknown:
            raise ValueError(f"unknown format: {format}")
        return original(*args, format=format, **kwargs)

    monkeypatch.setattr(soundfile, "write", write)
    mime, (wav, rate) = decoded(as_sound(path, 16000))
    assert mime == f"data:{AUDIO_FORMATS[n_unknown][2]}"
    assert rate == 16000
    assert len(wav) == pytest.approx(1.6 * 16000 * 16000 / 22050, abs=2)


def test_the_best_format_is_less_than_half_of_flac(path):
    n_mp3 = len(as_sound(path, 16000))
    n_flac = len(soundfile_as(path, "FLAC"))
    assert n_mp3 < 0.5 * n_flac


def soundfile_as(path, form):
    content = io.BytesIO()
    soundfile.write(content, *soundfile.read(path), format=form)
    return base64.b64encode(content.getvalue())


def test_a_loud_recording_is_not_wrapped_around(tmp_path):
    wav = 3 * np.sin(np.arange(16000) / 10)
    soundfile.write(tmp_path / "a.wav", wav, 16000, subtype="FLOAT")
    _, (found, _) = decoded(as_sound(tmp_path / "a.wav", 16000))
    assert np.corrcoef(found, wav.clip(-1, 1))[0, 1] > 0.99


def test_the_time_axis_is_where_the_panels_are():
    figure = new_canvas((6, 2))
    for axes in figure.subplots(2, 1, sharex=True):
        axes.plot([0.5, 2.5], [0, 1])
        axes.set_xlim(0.5, 2.5)
    picture = as_picture(figure, "alt", "caption", timed=True)
    left, right, *seconds = picture.time
    box = figure.axes[1].get_window_extent()
    assert left == pytest.approx(box.x0 / figure.bbox.width, abs=1e-3)
    assert right == pytest.approx(box.x1 / figure.bbox.width, abs=1e-3)
    assert seconds == [0.5, 2.5]
    assert as_picture(figure, "alt", "caption").time is None

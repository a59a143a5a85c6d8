"""What is drawn from a recording is what the model behind it holds."""

import numpy as np
import pytest
import soundfile

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures import drawing
from speechbrain_pitchrope.figures.heads import attention_maps, trained_head
from speechbrain_pitchrope.lobes.features import PitchFbank
from tests.signals import utterance


def images_of(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


@pytest.mark.parametrize("section", [{}, {"start": 0.5, "end": 1.5}])
def test_pitch_and_mels_are_those_of_the_features(recording, section):
    features = PitchFbank(n_mels=40)
    figure = drawing.draw_pitch(recording, features, **section)
    (line,) = (line for line in figure.axes[-1].lines if line.get_label() == "f0")
    wav = read_mono(recording, 16000, **section)
    mels, channels = inband.split(features(wav[None])[0])
    expected = inband.f0_in_hz(channels).numpy()
    np.testing.assert_array_equal(
        line.get_ydata(), np.where(expected > 0, expected, np.nan)
    )
    assert line.get_xdata()[0] == section.get("start", 0)
    (image,) = images_of(figure)
    np.testing.assert_array_equal(image, mels[:, :40].T)


def test_rotation_and_similarity_are_those_of_the_head(recording, run):
    head = trained_head(run, recording, 1, 0)
    _, adapted = head.rotations()
    figure = drawing.draw_rotation(head, recording, pairs=[3])
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    np.testing.assert_array_equal(lines["pitch-adapted, odd"], adapted[:, 3].imag)
    plain, adapted, _ = head.kernels()
    images = images_of(drawing.draw_similarity(head, recording))
    np.testing.assert_allclose(images[1], adapted)
    np.testing.assert_allclose(images[2], adapted - plain, atol=1e-6)


def test_attention_is_that_of_the_model(recording, run):
    maps = attention_maps(run, recording, [0], [1])
    figure = drawing.draw_attention(run, recording, [0], [1])
    *_, on, zeroed, _ = images_of(figure)[:6]
    np.testing.assert_array_equal(on, maps.heads[0].with_pitch)
    np.testing.assert_array_equal(zeroed, maps.heads[0].without_pitch)


def test_what_is_too_long_can_be_drawn_in_part(tmp_path):
    path = tmp_path / "a.wav"
    wav = utterance(seconds=1.0).repeat(601)
    soundfile.write(path, wav.numpy(), 16000)
    with pytest.raises(ValueError, match=r"a\.wav lasts 601 s, .* --start and --end"):
        drawing.draw_pitch(path)
    figure = drawing.draw_pitch(path, start=500, end=501)
    assert figure.axes[2].get_xlim() == (500, 501)


def test_spans():
    assert drawing.shown_span(0, 3.0) == ((0, 3.0), "")
    assert drawing.shown_span(0, 3.0, (1, 99)) == ((1, 3.0), " (1 to 3 s)")
    assert drawing.shown_span(60, 10.0) == ((60, 68.0), " (60 to 68 s)")

"""What is drawn from a recording is what the model behind it holds."""

import numpy as np
import pytest
import soundfile
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures import drawing
from speechbrain_pitchrope.figures.heads import encode, greedy_tokens, trained_head
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run
from tests.signals import utterance


def images_of(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


@pytest.mark.parametrize("section", [{}, {"start": 0.5, "end": 1.5}])
def test_pitch_and_mels_are_those_of_the_features(recording, section):
    features = PitchFbank(n_mels=40)
    figure = drawing.draw_pitch(recording, features, **section)
    wav = read_mono(recording, 16000, **section)
    mels, channels = inband.split(features(wav[None])[0])
    expected = inband.f0_in_hz(channels).numpy()
    x, y = figure.axes[-1].lines[-1].get_data()
    np.testing.assert_array_equal(y, np.where(expected > 0, expected, np.nan))
    assert x[0] == section.get("start", 0)
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


def test_attention_is_that_of_the_model_with_and_without_pitch(recording, run):
    figure = drawing.draw_attention(run, recording, [1, 0], [1], start=0.2)
    wav = read_mono(recording, 16000, start=0.2)
    _, *images = images_of(figure)[2:]
    names = [
        axes.get_ylabel().split("\n")[0] for axes in (figure.axes[i] for i in (3, 6))
    ]
    assert names == ["layer 1, head 1", "layer 0, head 1"]
    for pitch, column in ((True, 0), (False, 1)):
        _, inputs = encode(run, wav, pitch)
        for layer, image in ((1, images[column]), (0, images[3 + column])):
            weights = run.attention[layer].attention_weights(*inputs[layer])
            np.testing.assert_array_equal(image, weights[0, 1])
    _, ids = greedy_tokens(encode(run, wav)[0], 0)
    assert run.tokenizer.decode_ids(ids) in "".join(figure.get_suptitle().split("\n"))
    assert figure.axes[0].get_xlim()[0] == 0.2


def test_streams_beside_the_spectrogram_are_not_drawn(recording, tmp_path):
    make_run(tmp_path / "run", variant="multistream")
    run = load_trained(tmp_path / "run")
    mels, *_ = images_of(drawing.draw_attention(run, recording, heads=[0]))
    fbank = Fbank(sample_rate=16000, n_fft=400, n_mels=80, f_max=8000)
    expected = fbank(read_mono(recording, 16000)[None])
    np.testing.assert_array_equal(mels, expected[0].T)


def test_what_is_too_long_can_be_drawn_in_part(tmp_path):
    path = tmp_path / "a.wav"
    wav = utterance(seconds=1.0).repeat(601)
    soundfile.write(path, wav.numpy(), 16000)
    with pytest.raises(ValueError, match=r"a\.wav gives 601.* to 600 s .* --start and"):
        drawing.draw_pitch(path)
    figure = drawing.draw_pitch(path, start=500, end=501)
    assert figure.axes[2].get_xlim() == (500, 501)


def test_spans():
    assert drawing.shown_span(0, 3.0) == ((0, 3.0), "")
    assert drawing.shown_span(0, 3.0, (1, 99)) == ((1, 3.0), " (1 to 3 s)")
    assert drawing.shown_span(60, 10.0) == ((60, 68.0), " (60 to 68 s)")

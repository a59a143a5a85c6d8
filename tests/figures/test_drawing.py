"""What is drawn of a recording is what the model's own pass over it computes."""

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.decoders import ctc_greedy_decode
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures import drawing
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.nnet import rotary
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run
from tests.signals import utterance

WAV = utterance(180.0)


@pytest.fixture(scope="module")
def untrained(recording):
    return drawing.untrained_head(recording, offset=3.0, slope=0.1, even=0.6, odd=0.9)


@pytest.fixture(scope="module")
def trained(recording, run):
    return drawing.trained_head(run, recording, layer=1, head=1)


def test_the_standard_rotation_is_rope_and_f0_the_voices(untrained, trained, run):
    for head in (untrained, trained):
        standard, adapted = head.rotations()
        n_frames, pairs = standard.shape
        omega = 10000 ** (-torch.arange(pairs) / pairs)
        theta = torch.arange(n_frames)[:, None] * omega
        expected = torch.polar(torch.ones_like(theta), theta)
        torch.testing.assert_close(standard, expected, atol=1e-4, rtol=0)
        assert (adapted - standard).abs().max() > 0.1
        kernel, _, _ = head.kernels()
        expected = torch.cos(theta[:, None] - theta).mean(-1)
        torch.testing.assert_close(kernel, expected, atol=1e-4, rtol=0)
        f0_hz = head.f0_hz
        assert len(f0_hz) == n_frames
        assert sorted(f0_hz)[-n_frames // 4] == pytest.approx(180, rel=0.25)
        assert (f0_hz == 0).any()
        assert head.frame_shift == drawing.frame_shift(run) == 0.04


def test_untrained_rotation_and_bias_are_the_formulas(untrained):
    pitch = inband.unpack(untrained.channels[0])
    u, v, e = pitch.log_f0, pitch.voicing, pitch.prominence
    omega = 10000 ** (-torch.arange(32) / 32)
    theta = omega * torch.arange(len(u))[:, None] + 3 * u[:, None]
    radius = torch.exp(0.1 * (u * v + v + e))[:, None]
    expected = torch.polar(radius.expand_as(theta), theta)
    torch.testing.assert_close(untrained.rotations()[1], expected, atol=1e-4, rtol=0)
    _, kernel, found = untrained.kernels()
    expected = radius * radius.T * torch.cos(theta[:, None] - theta).mean(-1)
    torch.testing.assert_close(kernel, expected, atol=1e-4, rtol=0)
    k = torch.tensor([4.0, 9.0, 18.0])
    phase = k * (u[:, None] - u)[..., None]
    bias = (0.2 * phase.cos() + 0.3 * phase.sin()).sum(-1) * v[:, None] * v
    torch.testing.assert_close(found, bias, atol=1e-5, rtol=0)
    assert (bias - bias.T).abs().max() > 0.1
    assert untrained.name == "untrained, c = 3, rho = 0.1, A = 0.6, B = 0.9"
    assert untrained.notes([0]) == ["c = 3.00; rho = 0.10, 0.10, 0.10"]


def test_trained_rotation_is_that_of_the_layer_and_head(trained, run):
    pitch = inband.unpack(trained.channels)
    with torch.no_grad():
        polar = run.attention[1].polar(trained.channels.shape[1], pitch)
    _, adapted = trained.rotations()
    assert torch.equal(adapted, torch.complex(*rotary.polar(*polar))[0, :, 1])
    assert trained.name == "run all (all), layer 1, head 1"
    slopes = ", ".join(f"{x:.2f}" for x in run.attention[1].radius_slope[1, 2].tolist())
    first, last = trained.notes([2, 99])
    assert first == f"c = {run.attention[1].rate()[1, 2]:.2f}; rho = {slopes}"
    assert last == ""  # the figure says that there is no such pair


def test_f0_is_what_a_control_lets_through(recording, tmp_path):
    make_run(tmp_path / "run", variant="all+constant_f0")
    head = drawing.trained_head(load_trained(tmp_path / "run"), recording, 0, 0)
    assert (head.f0_hz == 150).all()


def test_a_section_is_a_recording_of_its_own(recording, run, tmp_path):
    path = tmp_path / "part.wav"
    soundfile.write(path, read_mono(recording, 16000)[4000:20000].numpy(), 16000)
    cut = drawing.trained_head(run, path, 0, 1)
    whole = drawing.trained_head(run, recording, 0, 1, start=0.25, end=1.25)
    torch.testing.assert_close(cut.channels, whole.channels, atol=1e-3, rtol=0)
    assert (cut.start, whole.start) == (0.0, 0.25)


def test_greedy_tokens_are_those_of_speechbrain():
    p_ctc = torch.randn(1, 240, 5).log_softmax(-1)
    frames, found = drawing.greedy_tokens(p_ctc[0], blank_index=2)
    assert [found] == ctc_greedy_decode(p_ctc, torch.ones(1), blank_id=2)
    assert p_ctc[0, frames].argmax(-1).tolist() == found


def test_pitch_zeroed_is_a_model_without_pitch(run, run_folder):
    """As if every parameter of pitch were zero, in all layers."""
    plain = load_trained(run_folder)
    with torch.no_grad():
        for net in plain.attention:
            for name, parameter in net.named_parameters():
                if name in net.PITCH_PARAMETERS:
                    parameter.zero_()
    _, (expected,) = plain.encode(WAV[None])
    found, _ = drawing.encode(run, WAV, pitch=False)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    p_ctc, _ = drawing.encode(run, WAV)
    assert not torch.allclose(found, p_ctc, atol=1e-3)
    assert torch.equal(run.encode(WAV[None])[1][0], p_ctc)  # the hooks are gone


def images_of(figure):
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


def test_rotation_and_similarity_are_those_of_the_head(recording, trained):
    _, adapted = trained.rotations()
    figure = drawing.draw_rotation(trained, recording, pairs=[3])
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    np.testing.assert_array_equal(lines["pitch-adapted, odd"], adapted[:, 3].imag)
    plain, adapted, _ = trained.kernels()
    images = images_of(drawing.draw_similarity(trained, recording))
    np.testing.assert_allclose(images[1], adapted)
    np.testing.assert_allclose(images[2], adapted - plain, atol=1e-6)


def test_attention_is_that_of_the_model_with_and_without_pitch(recording, run):
    figure = drawing.draw_attention(run, recording, [1, 0], [1], start=0.2)
    wav = read_mono(recording, 16000, start=0.2)
    _, *images = images_of(figure)[2:]
    labels = [figure.axes[i].get_ylabel() for i in (3, 6)]
    names = [label.split("\n")[0] for label in labels]
    assert names == ["layer 1, head 1", "layer 0, head 1"]
    for pitch, column in ((True, 0), (False, 1)):
        _, inputs = drawing.encode(run, wav, pitch)
        for layer, image in ((1, images[column]), (0, images[3 + column])):
            weights = run.attention[layer].attention_weights(*inputs[layer])
            np.testing.assert_array_equal(image, weights[0, 1])
    _, ids = drawing.greedy_tokens(drawing.encode(run, wav)[0], 0)
    assert run.tokenizer.decode_ids(ids) in "".join(figure.get_suptitle().split("\n"))
    assert figure.axes[0].get_xlim()[0] == 0.2


def test_streams_beside_the_spectrogram_are_not_drawn(recording, tmp_path):
    make_run(tmp_path / "run", variant="multistream")
    run = load_trained(tmp_path / "run")
    mels, *_ = images_of(drawing.draw_attention(run, recording, heads=[0]))
    fbank = Fbank(sample_rate=16000, n_fft=400, n_mels=80, f_max=8000)
    np.testing.assert_array_equal(mels, fbank(read_mono(recording, 16000)[None])[0].T)


def test_what_is_too_long_can_be_drawn_in_part(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, utterance(seconds=1.0).repeat(61).numpy(), 16000)
    with pytest.raises(ValueError, match=r"a\.wav gives 61.* to 60 s .* --start and"):
        drawing.draw_pitch(path, PitchFbank())
    figure = drawing.draw_pitch(path, PitchFbank(), start=50, end=51)
    assert figure.axes[2].get_xlim() == (50, 51)
    head = drawing.untrained_head(path, start=50, end=60)
    assert drawing.draw_rotation(head, path).axes[-1].get_xlim() == (50, 58)

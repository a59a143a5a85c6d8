"""What figures get of a model is what its own pass over a recording computes."""

import pytest
import soundfile
import torch
from speechbrain.decoders import ctc_greedy_decode

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.figures.heads import (
    encode,
    frame_shift,
    greedy_tokens,
    read_speech,
    require_heads,
    require_voice,
    trained_head,
    untrained_head,
)
from speechbrain_pitchrope.nnet import rotary
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run
from tests.signals import utterance

WAV = utterance(180.0)


@pytest.fixture(scope="module")
def untrained(recording):
    return untrained_head(recording, offset=3.0, slope=0.1, even=0.6, odd=0.9)


@pytest.fixture(scope="module")
def trained(recording, run):
    return trained_head(run, recording, layer=1, head=1)


def test_the_standard_rotation_is_rope(untrained, trained):
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


def test_settings_of_zero_are_plain_rope(recording):
    head = untrained_head(recording, offset=0.0, slope=0.0, even=0.0, odd=0.0)
    standard, adapted = head.rotations()
    torch.testing.assert_close(adapted, standard)
    assert not head.kernels()[2].any()


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
    k = torch.tensor([2.0, 4.5, 9.0])
    phase = k * (u[:, None] - u)[..., None]
    bias = (0.2 * phase.cos() + 0.3 * phase.sin()).sum(-1) * v[:, None] * v
    torch.testing.assert_close(found, bias, atol=1e-5, rtol=0)
    assert (bias - bias.T).abs().max() > 0.1
    assert untrained.name == "untrained, c = 3, rho = 0.1, A = 0.6, B = 0.9"
    assert untrained.notes([0]) == ["c = 3.00; rho = 0.10, 0.10, 0.10"]


def test_trained_rotation_is_that_of_the_layer_and_head(trained, recording, run):
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


def test_f0_is_that_of_the_voice(untrained, trained, run):
    for head in (untrained, trained):
        f0_hz = head.f0_hz
        assert len(f0_hz) == head.channels.shape[1]
        assert sorted(f0_hz)[-len(f0_hz) // 4] == pytest.approx(180, rel=0.25)
        assert (f0_hz == 0).any()
        assert head.frame_shift == frame_shift(run) == 0.04


def test_f0_is_what_a_control_lets_through(recording, tmp_path):
    make_run(tmp_path / "run", variant="all+constant_f0")
    head = trained_head(load_trained(tmp_path / "run"), recording, 0, 0)
    assert (head.f0_hz == 150).all()


def test_a_section_is_a_recording_of_its_own(recording, run, tmp_path):
    path = tmp_path / "part.wav"
    wav = read_speech(recording, 16000)[4000:20000]
    soundfile.write(path, wav.numpy(), 16000)
    cut = trained_head(run, path, 0, 1)
    whole = trained_head(run, recording, 0, 1, start=0.25, end=1.25)
    torch.testing.assert_close(cut.channels, whole.channels, atol=1e-3, rtol=0)
    assert (cut.start, whole.start) == (0.0, 0.25)


def test_greedy_tokens_are_those_of_speechbrain():
    p_ctc = torch.randn(4, 60, 5).log_softmax(-1)
    expected = ctc_greedy_decode(p_ctc, torch.ones(4), blank_id=2)
    for row, tokens in zip(p_ctc, expected, strict=True):
        frames, found = greedy_tokens(row, blank_index=2)
        assert found == tokens
        assert row[frames].argmax(-1).tolist() == tokens


def test_noting_what_attention_gets_changes_nothing(run):
    p_ctc, inputs = encode(run, WAV)
    _, (expected,) = run.encode(WAV[None])
    assert torch.equal(p_ctc, expected)
    assert len(inputs) == len(run.attention)
    for net, given in zip(run.attention, inputs, strict=True):
        assert net.attention_weights(*given).shape[1] == net.num_heads
    encode(run, WAV, pitch=False)
    assert torch.equal(run.encode(WAV[None])[1][0], p_ctc)  # the hooks are gone


def test_pitch_zeroed_is_a_model_without_pitch(run, run_folder):
    """As if every parameter of pitch were zero, in all layers."""
    plain = load_trained(run_folder)
    with torch.no_grad():
        for net in plain.attention:
            for name, parameter in net.named_parameters():
                if name in net.PITCH_PARAMETERS:
                    parameter.zero_()
    _, (expected,) = plain.encode(WAV[None])
    found, _ = encode(run, WAV, pitch=False)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found, encode(run, WAV)[0], atol=1e-3)


def test_nothing_voiced_is_told_with_how_near_it_came():
    channels = torch.zeros(1, 40, 4)
    channels[0, 7, 1] = 0.37
    with pytest.raises(ValueError, match=r"a.wav .* 40 frames none .* is 0.37"):
        require_voice(channels, "a.wav")
    channels[0, 7, 1] = inband.VOICED
    require_voice(channels, "a.wav")


def test_what_a_run_does_not_have(run):
    require_heads(run, [0, 1], [0, 1])
    with pytest.raises(ValueError, match=r"no layer 2, 5: .* has 2, 0 to 1"):
        require_heads(run, [2, 0, 5], [0])

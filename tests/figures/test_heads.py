"""What figures get of a model is what its own pass over a recording computes."""

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.decoders import ctc_greedy_decode
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.figures.heads import (
    attention_maps,
    frame_shift,
    greedy_tokens,
    hear,
    read_speech,
    require_heads,
    require_listening,
    require_voice,
    trained_head,
    untrained_head,
)
from speechbrain_pitchrope.nnet.dense import attention_weights
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run
from tests.signals import utterance

WAV = utterance(180.0)


def test_plain_rotation_is_rope(recording, run):
    for head in (untrained_head(recording), trained_head(run, recording, 1, 0)):
        standard, adapted = head.rotations()
        n_frames, pairs = standard.shape
        assert adapted.shape == (n_frames, head.net.head_dim // 2)
        omega = 10000 ** (-torch.arange(pairs) / pairs)
        theta = torch.arange(n_frames)[:, None] * omega
        torch.testing.assert_close(standard.real, theta.cos(), atol=1e-4, rtol=0)
        torch.testing.assert_close(standard.imag, theta.sin(), atol=1e-4, rtol=0)
        assert (adapted - standard).abs().max() > 0.1


def test_settings_of_zero_are_plain_rope(recording):
    head = untrained_head(recording, offset=0.0, slope=0.0, even=0.0, odd=0.0)
    standard, adapted = head.rotations()
    torch.testing.assert_close(adapted, standard)
    plain, adapted, bias = head.kernels()
    torch.testing.assert_close(adapted, plain)
    torch.testing.assert_close(plain.diagonal(), torch.ones(len(plain)))
    assert not bias.any()


def test_untrained_rotation_and_bias_are_the_formulas(recording):
    head = untrained_head(recording, offset=3.0, slope=0.1, even=0.6, odd=0.9)
    pitch = inband.unpack(head.channels[0])
    u, v, e = pitch.log_f0, pitch.voicing, pitch.prominence
    omega = 10000 ** (-torch.arange(32) / 32)
    theta = omega * torch.arange(len(u))[:, None] + 3 * u[:, None]
    radius = torch.exp(0.1 * (u * v + v + e))[:, None]
    expected = torch.polar(radius.expand_as(theta), theta)
    torch.testing.assert_close(head.rotations()[1], expected, atol=1e-4, rtol=0)
    k = torch.tensor([2.0, 4.5, 9.0])
    phase = k * (u[:, None] - u)[..., None]
    bias = (0.2 * phase.cos() + 0.3 * phase.sin()).sum(-1) * v[:, None] * v
    torch.testing.assert_close(head.kernels()[2], bias, atol=1e-5, rtol=0)
    assert (bias - bias.T).abs().max() > 0.1
    assert head.name == "untrained, c = 3, rho = 0.1, A = 0.6, B = 0.9"
    assert head.notes([0]) == ["c = 3.00; rho = 0.10, 0.10, 0.10"]


def test_trained_rotation_is_that_of_the_layer_and_head(recording, run):
    head = trained_head(run, recording, layer=1, head=1)
    pitch = inband.unpack(head.channels)
    with torch.no_grad():
        cosines, sines = run.attention[1].rotation(head.channels.shape[1], pitch)
    _, adapted = head.rotations()
    assert torch.equal(adapted, torch.complex(cosines, sines)[0, :, 1])
    assert head.name == "run listening (all), layer 1, head 1"
    other = trained_head(run, recording, layer=0, head=1)
    assert not torch.allclose(other.rotations()[1], adapted, atol=1e-2)
    slopes = ", ".join(f"{x:.2f}" for x in run.attention[1].radius_slope[1, 2].tolist())
    first, last = head.notes([2, 99])
    assert first == f"c = {run.attention[1].rate()[1, 2]:.2f}; rho = {slopes}"
    assert last == ""  # the figure says that there is no such pair


def test_f0_is_that_of_the_voice(recording, run):
    for head in (untrained_head(recording), trained_head(run, recording, 0, 0)):
        f0_hz = head.f0_hz
        assert len(f0_hz) == head.channels.shape[1]
        assert sorted(f0_hz)[-len(f0_hz) // 4] == pytest.approx(180, rel=0.25)
        assert (f0_hz == 0).any()
        assert head.frame_shift == frame_shift(run) == 0.04


def test_f0_is_what_a_control_lets_through(recording, tmp_path):
    make_run(tmp_path / "run", variant="constant_f0")
    head = trained_head(load_trained(tmp_path / "run"), recording, 0, 0)
    assert (head.f0_hz == 150).all()


def test_a_section_is_a_recording_of_its_own(recording, run, tmp_path):
    wav = read_speech(recording, 16000)[4000:20000]
    soundfile.write(tmp_path / "part.wav", wav.numpy(), 16000)
    cut, whole = (
        trained_head(run, path, 0, 1, **section)
        for path, section in (
            (tmp_path / "part.wav", {}),
            (recording, {"start": 0.25, "end": 1.25}),
        )
    )
    torch.testing.assert_close(cut.channels, whole.channels, atol=1e-3, rtol=0)
    assert (cut.start, whole.start) == (0.0, 0.25)


def test_maps_are_the_weights_with_and_without_pitch(recording, run):
    maps = attention_maps(run, recording, layers=[1, 0], heads=[1])
    assert [head.name for head in maps.heads] == ["layer 1, head 1", "layer 0, head 1"]
    wav = read_speech(recording, 16000)
    for pitch, name in ((True, "with_pitch"), (False, "without_pitch")):
        heard = hear(run, wav, pitch)
        for layer, head in zip((1, 0), maps.heads, strict=True):
            weights = attention_weights(
                run.attention[layer], heard.inputs[layer], heard.channels[layer]
            )
            np.testing.assert_array_equal(getattr(head, name), weights[0, 1])
    for head in maps.heads:
        assert not np.allclose(head.with_pitch, head.without_pitch, atol=1e-3)
        np.testing.assert_allclose(head.with_pitch.sum(1), 1, rtol=1e-5)


def test_all_is_in_time(recording, run):
    maps = attention_maps(run, recording, start=0.2)
    names = [head.name for head in maps.heads]
    assert names == ["layer 1, head 0", "layer 1, head 1"]
    wav = read_speech(recording, 16000, start=0.2)
    seconds = len(wav) / 16000
    n_frames = len(maps.heads[0].with_pitch)
    assert abs(n_frames * maps.frame_shift - seconds) < 2 * maps.frame_shift
    assert abs(len(maps.mels_db) * maps.mel_shift - seconds) < 2 * maps.mel_shift
    frames, ids = greedy_tokens(hear(run, wav).p_ctc, 0)
    assert maps.tokens == [
        (0.2 + frame * maps.frame_shift, run.tokenizer.id_to_piece(token))
        for frame, token in zip(frames, ids, strict=True)
    ]
    assert maps.text == run.tokenizer.decode_ids(ids)


def test_streams_beside_the_spectrogram_are_not_drawn(recording, tmp_path):
    make_run(tmp_path / "run", variant="multistream")
    maps = attention_maps(load_trained(tmp_path / "run"), recording, heads=[0])
    wav = read_speech(recording, 16000)
    expected = Fbank(sample_rate=16000, n_fft=400, n_mels=80, f_max=8000)(wav[None])
    np.testing.assert_array_equal(maps.mels_db, expected[0])


def test_greedy_tokens_are_those_of_speechbrain():
    p_ctc = torch.randn(4, 60, 5).log_softmax(-1)
    expected = ctc_greedy_decode(p_ctc, torch.ones(4), blank_id=2)
    for row, tokens in zip(p_ctc, expected, strict=True):
        frames, found = greedy_tokens(row, blank_index=2)
        assert found == tokens
        assert row[frames].argmax(-1).tolist() == tokens


def test_noting_what_attention_gets_changes_nothing(run):
    heard = hear(run, WAV)
    _, (p_ctc,) = run.encode(WAV[None])
    assert torch.equal(heard.p_ctc, p_ctc)
    assert len(heard.inputs) == len(heard.channels) == len(run.attention)
    hear(run, WAV, pitch=False)
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
    found = hear(run, WAV, pitch=False).p_ctc
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found, hear(run, WAV).p_ctc, atol=1e-3)


@pytest.mark.parametrize("samples", [1600, 61 * 16000])
def test_a_recording_too_short_or_too_long(samples, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, WAV.repeat(40)[:samples].numpy(), 16000)
    with pytest.raises(
        ValueError, match=f"{samples / 16000:.3f} s to draw, .* --start"
    ):
        read_speech(path, 16000)


def test_nothing_voiced_is_told_with_how_near_it_came():
    channels = torch.zeros(1, 40, 4)
    channels[0, 7, 1] = 0.37
    with pytest.raises(ValueError, match=r"a.wav .* 40 frames none .* is 0.37"):
        require_voice(channels, "a.wav")
    channels[0, 7, 1] = inband.VOICED
    require_voice(channels, "a.wav")


def test_what_a_run_does_not_have(run, rope_folder):
    require_heads(run, [0, 1], [0, 1])
    with pytest.raises(ValueError, match=r"no layer 2, 5: .* has 2, 0 to 1"):
        require_heads(run, [2, 0, 5], [0])
    require_listening(run)
    with pytest.raises(ValueError, match=r"variant 'rope' .*no pitch parameters"):
        require_listening(load_trained(rope_folder))

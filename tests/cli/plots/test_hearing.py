"""What attention gets is noted without a change, and what can't be heard is refused."""

import pytest
import soundfile
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.cli.plots.hearing import (
    frame_shift,
    hear,
    pitch_of,
    read_speech,
    require_heads,
    require_listening,
    require_voice,
)
from speechbrain_pitchrope.runs.trained import load_trained
from tests.signals import utterance

WAV = utterance(180.0)


def test_listening_changes_nothing(run):
    heard = hear(run, WAV)
    _, (p_ctc,) = run.encode(WAV[None])
    assert torch.equal(heard.p_ctc, p_ctc)
    assert len(heard.inputs) == len(heard.channels) == len(run.attention)
    for x, channels in zip(heard.inputs, heard.channels, strict=True):
        assert x.shape[:2] == channels.shape[:2] == (1, len(p_ctc))
    hear(run, WAV, pitch=False)
    assert torch.equal(run.encode(WAV[None])[1][0], p_ctc)  # the hooks are gone


def test_pitch_zeroed_is_a_model_that_cannot_listen(run, run_folder):
    """As if every parameter that listens were zero, in all layers."""
    deaf = load_trained(run_folder)
    with torch.no_grad():
        for net in deaf.attention:
            for name, parameter in net.named_parameters():
                if name in net.PITCH_PARAMETERS:
                    parameter.zero_()
    _, (expected,) = deaf.encode(WAV[None])
    found = hear(run, WAV, pitch=False).p_ctc
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found, hear(run, WAV).p_ctc, atol=1e-3)


def test_what_is_heard_is_the_recordings_pitch(run):
    (channels,) = hear(run, WAV).channels[1]
    f0_hz = inband.f0_in_hz(channels)
    before = inband.f0_in_hz(pitch_of(run, WAV)[0])
    assert frame_shift(run) == 0.04
    assert len(f0_hz) == -(-len(before) // 4)
    assert f0_hz[f0_hz > 0].median() == pytest.approx(180, rel=0.1)


def test_a_recording_of_any_rate_and_channels(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, torch.rand(22050, 2).numpy(), 44100)
    assert read_speech(path, 16000).shape == (8000,)


@pytest.mark.parametrize("samples", [1600, 61 * 16000])
def test_a_recording_too_short_or_too_long(samples, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, WAV.repeat(40)[:samples].numpy(), 16000)
    with pytest.raises(
        ValueError, match=rf"a.wav lasts {samples / 16000:.3f} s, expec"
    ):
        read_speech(path, 16000)


def test_nothing_voiced_is_told_with_how_near_it_came():
    channels = torch.zeros(1, 40, 4)
    channels[0, 7, 1] = 0.37
    with pytest.raises(ValueError, match=r"a.wav .* 40 frames none .* is 0.37"):
        require_voice(channels, "a.wav")
    channels[0, 7, 1] = inband.VOICED
    require_voice(channels, "a.wav")


def test_layers_and_heads_that_do_not_exist(run):
    require_heads(run, [0, 1], [0, 1])
    with pytest.raises(ValueError, match=r"no layer 2, 5: .* has 2, 0 to 1"):
        require_heads(run, [2, 0, 5], [0])
    with pytest.raises(ValueError, match=r"no head -1: .* has 2, 0 to 1"):
        require_heads(run, [0], [-1])


def test_a_variant_that_does_not_listen(run, rope_folder):
    require_listening(run)
    plain = load_trained(rope_folder)
    with pytest.raises(ValueError, match=r"variant 'rope' .*no pitch parameters"):
        require_listening(plain)

"""PitchFbank: upstream's mels, pitch at the same frames, errors for bad audio."""

import pytest
import torch
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World
from tests.reference import assert_near
from tests.signals import batch_of, utterance, voice


@pytest.mark.parametrize(
    "settings",
    [
        {"n_mels": 80},
        {"n_mels": 80, "n_fft": 512, "win_length": 32, "f_max": 6000},
        {"n_mels": 23, "deltas": True, "context": True},
        {"sample_rate": 8000, "n_fft": 256},
    ],
)
def test_mels_are_upstreams(settings):
    wavs = torch.randn(2, 5000)
    expected = Fbank(**settings)(wavs)
    found = PitchFbank(**settings)(wavs)
    assert torch.equal(found[..., : -inband.N_CHANNELS], expected)
    assert found.shape[-1] == expected.shape[-1] + inband.N_CHANNELS


@pytest.mark.parametrize("n_samples", [100, 4960, 5000])
def test_a_waveform_rides_between_mels_and_pitch(n_samples):
    wavs = torch.randn(2, n_samples)
    expected = PitchFbank(n_mels=80)(wavs)
    found = PitchFbank(n_mels=80, streams=["spectrogram", "waveform"])(wavs)
    assert torch.equal(found[..., :80], expected[..., :80])
    assert torch.equal(found[..., -4:], expected[..., -4:])
    assert torch.equal(found[..., 80:240].flatten(1)[:, :n_samples], wavs)


@pytest.mark.parametrize("level", ["utterance", "window", "fixed"])
def test_a_padded_batch_is_its_utterances_and_silence_is_neutral(level):
    """Also where a recording ends within a voice, and in its last frame."""
    compute_features = PitchFbank(n_mels=80, pitch_level=level)
    faint, silence = utterance(180, 1.6), torch.zeros(40000)
    faint[11000:] *= 0.1
    waves = [utterance(240, 1.1)[:12345], voice(110, 0.7), faint, silence]
    together = compute_features(batch_of(*waves)[0])
    assert together.isfinite().all()
    assert not together[-1, :, 80:].any()
    for i, wave in enumerate(waves):
        alone = compute_features(wave[None])
        n_frames = alone.shape[1]
        assert_near(together[i, :n_frames, 80:], alone[0, :, 80:], 1e-5)
        assert not together[i, n_frames:, 80:].any()


def test_gradients_reach_the_waveform():
    wavs = torch.stack((utterance(150, 0.5), torch.zeros(8000))).requires_grad_()
    PitchFbank()(wavs)[..., -4:].sum().backward()
    assert wavs.grad.isfinite().all()
    assert wavs.grad[0].any()


@pytest.mark.parametrize("module", [PitchFbank(), AutocorrelationPitch()])
def test_single_precision_under_autocast_and_after_half(module):
    wave = utterance(150, 0.5)[None]
    with torch.autocast("cpu", torch.bfloat16):
        found = module(wave)
    torch.testing.assert_close(found, module(wave), rtol=0, atol=0)
    torch.testing.assert_close(found, module.half()(wave), rtol=0, atol=0)


def test_another_rate_or_hop_is_refused():
    with pytest.raises(ValueError, match="a hop of 80 samples at 8000 Hz, and a wave"):
        PitchFbank(sample_rate=8000, n_fft=256, streams=["spectrogram", "waveform"])
    with pytest.raises(ValueError, match="sample_rate = 8000 Hz, PitchFbank has 16000"):
        PitchFbank(pitch_tracker=AutocorrelationPitch(8000))
    with pytest.raises(ValueError, match="hop_length = 80 samples"):
        PitchFbank(pitch_tracker=World(hop_length=5))


@pytest.mark.parametrize("tracker", [None, AutocorrelationPitch(), World("dio")])
def test_pitch_is_the_trackers_or_what_is_handed_over(tracker):
    wavs, _ = batch_of(utterance(120, 1.6), utterance(240, 1.1))
    compute_features = PitchFbank(n_mels=80, pitch_tracker=tracker)
    contour = compute_features.pitch_tracker(wavs)
    assert torch.equal(compute_features(wavs, *contour), compute_features(wavs))
    f0_hz, voicing = contour
    octave_up = compute_features(wavs, f0_hz=2 * f0_hz, voicing=voicing)
    found = inband.f0_in_hz(octave_up[..., -4:])
    torch.testing.assert_close(found[f0_hz > 0], 2 * f0_hz[f0_hz > 0])


def test_bad_audio_and_pitch_of_other_frames_are_refused():
    wavs, pitch, short = (torch.zeros(2, n) for n in (16000, 101, 100))
    bad = torch.cat((wavs[:1], wavs[1:] + torch.nan))
    for given, message in (
        ([bad], r"NaN .* rows \[1\] of a batch"),
        ([bad, pitch, pitch], r"NaN .* rows \[1\] of a batch"),
        ([wavs, short, pitch], r"f0_hz of shape \[2, 100\] beside"),
        ([wavs, pitch], r"shape None .* expected \[2, 101\]"),
    ):
        with pytest.raises(ValueError, match=message):
            PitchFbank()(*given)
    with pytest.raises(ValueError, match=r"f0_hz of shape \[2, 100\] beside"):
        PitchFbank(pitch_tracker=lambda wav: (short, short))(wavs)

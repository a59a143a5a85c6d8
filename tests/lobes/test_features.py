"""PitchFbank: upstream's mels, pitch at the same frames, errors for bad audio."""

import pytest
import torch
from speechbrain.lobes.features import Fbank

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World
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


def test_a_waveform_of_another_hop_is_refused():
    with pytest.raises(ValueError, match="a hop of 80 samples at 8000 Hz, and a wave"):
        PitchFbank(sample_rate=8000, n_fft=256, streams=["spectrogram", "waveform"])


@pytest.mark.parametrize("tracker", [None, AutocorrelationPitch(), World("dio")])
def test_pitch_is_that_of_the_audio(tracker):
    compute_features = PitchFbank(n_mels=80, pitch_tracker=tracker)
    silence = torch.zeros(1600)
    waves = [torch.cat((silence, voice(f0, 0.8), silence)) for f0 in (110, 240)]
    features = compute_features(torch.stack(waves))
    f0_hz = inband.f0_in_hz(features[..., -4:])
    assert (f0_hz[0, 20:80] - 110).abs().max() < 2
    assert (f0_hz[1, 20:80] - 240).abs().max() < 3
    pitch = inband.unpack(features[..., -4:])
    expected = torch.log2(torch.tensor([110.0, 240.0]) / 150)
    torch.testing.assert_close(pitch.register[:, 50], expected, atol=0.03, rtol=0)


@pytest.mark.parametrize("level", ["utterance", "window", "fixed"])
def test_a_padded_batch_is_its_utterances(level):
    compute_features = PitchFbank(n_mels=80, pitch_level=level)
    waves = [utterance(120, 1.6), utterance(240, 1.1)[:12345], voice(180, 0.7)]
    together = compute_features(batch_of(*waves, torch.zeros(40000))[0])
    for i, wave in enumerate(waves):
        alone = compute_features(wave[None])
        n_frames = alone.shape[1]
        torch.testing.assert_close(
            together[i, :n_frames, 80:], alone[0, :, 80:], atol=1e-5, rtol=0
        )
        assert not together[i, n_frames:, 80:].any()


def test_silence_is_neutral():
    features = PitchFbank(n_mels=80)(torch.zeros(2, 8000))
    assert features.isfinite().all()
    assert not features[..., 80:].any()


def test_gradients_reach_the_waveform():
    wavs = utterance(150, 0.5)[None].requires_grad_()
    PitchFbank()(wavs)[..., -4:].sum().backward()
    assert wavs.grad.isfinite().all()
    assert wavs.grad.any()


def test_single_precision_under_autocast():
    compute_features, wave = PitchFbank(), utterance(150, 0.5)[None]
    with torch.autocast("cpu", torch.bfloat16):
        features = compute_features(wave)
    assert features.dtype == torch.float32
    assert torch.equal(features, compute_features(wave))


@pytest.mark.parametrize("handed_over", [True, False])
def test_bad_audio_is_refused(handed_over):
    wav = torch.tensor([[0.1] * 1600, [torch.nan] * 1600])
    contour = [torch.zeros(2, 11)] * 2 if handed_over else []
    with pytest.raises(ValueError, match=r"NaN .* rows \[1\] of a batch"):
        PitchFbank()(wav, *contour)
    with pytest.raises(ValueError, match="expected mono"):
        PitchFbank()(wav[0], *contour)


def test_a_tracker_of_another_rate_is_refused():
    with pytest.raises(ValueError, match="sample_rate = 8000 Hz, PitchFbank has 16000"):
        PitchFbank(pitch_tracker=AutocorrelationPitch(8000))
    with pytest.raises(ValueError, match="hop_length = 80 samples"):
        PitchFbank(pitch_tracker=World(hop_length=5))


def test_pitch_that_is_handed_over_takes_the_trackers_place():
    wavs, _ = batch_of(utterance(120, 1.6), utterance(240, 1.1))
    compute_features = PitchFbank(n_mels=80)
    contour = compute_features.pitch_tracker(wavs)
    assert torch.equal(compute_features(wavs, *contour), compute_features(wavs))
    f0_hz, voicing = contour
    octave_up = compute_features(wavs, f0_hz=2 * f0_hz, voicing=voicing)
    found = inband.f0_in_hz(octave_up[..., -4:])
    torch.testing.assert_close(found[f0_hz > 0], 2 * f0_hz[f0_hz > 0])


@pytest.mark.parametrize(
    "f0_hz, voicing, complaint",
    [
        (torch.zeros(1, 100), torch.zeros(1, 101), r"f0_hz of shape \[1, 100\] beside"),
        (torch.zeros(1, 101), torch.zeros(2, 101), r"voicing of shape \[2, 101\]"),
        (torch.zeros(1, 101), None, r"voicing of shape None .* expected \[1, 101\]"),
    ],
)
def test_pitch_of_other_frames_is_refused(f0_hz, voicing, complaint):
    with pytest.raises(ValueError, match=complaint):
        PitchFbank()(torch.zeros(1, 16000), f0_hz, voicing)

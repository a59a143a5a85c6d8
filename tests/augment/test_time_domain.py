"""A contour under speed perturbation: what the perturbed audio would be heard as."""

import math

import pytest
import torch
from speechbrain.augment.time_domain import SpeedPerturb

from speechbrain_pitchrope.augment.time_domain import (
    PitchSpeedPerturb,
    perturb_speed,
)
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch, World
from tests.signals import utterance, voice

HOP = 160


def glide(time):
    """Half an octave up and down within two seconds."""
    return 150 * 2 ** (0.25 * torch.sin(math.pi * time))


@pytest.mark.parametrize("speed", [62.5, 80, 90, 95, 105, 110, 120])
def test_the_mapped_contour_is_that_of_the_perturbed_audio(speed):
    silence = torch.zeros(4000)
    wavs = torch.cat((silence, voice(glide, 2.0), silence))[None]
    tracker, speed_perturb = World("dio"), PitchSpeedPerturb(16000, [speed])
    perturbed = speed_perturb(wavs)
    f0_hz, voicing = speed_perturb.follow(*tracker(wavs), perturbed.shape[1])
    expected, expected_voicing = tracker(perturbed)
    assert f0_hz.shape == expected.shape
    both = (f0_hz > 0) & (expected > 0)
    cents = 1200 * torch.log2(f0_hz[both] / expected[both])
    assert cents.abs().median() < 1
    assert (cents.abs() < 20).float().mean() > 0.98
    assert ((voicing >= 0.5) == (expected_voicing >= 0.5)).float().mean() > 0.98
    # Far above the tracker's error, so a contour left as it was would show.
    assert abs(1200 * math.log2(speed / 100)) > 40


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_speed_times_the_f0_at_speed_times_the_time(speed):
    frames = torch.arange(300)
    f0_hz = 150 * torch.exp2(frames / 400)  # linear in octaves: interpolated exactly
    mapped, voicing = perturb_speed(f0_hz, torch.ones(300), speed, 200)
    expected = speed * 150 * torch.exp2(speed * torch.arange(200) / 400)
    torch.testing.assert_close(mapped, expected)
    assert torch.equal(voicing, torch.ones(200))


def test_speed_one_changes_nothing():
    f0_hz, voicing = AutocorrelationPitch()(utterance()[None])
    mapped, mapped_voicing = perturb_speed(f0_hz, voicing, 1.0, f0_hz.shape[1])
    assert torch.equal(mapped, f0_hz)
    assert torch.equal(mapped_voicing, voicing)


@pytest.mark.parametrize("speed", [0.9, 1.1])
def test_voiced_f0_is_never_mixed_with_unvoiced(speed):
    generator = torch.Generator().manual_seed(0)
    voicing = torch.rand(4, 500, generator=generator)
    f0_hz = 200.0 * (voicing >= 0.5)
    mapped, mapped_voicing = perturb_speed(f0_hz, voicing, speed, 500)
    assert ((mapped == 0) == (mapped_voicing < 0.5)).all()
    torch.testing.assert_close(
        mapped[mapped > 0], torch.full_like(mapped[mapped > 0], 200 * speed)
    )
    assert ((mapped_voicing >= 0) & (mapped_voicing <= 1)).all()


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 15999, 16000])
@pytest.mark.parametrize("speed", [90, 110])
def test_frames_fit_the_perturbed_audio(n_samples, speed):
    speed_perturb = PitchSpeedPerturb(16000, [speed])
    n_perturbed = speed_perturb(torch.rand(1, n_samples)).shape[1]
    n_frames = n_samples // HOP + 1
    f0_hz, voicing = speed_perturb.follow(
        torch.full((n_frames,), 100.0), torch.ones(n_frames), n_perturbed
    )
    assert f0_hz.shape == voicing.shape == (n_perturbed // HOP + 1,)
    # SpeechBrain 1.1.0 rounds the ratio of the two rates.
    torch.testing.assert_close(f0_hz, torch.full_like(f0_hz, speed), rtol=1e-4, atol=0)
    torch.testing.assert_close(f0_hz, torch.full_like(f0_hz, 100 * speed_perturb.speed))


def test_draws_and_samples_are_upstreams():
    speeds, wavs = [62.5, 90, 95, 100, 110], torch.rand(2, 3000)
    upstream, ours = SpeedPerturb(16000, speeds), PitchSpeedPerturb(16000, speeds)
    drawn = set()
    for seed in range(20):
        torch.manual_seed(seed)
        expected, state = upstream(wavs), torch.get_rng_state()
        torch.manual_seed(seed)
        assert torch.equal(ours(wavs), expected)
        assert torch.equal(torch.get_rng_state(), state)
        assert ours.speed == pytest.approx(speeds[upstream.samp_index] / 100, rel=1e-4)
        drawn.add(ours.speed)
    assert len(drawn) == len(speeds)


def test_a_speed_that_is_none_is_refused():
    with pytest.raises(ValueError, match="the speed is 0: expected a ratio"):
        perturb_speed(torch.ones(3), torch.ones(3), 0, 3)

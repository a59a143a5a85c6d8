"""The noise floor, and the features of the voicing network."""

import math

import pytest
import torch

from speechbrain_pitchrope.processing import voicing
from speechbrain_pitchrope.processing.autocorrelation import normalised_autocorrelation
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
from tests.signals import utterance, voice

TRACKER = AutocorrelationPitch()


@pytest.mark.parametrize(
    "f0_hz", [80, 150, 300, lambda t: 90 * 1.5**t, lambda t: 120 + 120 * (t // 1.5)]
)
def test_a_voice_without_a_pause_is_not_its_own_floor(f0_hz):
    power, *_ = TRACKER.spectrum(voice(f0_hz, 3.0)[None], 301)
    raw = normalised_autocorrelation(power, TRACKER.tables)
    peak = raw[TRACKER.low_lags].amax(0)
    noise = voicing.may_be_noise(raw, peak, TRACKER.hum_lags)
    assert not noise[:, 2:-2].any()  # where the windows are full


def test_weak_bands_are_raised_to_the_strong_ones():
    """Two tones 20 dB apart in the band come within 10 dB."""
    phase = 2 * math.pi * torch.arange(16000) / 16000
    wave = torch.sin(300 * phase) + 0.1 * torch.sin(600 * phase)
    power, *_ = TRACKER.spectrum(wave[None], 101)
    no_noise = torch.zeros(power.shape[1:], dtype=torch.bool)
    flat, _ = voicing.subtract_noise(power, TRACKER.noise_bands, no_noise)
    middle = len(power) * 3 // 8  # 450 Hz
    for spectrum, low, high in ((power, 19, 21), (flat, 0, 10)):
        weak, strong = (
            spectrum[part, 0, 50].amax()
            for part in (slice(middle, None), slice(0, middle))
        )
        assert low < 10 * torch.log10(strong / weak) < high


def test_bands_add_up():
    torch.testing.assert_close(voicing.noise_bands(57).sum(0), torch.ones(57))


def test_features_are_finite_and_know_no_gain():
    wave = utterance(150, 2.0)
    _, one, _ = TRACKER.analyse(wave[None], 201)
    _, other, _ = TRACKER.analyse(0.01 * wave[None], 201)
    assert len(one) == TRACKER.voicing_network.hidden.shape[1]
    torch.testing.assert_close(one, other, atol=1e-3, rtol=0)
    for wave in (torch.zeros(1, 8000), torch.eye(8000)[4000:4001]):
        assert TRACKER.analyse(wave, 51)[1].isfinite().all()


def test_the_network_is_bounded():
    torch.manual_seed(0)
    network = voicing.VoicingNetwork()
    scores = network(100 * torch.randn(network.hidden.shape[1], 2, 50))
    assert network.LOWEST <= scores.min() < scores.max() <= network.HIGHEST
    assert not network.state_dict()

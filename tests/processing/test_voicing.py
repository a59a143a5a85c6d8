"""The noise floor, and the features of the voicing network."""

import math

import pytest
import torch

from speechbrain_pitchrope.processing import voicing
from speechbrain_pitchrope.processing.autocorrelation import normalised_autocorrelation
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
from tests.signals import utterance, voice


@pytest.fixture(scope="module")
def tracker():
    return AutocorrelationPitch()


def freed(tracker, wave):
    """Power spectrum before and after the noise was taken out."""
    power, _ = tracker.spectrum(wave[None])
    raw = normalised_autocorrelation(power, tracker.tables)
    peak, f0_hz = voicing.periodicity(raw, tracker.lags, tracker.first_low_lag)
    clean, _ = voicing.subtract_noise(power, tracker.noise_bands, peak, f0_hz, 2)
    return power[:, 0], clean[:, 0]


def test_the_floor_takes_mains_hum_out_and_leaves_voice(tracker):
    wave = torch.cat((torch.zeros(32000), voice(150, 0.5)))
    time = torch.arange(len(wave)) / 16000
    for mains_hz in (50, 60):
        hum = sum(torch.sin(2 * math.pi * mains_hz * k * time) for k in (1, 2, 3, 4))
        power, clean = freed(tracker, wave + 0.02 * hum)
        gap, word = slice(100, 190), 220  # frames
        assert clean[:, gap].sum() < 0.15 * power[:, gap].sum()
        assert clean[:, word].sum() > 0.8 * power[:, word].sum()


@pytest.mark.parametrize("f0_hz", [80, 150, 300])
def test_a_voice_without_a_pause_is_not_its_own_floor(tracker, f0_hz):
    power, clean = freed(tracker, voice(f0_hz, 3.0))
    # The last windows reach beyond the end: they are no voice, and may be noise.
    torch.testing.assert_close(clean[:, :-2], power[:, :-2])


def test_bands_add_up():
    bands = voicing.noise_bands(57)
    torch.testing.assert_close(bands.sum(0), torch.ones(57))


def test_features_are_finite_and_know_no_gain(tracker):
    wave = utterance(150, 2.0)
    _, one, _ = tracker.analyse(wave[None])
    _, other, _ = tracker.analyse(0.01 * wave[None])
    assert len(one) == len(voicing.FEATURES)
    torch.testing.assert_close(one, other, atol=1e-3, rtol=0)
    for wave in (torch.zeros(1, 8000), torch.eye(8000)[4000:4001]):
        assert tracker.analyse(wave)[1].isfinite().all()


def test_the_network_is_bounded():
    torch.manual_seed(0)
    network = voicing.VoicingNetwork()
    scores = network(100 * torch.randn(len(voicing.FEATURES), 2, 50))
    assert network.LOWEST <= scores.min() < scores.max() <= network.HIGHEST
    assert not network.state_dict()

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


def spectra(tracker, wave):
    """Power spectrum, the flattened one, and the noise floor in each band."""
    power, *_ = tracker.spectrum(wave[None], len(wave) // 160 + 1)
    raw = normalised_autocorrelation(power, tracker.tables)
    peak = raw[tracker.low_lags].amax(0)
    noise = voicing.may_be_noise(raw, peak, tracker.hum_lags)
    noise[:, : tracker.n_around] = False
    flat, floor = voicing.subtract_noise(power, tracker.noise_bands, noise)
    return power[:, 0], flat[:, 0], floor[:, 0]


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_the_floor_takes_mains_hum_out_and_leaves_voice(tracker, mains_hz):
    wave = torch.cat((torch.zeros(32000), voice(150, 0.5)))
    time = torch.arange(len(wave)) / 16000
    hum = sum(torch.sin(2 * math.pi * mains_hz * k * time) for k in (1, 2, 3, 4))
    power, flat, _ = spectra(tracker, wave + 0.02 * hum)
    gap, word = slice(100, 190), 220  # frames
    assert flat[:, gap].sum() < 0.15 * power[:, gap].sum()
    assert flat[:, word].sum() > 0.8 * power[:, word].sum()


@pytest.mark.parametrize("f0_hz", [80, 150, 300])
def test_a_voice_without_a_pause_is_not_its_own_floor(tracker, f0_hz):
    _, _, floor = spectra(tracker, voice(f0_hz, 3.0))
    # The last windows reach beyond the end: they are no voice, and may be noise.
    assert not floor[:, :-2].any()


def test_weak_bands_are_raised_to_the_strong_ones(tracker):
    """Two tones 20 dB apart in the band come within 10 dB."""
    time = torch.arange(16000) / 16000
    wave = torch.sin(2 * math.pi * 300 * time)
    wave = wave + 0.1 * torch.sin(2 * math.pi * 600 * time)
    power, flat, _ = spectra(tracker, wave)
    middle = len(power) * 3 // 8  # 450 Hz
    for spectrum, low, high in ((power, 19, 21), (flat, 0, 10)):
        weak, strong = (
            spectrum[part, 50].amax()
            for part in (slice(middle, None), slice(0, middle))
        )
        assert low < 10 * torch.log10(strong / weak) < high


def test_bands_add_up():
    bands = voicing.noise_bands(57)
    torch.testing.assert_close(bands.sum(0), torch.ones(57))


def test_features_are_finite_and_know_no_gain(tracker):
    wave = utterance(150, 2.0)
    _, one, _ = tracker.analyse(wave[None], 201)
    _, other, _ = tracker.analyse(0.01 * wave[None], 201)
    assert len(one) == tracker.voicing_network.hidden.shape[1]
    torch.testing.assert_close(one, other, atol=1e-3, rtol=0)
    for wave in (torch.zeros(1, 8000), torch.eye(8000)[4000:4001]):
        assert tracker.analyse(wave, 51)[1].isfinite().all()


def test_the_network_is_bounded():
    torch.manual_seed(0)
    network = voicing.VoicingNetwork()
    scores = network(100 * torch.randn(network.hidden.shape[1], 2, 50))
    assert network.LOWEST <= scores.min() < scores.max() <= network.HIGHEST
    assert not network.state_dict()

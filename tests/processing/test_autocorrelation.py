"""Steps of the tracker against their plain definitions."""

import math

import pytest
import torch

from speechbrain_pitchrope.processing import autocorrelation as steps
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
from tests.signals import voice

TRACKER = AutocorrelationPitch()


@pytest.mark.parametrize("sample_rate, factor", [(16000, 4), (8000, 2), (44100, 9)])
def test_decimation_keeps_the_band_and_nothing_that_folds_into_it(sample_rate, factor):
    hop = sample_rate // 100
    table = steps.make_tables(sample_rate, hop, 4 * hop, 60.0, 500.0)
    assert table.fourier.shape[1] == 4 * hop // factor
    time = torch.arange(100 * hop, dtype=torch.float64) / sample_rate
    folded = sample_rate / factor - 300
    for hertz, kept in ((100, 1), (400, 1), (800, 1), (folded, 0), (folded - 700, 0)):
        wave = torch.sin(2 * math.pi * hertz * time)
        found = steps.decimate(wave, table.decimation.double(), factor)
        error = (found - kept * wave[::factor])[200:-200]
        assert error.abs().max() < 0.015


def test_power_spectrum_is_that_of_each_windowed_frame():
    torch.manual_seed(0)
    hops = torch.randn(2, 20, 40, dtype=torch.float64)
    fourier = TRACKER.fourier.double()
    found = steps.power_spectrum(hops, fourier)
    frames = hops.flatten(1).unfold(1, 160, 40)
    cosines, sines = (fourier @ frames.flatten(0, 1).t()).view(-1, 2, 17).chunk(2)
    torch.testing.assert_close(found, cosines**2 + sines**2)


@pytest.mark.parametrize("f0_hz", [62, 83.7, 127.3, 200, 211.9, 430, 490])
def test_a_voice_is_the_best_candidate_between_the_lags(f0_hz):
    power, *_ = TRACKER.spectrum(voice(f0_hz, 0.5)[None], 51)
    correlation = steps.normalised_autocorrelation(power, TRACKER.tables)
    if f0_hz > 120:  # three periods are within the window's half height
        assert 0.9 < correlation[..., 25].max() < 1.1
    limits = TRACKER.range_edges, TRACKER.octave_limit
    peaks, _ = steps.best_peaks(correlation, TRACKER.lags, *limits)
    best = peaks.score[:, 0, 25].argmax()
    assert abs(1200 * (peaks.octaves[best, 0, 25] - math.log2(f0_hz))) < 10

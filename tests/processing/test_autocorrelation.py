"""Steps of the tracker against their plain definitions."""

import math

import torch

from speechbrain_pitchrope.processing import autocorrelation as steps
from tests.signals import voice


def tables():
    return steps.make_tables(16000, 640, 60.0, 500.0)


def test_power_spectrum_is_that_of_each_windowed_frame():
    torch.manual_seed(0)
    wavs = torch.randn(3, 2500, dtype=torch.float64)
    fourier = tables().fourier.double()
    found = steps.power_spectrum(wavs, fourier, 160)
    padded = torch.nn.functional.pad(wavs, (320, 320 + 160))
    frames = padded.unfold(1, 640, 160)[:, : found.shape[1]]
    n_bins = found.shape[2]
    spectrum = frames @ fourier
    expected = spectrum[..., :n_bins] ** 2 + spectrum[..., n_bins:] ** 2
    torch.testing.assert_close(found, expected)


def test_autocorrelation_of_a_voice_peaks_at_its_period():
    table = tables()
    power = steps.power_spectrum(voice(200, 0.5)[None], table.fourier, 160)
    correlation = steps.normalised_autocorrelation(power, table)[0, 25]
    above = table.octaves > math.log2(150)
    best = table.octaves[above][correlation[above].argmax()]
    assert abs(2**best - 200) < 4
    assert 0.9 < correlation.max() < 1.1


def test_running_minimum_is_a_minimum():
    torch.manual_seed(0)
    x = torch.randn(2, 40, 3)
    for n_frames in (1, 2, 7, 16, 100):
        expected = torch.stack(
            [x[:, max(0, t - n_frames + 1) : t + 1].amin(1) for t in range(40)], 1
        )
        assert torch.equal(steps.running_minimum(x, n_frames), expected)
        assert torch.equal(-steps.running_maximum(-x, n_frames), expected)


def test_noise_floor_takes_hum_out_and_leaves_voice():
    table = tables()
    wave = torch.cat((torch.zeros(32000), voice(150, 0.5)))
    time = torch.arange(len(wave)) / 16000
    hum = 0.05 * torch.sin(2 * math.pi * 300 * time)
    power = steps.power_spectrum((wave + hum)[None], table.fourier, 160)
    clean, snr_db = steps.subtract_noise(power, table.band, n_partial=2)
    gap, word = 190, 220  # frames
    remains = clean[0, gap].sum() / power[0, gap].sum()
    assert remains < 1.01 * steps.NOISE_REMAINS
    assert clean[0, word].sum() > 0.8 * power[0, word].sum()
    assert snr_db[0, word] > 10 > snr_db[0, gap]


def test_candidates_are_refined_between_the_lags():
    table = tables()
    for f0 in (83.7, 127.3, 211.9):
        power = steps.power_spectrum(voice(f0, 0.5)[None], table.fourier, 160)
        correlation = steps.normalised_autocorrelation(power, table)
        peaks = steps.best_peaks(correlation, table.octaves, 5)
        cents = 1200 * (peaks.octaves[0, 25] - math.log2(f0)).abs()
        assert cents.min() < 10
        assert (peaks.score[0, 25].diff() <= 0).all()

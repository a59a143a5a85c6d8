"""The steps of the autocorrelation tracker, from samples to pitch candidates.

    samples -> decimated to a quarter -> power spectrum below 1.2 kHz
            -> normalised autocorrelation -> best peak of each range of lags

Each step is a pure function over whole batches; the constant matrices that they
multiply with are made once, in double precision. Frames are the last dimension from
the spectrum on, so that every step works on long rows. The path of smallest cost
through the candidates is found in ``speechbrain_pitchrope.processing.smoothing``.

Autocorrelation of a windowed frame, divided by that of its window, is Boersma's
method (P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993, eq. 9). Taking
it from the power spectrum lets one weight the band where harmonics of a voice stand,
take noise out of it and flatten it, before correlating.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import torch

from speechbrain_pitchrope.processing.smoothing import running_mean

LOW_CUT_HZ = 120.0
"""Below it the band fades out, to 0 Hz: hum and rumble count less."""

BAND_HZ = (600.0, 1200.0)
"""Between these the band fades out upwards, like a raised cosine. Where f0_max is
above the first, both move up: f0_max and twice that."""

SEARCH_HZ = 1000.0
"""Peaks are sought up to here at least, and to 1.25 times f0_max: a voice above the
range is then known as such, and not taken for one an octave below."""

OVERSAMPLING = 3.3
"""Least rate after decimation over the upper end of the band."""

LAG_STEPS = 5.0
"""Lags within a period of the upper end of the band, 0.17 ms apart by default."""

N_RANGES = 5
"""Ranges of lags from f0_max to f0_min, equal in octaves, each of which gives its best
peak. What is above f0_max is one range more."""

OCTAVE_COST = 0.045
"""Score that a candidate gains per octave above the lowest f0 (Boersma, eq. 26)."""

BALLAST = 0.01
"""Share of the mean frame power added to each frame's: quiet frames correlate less."""

BALLAST_FRAMES = 100
"""Frames over which that mean is taken, up to the frame itself."""


class Tables(NamedTuple):
    """Constant matrices of one configuration.

    decimation [block + 2 * reach, block // factor]: a block of samples and their
    neighbours to a block of decimated samples. fourier [2 * n_bins, window_size //
    factor]: windowed cosines and sines. band, upper_band [n_bins]: power spectrum to
    power in the band, and in its part above 350 Hz. lag_cosines [n_lags, n_bins]: power
    spectrum to autocorrelation at each lag, over that of the window. lags [n_lags]: in
    seconds, equally spaced and ascending.
    """

    decimation: torch.Tensor
    fourier: torch.Tensor
    band: torch.Tensor
    upper_band: torch.Tensor
    lag_cosines: torch.Tensor
    lags: torch.Tensor


def make_tables(sample_rate, hop_length, window_size, f0_min, f0_max):
    """Make the tables of a hop and a window in samples, and a range of f0 in Hz.

    Lags go beyond the range: downwards by one, so that a peak at the end has two
    neighbours, and upwards as ``SEARCH_HZ`` says.
    """
    double = torch.float64
    low, high = max(BAND_HZ[0], f0_max), max(BAND_HZ[1], 2 * f0_max)
    # The largest divisor of the hop that leaves a rate well above the band.
    largest = max(1, int(sample_rate / (OVERSAMPLING * high)))
    factor = max(i for i in range(1, largest + 1) if hop_length % i == 0)
    rate = sample_rate / factor
    decimation = _decimation_matrix(sample_rate, hop_length, factor, high)
    reach = (len(decimation) - decimation.shape[1] * factor) // 2 // factor

    size = window_size // factor
    window = torch.hann_window(size, dtype=double)
    window[:reach] = window[size - reach :] = 0  # a filter's reach, within the frame
    n_fft = 1.2 * size  # lags alias only where the window's autocorrelation is small
    bins = torch.arange(1, math.ceil(high * n_fft / rate), dtype=double)
    phase = 2 * math.pi / n_fft * bins[:, None] * (torch.arange(size) - size // 2)
    fourier = torch.cat((phase.cos(), phase.sin())) * window
    # Of each frame, less its mean: an offset of the recorder would leak into the band.
    fourier -= fourier.sum(1, True) * window / window.sum()

    step = 1 / (LAG_STEPS * high)
    first = 1 / max(SEARCH_HZ, 1.25 * f0_max) - step
    n_lags = math.ceil((1 / f0_min - first) / step) + 2
    lags = first + step * torch.arange(n_lags, dtype=double)
    hertz = bins * rate / n_fft
    # Doubled for mirror images; the band ends in raised cosines.
    fade_in = 0.5 - 0.5 * torch.cos(math.pi * (hertz / LOW_CUT_HZ).clamp(0, 1))
    fade_out = ((hertz - low) / (high - low)).clamp(0, 1)
    band = fade_in * (1 + torch.cos(math.pi * fade_out))
    cosines = torch.cos(2 * math.pi * rate / n_fft * lags[:, None] * bins)
    cosines *= band / _autocorrelation_of(window, lags * rate)[:, None]
    upper_band = band * (hertz > 350)
    tables = decimation, fourier, band, upper_band, cosines, lags
    return Tables(*(table.float() for table in tables))


def _decimation_matrix(sample_rate, hop_length, factor, band_hz):
    """A Kaiser-windowed low-pass of 50 dB, laid out for a block of samples."""
    # The smaller a block is, the fewer zeros are multiplied.
    block = hop_length // 2 if hop_length % (2 * factor) == 0 else hop_length
    if factor == 1:
        return torch.eye(block, dtype=torch.float64)
    # What folds back into the band is what the filter has to take away.
    width = (sample_rate / factor - 2 * band_hz) / sample_rate
    reach = factor * math.ceil((50 - 8) / (14.36 * width) / 2 / factor)
    cutoff = 1 / factor
    taps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    taps = cutoff * torch.sinc(cutoff * taps)
    taps *= torch.kaiser_window(len(taps), False, beta=4.55, dtype=torch.float64)
    taps /= taps.sum()
    matrix = torch.zeros(block + 2 * reach, block // factor, dtype=torch.float64)
    for i in range(block // factor):
        matrix[i * factor : i * factor + len(taps), i] = taps
    return matrix


def _autocorrelation_of(window, lags):
    """Normalised autocorrelation of the window at fractional lags (Boersma, eq. 8)."""
    n_fft = 16 * len(window)
    power = torch.fft.rfft(window, n_fft).abs().square()
    power[1:-1] *= 2
    bins = torch.arange(len(power), dtype=window.dtype)
    cosines = torch.cos(2 * math.pi / n_fft * lags[:, None] * bins)
    return cosines @ power / power.sum()


def decimate(wavs, decimation, factor):
    """Low-pass samples [N], N a multiple of the block, and keep one in ``factor``."""
    block = decimation.shape[1] * factor
    blocks = wavs.view(-1, block)
    reach = (len(decimation) - block) // 2
    before, own, after = decimation.split((reach, block, reach))
    decimated = blocks @ own
    if reach:  # outside of the samples are zeros
        decimated[1:].addmm_(blocks[:-1, -reach:], before)
        decimated[:-1].addmm_(blocks[1:, :reach], after)
    return decimated.flatten()


def power_spectrum(hops, fourier):
    """Power of the lowest bins in windowed frames, [n_bins, B, T].

    A frame begins with each hop of [B, n_hops, n] that has enough others behind it. Its
    transform is a sum of products over these hops: frames are never copied out.
    """
    parts = fourier.split(hops.shape[2], 1)
    columns = hops.flatten(0, 1).t()
    spectrum = parts[0] @ columns
    for i, part in enumerate(parts[1:], 1):
        spectrum[:, :-i].addmm_(part, columns[:, i:])
    spectrum = spectrum.view(-1, *hops.shape[:2])[..., : 1 - len(parts)]
    cosines, sines = spectrum.chunk(2)
    return torch.addcmul(cosines.square(), sines, sines)


def normalised_autocorrelation(power, tables, rounding=1e-37):
    """Autocorrelation at each lag over the power of the frame: 1 for a periodic one.

    [n_bins, B, T] -> [n_lags, B, T]. What is weaker than ``rounding`` correlates less.
    """
    frame_power = weigh(tables.band, power)
    ballast = BALLAST * running_mean(frame_power, BALLAST_FRAMES)
    return weigh(tables.lag_cosines, power / (frame_power + ballast + rounding))


def weigh(weights, x):
    """Product of weights [..., n] with the first dimension of ``x`` [n, B, T]."""
    return (weights @ x.flatten(1)).unflatten(-1, x.shape[1:])


class Candidates(NamedTuple):
    """The best peak of each range of lags, the highest f0 first, each [N_RANGES, B, T].

    octaves: log2 of f0 in Hz. score: height of the peak plus what its octave gains; -1
    where a range has no peak.
    """

    octaves: torch.Tensor
    score: torch.Tensor


def range_edges(lags, f0_max):
    """Where the ranges begin and end: N_RANGES + 2 indices of ``lags[1:-1]``."""
    first, last = 1 / (f0_max * 1.015), lags[-1].item()
    starts = [first * (last / first) ** (i / N_RANGES) for i in range(N_RANGES)]
    inner = [int((lags[1:-1] < start).sum()) for start in starts]
    return [0, *inner, len(lags) - 2]


def best_peaks(correlation, lags, edges, octave_limit):
    """Find the highest peak of each range of lags, refined between the lags.

    The correlation [n_lags, B, T] is at equally spaced lags in seconds, edges are those
    of ``range_edges``, and octave_limit is log2 of the highest f0 within the range.
    Returns the Candidates, and by how much the peak above f0_max exceeds that of the
    best of them, [B, T].
    """
    before, here, after = (
        correlation.detach()[i : len(lags) - 2 + i] for i in range(3)
    )
    gain = OCTAVE_COST * torch.log2(lags[-1] / lags[1:-1])
    # What is lower than a neighbour is no peak: it falls below all that are.
    slope = torch.maximum(before, after).sub_(here).clamp_(min=0)
    score = (here + gain[:, None, None]).sub_(slope, alpha=1e6)
    index = _highest(score.float(), edges)
    y0, y1, y2 = (correlation.gather(0, index + i) for i in range(3))
    no_peak = (y1 < y0) | (y1 < y2) | (y1 <= 0)
    # The parabola through three lags: where it peaks, and how high.
    tilt = y0 - y2
    offset = 0.5 * tilt / (y0 - 2 * y1 + y2).clamp(max=-1e-12)
    offset = offset.masked_fill(no_peak, 0.0)
    octaves = -torch.log2(lags[1] + (lags[1] - lags[0]) * (index + offset))
    height = (y1 - 0.25 * tilt * offset.detach()).masked_fill(no_peak, -1.0)
    # What the edge of the range cuts through is refined to either side of it.
    is_above = octaves.detach() > octave_limit
    score = (height + gain[index]).masked_fill(no_peak | is_above, -1.0)
    height = height.detach()
    above = height.masked_fill(~is_above, -1.0).amax(0)
    lead = above - height.gather(0, score.detach().max(0)[1][None])[0]
    return Candidates(octaves[1:], score[1:]), lead


def _highest(score, edges):
    """Where the highest score of each range is, as ``argmax`` but 8 times as fast.

    The bits of positive numbers order as they do. The lowest are given to the place.
    """
    n_bits = len(score).bit_length()
    place = torch.arange(len(score), dtype=torch.int32, device=score.device)
    keys = score.view(torch.int32).bitwise_and(-1 << n_bits)
    keys |= place[:, None, None]
    best = [keys[start:end].amax(0) for start, end in pairwise(edges)]
    return torch.stack(best).bitwise_and((1 << n_bits) - 1).long()

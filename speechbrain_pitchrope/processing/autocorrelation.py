"""The steps of the autocorrelation tracker, from samples to pitch candidates.

    samples -> power spectrum below 1.2 kHz -> minus a running noise floor
            -> normalised autocorrelation at log-spaced lags -> best peaks

Each step is a pure function over whole batches; the constant matrices that they
multiply with are made once, in double precision. The path of smallest cost through
the candidates is the business of ``speechbrain_pitchrope.processing.smoothing``.

Autocorrelation of a windowed frame, divided by that of its window, is Boersma's
method (P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 1993, eq. 9). Taking
it from the power spectrum lets one weight the band where harmonics of a voice stand,
and take noise out of it, before correlating.
"""

import math
from typing import NamedTuple

import torch

LOW_CUT_HZ = 120.0
"""Below it the band fades out, to 0 Hz: hum and rumble count less."""

BAND_HZ = (600.0, 1200.0)
"""Between these the band fades out upwards, like a raised cosine."""

N_LAGS = 192
"""Lags at which peaks are sought, log-spaced: 1.6 % apart for 60 .. 500 Hz."""

LAGS_PER_BLOCK = 16
"""Only the best peak of each block of neighbouring lags becomes a candidate."""

OCTAVE_COST = 0.045
"""Score that a candidate gains per octave above the lowest f0 (Boersma, eq. 26)."""

BALLAST = 0.01
"""Share of the mean frame power added to each frame's: quiet frames correlate less."""

BALLAST_FRAMES = 100
"""Frames over which that mean is taken, up to the frame itself."""

NOISE_BINS = 5
"""Neighbouring bins that are averaged before the noise floor is taken."""

NOISE_FRAMES = 201
"""Frames over which the floor is the minimum: a bin is rarely voiced for 2 s."""

NOISE_BIAS = 1.5
"""Level of the noise over its minimum, which by nature lies below its mean."""

NOISE_REMAINS = 0.05
"""Share of a bin's power that is left at least when the floor is taken out."""


class Tables(NamedTuple):
    """Constant matrices of one configuration.

    Arguments
    ---------
    fourier : torch.Tensor
        Windowed cosines and sines, shape [window_size, 2 * n_bins].
    lag_cosines : torch.Tensor
        Power spectrum to autocorrelation at each lag, divided by the window's own
        autocorrelation, shape [n_bins, N_LAGS + 2].
    band : torch.Tensor
        Power spectrum to power within the band, shape [n_bins].
    octaves : torch.Tensor
        log2 of the frequency in Hz of each lag, descending, shape [N_LAGS + 2].
    """

    fourier: torch.Tensor
    lag_cosines: torch.Tensor
    band: torch.Tensor
    octaves: torch.Tensor


def make_tables(sample_rate, window_size, f0_min, f0_max):
    """Compute the constant matrices of one configuration.

    Arguments
    ---------
    sample_rate : int
        Samples per second.
    window_size : int
        Samples in a frame.
    f0_min, f0_max : float
        Search range in Hz. One lag more is kept at either end, so that a peak at the
        end of the range still has two neighbours.

    Returns
    -------
    Tables
    """
    double = torch.float64
    # Bins fine enough that lags up to 1 / f0_min do not alias around the frame.
    n_fft = 2 * math.ceil((window_size + sample_rate / f0_min + 2) / 2)
    # A few bins beyond the band, of weight 0: products of such widths are faster.
    n_bins = 8 * math.ceil(BAND_HZ[1] * n_fft / sample_rate / 8)
    bins = torch.arange(n_bins, dtype=double)
    samples = torch.arange(window_size, dtype=double) - window_size // 2
    window = torch.hann_window(window_size, dtype=double)
    phase = 2 * math.pi / n_fft * samples[:, None] * bins
    fourier = torch.cat((phase.cos(), phase.sin()), 1) * window[:, None]
    # Of each frame, less its mean: an offset of the recorder would leak into the band.
    fourier -= window[:, None] * fourier.sum(0) / window.sum()

    step = math.log2(f0_max / f0_min) / (N_LAGS - 1)
    octaves = math.log2(f0_max) + step - step * torch.arange(N_LAGS + 2, dtype=double)
    lags = sample_rate / torch.exp2(octaves)
    band = _band_weights(bins * sample_rate / n_fft)
    band[1:] *= 2  # each bin stands for its mirror image as well
    lag_cosines = torch.cos(2 * math.pi / n_fft * bins[:, None] * lags) * band[:, None]
    lag_cosines /= _autocorrelation_of(window, lags)
    return Tables(*(table.float() for table in (fourier, lag_cosines, band, octaves)))


def _band_weights(frequencies):
    """Weight of each frequency in Hz: raised-cosine edges at both ends of the band."""
    fade_in = 0.5 - 0.5 * torch.cos(math.pi * (frequencies / LOW_CUT_HZ).clamp(0, 1))
    low, high = BAND_HZ
    fade_out = ((frequencies - low) / (high - low)).clamp(0, 1)
    return fade_in * (0.5 + 0.5 * torch.cos(math.pi * fade_out))


def _autocorrelation_of(window, lags):
    """Normalised autocorrelation of the window at fractional lags (Boersma, eq. 8)."""
    n_fft = 16 * len(window)
    power = torch.fft.rfft(window, n_fft).abs().square()
    power[1:-1] *= 2
    bins = torch.arange(len(power), dtype=window.dtype)
    cosines = torch.cos(2 * math.pi / n_fft * lags[:, None] * bins)
    return cosines @ power / power.sum()


def power_spectrum(wavs, fourier, hop_length):
    """Power of the lowest bins in centred, windowed frames.

    A frame is a whole number of hops long, so its transform is a sum of products over
    the signal cut into hops once. Frames are thus never copied out.

    Arguments
    ---------
    wavs : torch.Tensor
        Shape [B, N].
    fourier : torch.Tensor
        Shape [window_size, 2 * n_bins], window_size an even multiple of hop_length.
    hop_length : int
        Samples from frame to frame.

    Returns
    -------
    torch.Tensor
        Shape [B, N // hop_length + 1, n_bins].
    """
    n_batch, n_samples = wavs.shape
    n_frames = n_samples // hop_length + 1
    hops_per_frame = len(fourier) // hop_length
    n_hops = n_frames + hops_per_frame - 1
    left = len(fourier) // 2
    right = n_hops * hop_length - n_samples - left
    hops = torch.nn.functional.pad(wavs, (left, right)).view(-1, hop_length)
    # The hops of all utterances in one row: frames that straddle two are cut off below.
    hops = torch.nn.functional.pad(hops, (0, 0, 0, hops_per_frame - 1))
    parts = fourier.view(hops_per_frame, hop_length, -1)
    spectrum = hops[: n_batch * n_hops] @ parts[0]
    for i in range(1, hops_per_frame):
        spectrum.addmm_(hops[i : i + n_batch * n_hops], parts[i])
    cosines, sines = spectrum.view(n_batch, n_hops, -1)[:, :n_frames].chunk(2, -1)
    return torch.addcmul(cosines.square(), sines, sines)


def running_minimum(x, n_frames):
    """Minimum over each frame and the ``n_frames - 1`` before it, by doubling.

    Arguments
    ---------
    x : torch.Tensor
        Shape [B, T, ...].
    n_frames : int
        Length of the window.

    Returns
    -------
    torch.Tensor
        Shape of ``x``.

    Example
    -------
    >>> running_minimum(torch.tensor([[3.0, 1.0, 2.0, 5.0, 4.0]]), 3)
    tensor([[3., 1., 1., 1., 2.]])
    """
    n_frames = min(n_frames, x.shape[1])
    width = 1
    while width < n_frames:
        shift = min(width, n_frames - width)
        later = torch.minimum(x[:, shift:], x[:, :-shift])
        x = torch.cat((x[:, :shift], later), dim=1)
        width += shift
    return x


def running_mean(x, n_frames):
    """Mean over each frame and up to ``n_frames - 1`` before it, shape [B, T]."""
    ones = torch.ones_like(x[:1])

    def window_sum(y):
        y = torch.nn.functional.pad(y.unsqueeze(1), (n_frames - 1, 0))
        return torch.nn.functional.avg_pool1d(y, n_frames, 1).squeeze(1)

    return window_sum(x) / window_sum(ones)


def running_maximum(x, n_frames):
    """Maximum over each frame and the ``n_frames - 1`` before it, shape [B, T]."""
    return -running_minimum(-x, n_frames)


def peak_amplitude(wavs, window_size, hop_length):
    """Largest sample of each centred frame, without gradient, [B, N] -> [B, T].

    As in ``power_spectrum``, a frame is an even number of hops.
    """
    n_around = window_size // hop_length // 2
    right = -wavs.shape[1] % hop_length
    hops = torch.nn.functional.pad(wavs.detach(), (0, right)).unflatten(
        1, (-1, hop_length)
    )
    # Either extreme by itself is much faster than both at once, or of the magnitude.
    peak = torch.maximum(hops.amax(2), -hops.amin(2))
    peak = torch.nn.functional.pad(peak, (n_around, n_around))
    n_frames = wavs.shape[1] // hop_length + 1
    return torch.nn.functional.max_pool1d(peak, 2 * n_around, 1)[:, :n_frames]


def subtract_noise(power, band, n_partial=0):
    """Take a running noise floor out of each bin, like a Wiener filter.

    Stationary noise and hum fill a bin all the time, a voice leaves each bin now and
    then: the noise is 1.5 times the minimum over 2 s (after R. Martin, "Noise power
    spectral density estimation based on optimal smoothing and minimum statistics",
    IEEE Trans. Speech and Audio Processing 9(5), 2001).

    Arguments
    ---------
    power : torch.Tensor
        Shape [B, T, n_bins].
    band : torch.Tensor
        Weight of each bin in the signal-to-noise ratio, shape [n_bins].
    n_partial : int
        Frames at the start whose windows begin before the signal. They are weak and
        blurred, and are nobody's floor but their own.

    Returns
    -------
    clean : torch.Tensor
        Shape [B, T, n_bins], at least ``NOISE_REMAINS`` of the input.
    snr_db : torch.Tensor
        Ratio of band power to floor, 0 or more, shape [B, T].
    """
    tiny = torch.finfo(power.dtype).tiny
    smooth = _mean_of_neighbours(power.detach(), NOISE_BINS)
    whole = smooth.clone()
    whole[:, :n_partial] = math.inf
    floor = NOISE_BIAS * torch.minimum(running_minimum(whole, NOISE_FRAMES), smooth)
    # A gain, not a difference: it leaves the shape of a steady harmonic as it is.
    gain = (1 - floor / (smooth + tiny)).clamp(min=NOISE_REMAINS)
    snr = (smooth @ band + tiny) / (floor @ band + tiny)
    return power * gain, 10 * torch.log10(snr.clamp(min=1))


def _mean_of_neighbours(x, width):
    """Mean over ``width`` neighbours along the last dimension, an odd number."""
    padded = torch.nn.functional.pad(x, (width // 2, width // 2), mode="replicate")
    total = padded[..., : x.shape[-1]].clone()
    for i in range(1, width):  # many times as fast as a pooling of short rows
        total += padded[..., i : i + x.shape[-1]]
    return total / width


def normalised_autocorrelation(power, tables):
    """Autocorrelation at each lag over the power of the frame: 1 for a periodic one.

    Arguments
    ---------
    power : torch.Tensor
        Shape [B, T, n_bins].
    tables : Tables

    Returns
    -------
    torch.Tensor
        Shape [B, T, N_LAGS + 2].
    """
    frame_power = power @ tables.band
    ballast = BALLAST * running_mean(frame_power, BALLAST_FRAMES)
    tiny = torch.finfo(power.dtype).tiny
    return (power @ tables.lag_cosines) / (frame_power + ballast + tiny).unsqueeze(-1)


class Candidates(NamedTuple):
    """The best peaks of each frame.

    Arguments
    ---------
    octaves : torch.Tensor
        log2 of f0 in Hz, shape [B, T, n].
    score : torch.Tensor
        Height of the peak plus what its octave gains, shape [B, T, n]; -1 where the
        frame has fewer than n peaks.
    """

    octaves: torch.Tensor
    score: torch.Tensor


def best_peaks(correlation, octaves, n_candidates):
    """Find the highest peaks of the autocorrelation, refined between the lags.

    Arguments
    ---------
    correlation : torch.Tensor
        Shape [B, T, N_LAGS + 2].
    octaves : torch.Tensor
        log2 of the frequency of each lag, shape [N_LAGS + 2].
    n_candidates : int
        Peaks to keep, at most one of each block of ``LAGS_PER_BLOCK`` lags.

    Returns
    -------
    Candidates
    """
    before, here, after = (
        correlation[..., :-2],
        correlation[..., 1:-1],
        correlation[..., 2:],
    )
    gain = OCTAVE_COST * (octaves[1:-1] - octaves[-1])
    is_peak = (here > before) & (here >= after) & (here > 0)
    score = torch.where(is_peak, here + gain, -1.0)
    score, lag = score.unflatten(-1, (-1, LAGS_PER_BLOCK)).max(-1)
    lag = lag + torch.arange(0, N_LAGS, LAGS_PER_BLOCK, device=lag.device)
    score, block = score.topk(n_candidates, -1)
    lag = lag.gather(-1, block)

    y0, y1, y2 = (correlation.gather(-1, lag + i) for i in range(3))
    curvature = y0 - 2 * y1 + y2
    offset = 0.5 * (y0 - y2) / curvature.clamp(max=-1e-12)
    offset = torch.where(score > 0, offset.clamp(-1, 1), torch.zeros_like(offset))
    step = octaves[0] - octaves[1]
    return Candidates(octaves[lag + 1] - step * offset, score)

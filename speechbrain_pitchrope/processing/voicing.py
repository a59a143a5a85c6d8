"""What tells a voice from noise: a noise floor, and features for a small network.

All of it looks at each frame and at the last two to three seconds before it, and none
of it at the level of the recording: features are ratios, in tens of decibels.
"""

import json
from importlib import resources
from typing import NamedTuple

import torch

from speechbrain_pitchrope.processing import autocorrelation as steps
from speechbrain_pitchrope.processing.running import (
    running_maximum,
    running_mean,
    running_minimum,
)

N_BANDS = 16
"""Bands in which the noise floor is taken, half overlapping triangles."""

NOISE_FRAMES = 201
"""Frames over which the floor is the minimum: a bin is rarely voiced for 2 s."""

NOISE_BIAS = 1.5
"""Level of the noise over its minimum, which by nature lies below its mean."""

NOISE_REMAINS = 0.05
"""Share of a bin's power that is left at least when the floor is taken out."""

PERIODIC = 0.85
"""Autocorrelation above which a frame is a voice, and nobody's noise floor."""

HUM_HZ = (48.5, 51.5, 58.5, 61.5)
"""A periodic frame of an f0 between the first or the last two is mains hum."""

LEVEL_FRAMES = 201
"""Frames over which a frame's level is compared."""

CLICK_FRAMES = 6
"""What is loud for fewer frames is a click, and sets no level."""

SMOOTH_FRAMES = 12
"""Frames over which features are averaged where their noise counts."""

ABOVE_FRAMES = 5
ABOVE_MARGIN = 0.02
"""f0 is above f0_max where the best peak above f0_max is higher than the best of the
others, or lower by this margin at most, in this number of frames."""

FEATURES = (
    "periodicity",
    "score",
    "snr",
    "below_maximum",
    "above_minimum",
    "tilt",
    "high_band",
    "mean_periodicity",
    "slope",
    "octave",
    "mean_score",
    "below_recent",
    "noise_tilt",
    "noise_share",
)
"""What the network sees of a frame, in turn; see ``voicing_features``."""


def noise_bands(n_bins):
    """Triangles that cover the bins: matrix [N_BANDS, n_bins], columns add up to 1."""
    centres = torch.linspace(0, n_bins - 1, N_BANDS)
    distance = (torch.arange(n_bins) - centres[:, None]).abs()
    return (1 - distance / (centres[1] - centres[0])).clamp(min=0)


def periodicity(correlation, lags, first):
    """Largest autocorrelation from lag number ``first`` on, and its f0, each [B, T].

    The shortest lags are to be left out: there, all low sounds are alike.
    """
    peak, index = correlation[first:].detach().max(0)
    return peak, 1 / lags[first:][index]


def subtract_noise(power, bands, peak, f0_hz, n_partial=0):
    """Take a running noise floor out of each bin, like a Wiener filter.

    Stationary noise and hum fill a bin all the time, a voice leaves each bin now and
    then: the noise is 1.5 times the minimum over 2 s (after R. Martin, "Noise power
    spectral density estimation based on optimal smoothing and minimum statistics",
    IEEE Trans. Speech and Audio Processing 9(5), 2001). Frames that are periodic do not
    count, unless they are hum: in a word without a pause around it nothing is noise.

    Arguments
    ---------
    power : torch.Tensor
        Shape [n_bins, B, T].
    bands : torch.Tensor
        As ``noise_bands`` gives it, shape [N_BANDS, n_bins].
    peak, f0_hz : torch.Tensor
        As ``periodicity`` gives it, shape [B, T].
    n_partial : int
        Frames at the start whose windows begin before the signal. They are weak and
        blurred, and are nobody's floor.

    Returns
    -------
    clean : torch.Tensor
        Shape [n_bins, B, T], at least ``NOISE_REMAINS`` of the input.
    floor : torch.Tensor
        The noise in each band, shape [N_BANDS, B, T].
    """
    tiny = torch.finfo(power.dtype).tiny
    smooth = steps.weigh(bands, power.detach())
    a, b, c, d = HUM_HZ
    hum = ((f0_hz > a) & (f0_hz < b)) | ((f0_hz > c) & (f0_hz < d))
    noise = (peak < PERIODIC) | hum
    noise[:, :n_partial] = False
    floor = running_floor(torch.where(noise, smooth, torch.inf))
    # A gain, not a difference: it leaves the shape of a steady harmonic as it is.
    gain = (1 - floor / (smooth + tiny)).clamp(min=NOISE_REMAINS)
    return power * steps.weigh(bands.t(), gain), floor


def running_floor(power):
    """1.5 times the minimum of the last 2 s, 0 where nothing is known, [..., T]."""
    floor = NOISE_BIAS * running_minimum(power, NOISE_FRAMES)
    return floor.masked_fill(floor == torch.inf, 0.0)


def is_above_range(lead):
    """Where the peaks above f0_max have been the best for some frames, [B, T].

    A voice an octave above the range has the same peaks as one within it, but for the
    first; one within it with strong even harmonics lacks little of that. So it takes
    ``ABOVE_FRAMES`` in turn.
    """
    return running_minimum(lead, ABOVE_FRAMES) > -ABOVE_MARGIN


class Levels(NamedTuple):
    """What is known of a frame beside its candidates, each of shape [B, T].

    Arguments
    ---------
    periodicity : torch.Tensor
        Largest autocorrelation, noise included.
    lead : torch.Tensor
        How much higher the peak above f0_max is than that of the best candidate.
    total, upper : torch.Tensor
        Power in the band and in its part above 350 Hz, in bels.
    noise, upper_noise : torch.Tensor
        The noise floor in both.
    wide : torch.Tensor
        Power at all frequencies.
    """

    periodicity: torch.Tensor
    lead: torch.Tensor
    total: torch.Tensor
    upper: torch.Tensor
    noise: torch.Tensor
    upper_noise: torch.Tensor
    wide: torch.Tensor


def band_levels(power, floor, tables, bands):
    """The levels total, upper, noise and upper_noise, in bels, [4, B, T].

    Arguments
    ---------
    power : torch.Tensor
        Shape [n_bins, B, T].
    floor : torch.Tensor
        The noise in each band, shape [N_BANDS, B, T].
    tables : Tables
    bands : torch.Tensor
        Shape [N_BANDS, n_bins].
    """
    weights = torch.stack((tables.band, tables.upper_band))
    levels = steps.weigh(weights, power.detach())
    return bels(torch.cat((levels, steps.weigh(weights @ bands.t(), floor))))


def voicing_features(levels, best):
    """What the network sees, in tens of decibels or 0 .. 1, [len(FEATURES), B, T].

    Arguments
    ---------
    levels : Levels
    best : Candidates
    """
    peak, total = levels.periodicity, levels.total
    upper, noise, upper_noise = levels.upper, levels.noise, levels.upper_noise
    score, index = best.score.max(0)
    octave = best.octaves.gather(0, index[None])[0]
    score, octave = score.detach(), octave.detach()
    loudest = running_maximum(running_minimum(total, CLICK_FRAMES), LEVEL_FRAMES)
    mean_level = running_mean(total, SMOOTH_FRAMES)
    mean_peak = running_mean(peak, SMOOTH_FRAMES)
    earlier = torch.nn.functional.pad(total, (5, 0), mode="replicate")[:, :-5]
    features = (
        peak,
        score,
        (total - noise).clamp(0, 4),
        (total - loudest).clamp(-6, 2),
        (total - running_minimum(mean_level, LEVEL_FRAMES)).clamp(-2, 6),
        (upper - total).clamp(-5, 0),
        (levels.wide - total).clamp(-8, 4),
        mean_peak,
        (total - earlier).clamp(-3, 3),
        octave - 7.0,
        running_mean(score, SMOOTH_FRAMES),
        (total - running_maximum(total, SMOOTH_FRAMES)).clamp(-3, 0),
        (upper_noise - noise).clamp(-4, 1),
        (loudest - noise).clamp(-1, 5),
    )
    return torch.stack(features)


def bels(power):
    """log10 of a power, with a floor that keeps it finite and a gradient of 0 there."""
    return torch.log10(power.clamp(min=1e-30))


class VoicingNetwork(torch.nn.Module):
    """Features to the score of the state "unvoiced", [n, B, T] -> [B, T].

    One hidden layer. ``benchmarks/train_voicing.py`` trained it, and says on what; the
    weights are in ``voicing.json`` beside this file.
    """

    LOWEST, HIGHEST = -0.2, 2.0

    def __init__(self):
        super().__init__()
        for name, values in read_weights().items():
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, features):
        """The score of "unvoiced": a candidate has to be higher."""
        hidden = steps.weigh(self.hidden, features) + self.hidden_bias[:, None, None]
        output = steps.weigh(self.output, hidden.relu()) + self.output_bias
        return self.LOWEST + (self.HIGHEST - self.LOWEST) * torch.sigmoid(output[0])


def read_weights():
    """The trained weights, nested lists by name."""
    text = (resources.files(__package__) / "voicing.json").read_text(encoding="utf-8")
    return json.loads(text)["weights"]

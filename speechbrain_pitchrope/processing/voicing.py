"""What tells a voice from noise: a noise floor, and features for a small network.

All of it looks at each frame and at the last two to three seconds before it, and none
of it at the level of the recording: features are ratios, in tens of decibels.
"""

import json
from importlib import resources

import torch

from speechbrain_pitchrope.processing import autocorrelation as steps
from speechbrain_pitchrope.processing.smoothing import (
    running_maximum,
    running_mean,
    running_minimum,
)

N_BANDS = 16
"""Bands in which the noise floor is taken, half overlapping triangles."""

NOISE_FRAMES = 201
"""Frames over which the floor is the minimum: a bin is rarely voiced for 2 s."""

NOISE_LASTS = 6
"""Frames that noise lasts at least: a voice that jumps is aperiodic for a moment."""

NOISE_BIAS = 1.5
"""Level of the noise over its minimum, which by nature lies below its mean."""

NOISE_REMAINS = 0.05
"""Share of a bin's power that is left at least when the floor is taken out."""

FLATTENED_SHARE = 0.01
"""Share of the whole power up to which a band counts as weak."""

FLATTENED_NOISE = 30.0
"""Weight of the noise in that level: what is little above its noise stays weak."""

PERIODIC = 0.85
"""Autocorrelation above which a frame is a voice, and nobody's noise floor."""

HUM_HZ = ((48.5, 51.5), (58.5, 61.5))
"""A periodic frame of an f0 in one of these is mains hum."""

HUM_MULTIPLES = (1, 2, 3, 5, 7)
HUM_SHARE = 0.8
"""A voice at a multiple of hum repeats with it too: hum has no autocorrelation of this
share of its peak at the multiples above 1."""

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


def noise_bands(n_bins):
    """Triangles that cover the bins: matrix [N_BANDS, n_bins], columns add up to 1."""
    centres = torch.linspace(0, n_bins - 1, N_BANDS)
    distance = (torch.arange(n_bins) - centres[:, None]).abs()
    return (1 - distance / (centres[1] - centres[0])).clamp(min=0)


def lags_between(lags, low_hz, high_hz):
    """The slice of ascending lags in seconds that belongs to these f0."""
    return slice(*(int((lags < 1 / hertz).sum()) for hertz in (high_hz, low_hz)))


def may_be_noise(correlation, peak, hum_lags):
    """Where a frame is not periodic, or so like mains hum, [B, T].

    ``peak`` is its largest autocorrelation. For each f0 of hum, hum_lags has slices of
    ``HUM_MULTIPLES``.
    """
    noise = running_minimum((peak < PERIODIC).float(), NOISE_LASTS) > 0
    for own, *multiples in hum_lags:
        shorter = torch.cat([correlation[lags] for lags in multiples]).amax(0)
        is_hum = correlation[own].amax(0) >= peak
        noise |= is_hum & (shorter < HUM_SHARE * peak)
    return noise


def subtract_noise(power, bands, noise):
    """Take a running noise floor out of each bin, and flatten what is left.

    Stationary noise and hum fill a bin all the time, a voice leaves each bin now and
    then: the noise is 1.5 times the minimum over 2 s (after R. Martin, "Noise power
    spectral density estimation based on optimal smoothing and minimum statistics",
    IEEE Trans. Speech and Audio Processing 9(5), 2001). In a flat spectrum a formant is
    no peak of the autocorrelation (M. M. Sondhi, "New methods of pitch extraction",
    IEEE Trans. Audio and Electroacoustics 16(2), 1968).

    Of power [n_bins, B, T], bands as in ``noise_bands``, and where a frame may be noise
    [B, T], which is nowhere in a word without a pause around it. Returns the flat
    spectrum [n_bins, B, T], and the noise in each band [N_BANDS, B, T].
    """
    tiny = torch.finfo(power.dtype).tiny
    smooth = steps.weigh(bands, power.detach())
    lowest = running_minimum(torch.where(noise, smooth, torch.inf), NOISE_FRAMES)
    floor = NOISE_BIAS * lowest.masked_fill(lowest == torch.inf, 0.0)
    # Gains, not differences: they leave the shape of a steady harmonic as it is.
    gain = (1 - floor / (smooth + tiny)).clamp(min=NOISE_REMAINS)
    clean = gain * smooth
    total = clean.sum(0)
    level = clean + FLATTENED_NOISE * (smooth - clean)
    level = torch.cat((level[:1], level, level[-1:]))  # and half of the neighbours
    level = 0.5 * level[1:-1] + 0.25 * (level[:-2] + level[2:])
    level += FLATTENED_SHARE * total + tiny
    root = ((total + tiny) / level).sqrt()
    gain = gain * root * root.sqrt()  # to the power of 3/4: 1 would make all equal
    gain = gain * (total / ((gain * smooth).sum(0) + tiny))  # as loud as before
    return power * steps.weigh(bands.t(), gain), floor


def is_above_range(lead):
    """Where the peaks above f0_max have been the best for some frames, [B, T].

    A voice an octave above the range has the same peaks as one within it, but for the
    first; one within it with strong even harmonics lacks little of that. So it takes
    ``ABOVE_FRAMES`` in turn.
    """
    return running_minimum(lead, ABOVE_FRAMES) > -ABOVE_MARGIN


def band_levels(power, floor, energy, tables, bands):
    """Levels in bels, [6, B, T]: total, upper, lower, noise, upper_noise, wide.

    These are the power in the band and in its parts above and below 350 Hz, the noise
    floor in the first two, and the power at all frequencies.
    """
    total, upper = tables.band, tables.upper_band
    weights = torch.stack((total, upper, total - upper))
    levels = steps.weigh(weights, power), steps.weigh(weights[:2] @ bands.t(), floor)
    # A floor of 1e-30 keeps the logarithm finite.
    return torch.log10(torch.cat((*levels, energy[None])).clamp(min=1e-30))


def voicing_features(levels, peak, best):
    """What the network gets, in tens of decibels or 0 .. 1, [n, B, T].

    Of levels as ``band_levels`` gives them, the largest autocorrelation, noise
    included, and the candidates.
    """
    total, upper, lower, noise, upper_noise, wide = levels
    score, index = best.score.detach().max(0)
    octave = best.octaves.detach().gather(0, index[None])[0]
    maximum, low_maximum = (
        running_maximum(running_minimum(level, CLICK_FRAMES), LEVEL_FRAMES)
        for level in (total, lower)
    )
    mean_level = running_mean(total, SMOOTH_FRAMES)
    earlier = torch.nn.functional.pad(total, (5, 0), mode="replicate")[:, :-5]
    features = (
        peak,
        score,
        (total - noise).clamp(0, 4),
        (total - maximum).clamp(-6, 2),
        (total - running_minimum(mean_level, LEVEL_FRAMES)).clamp(-2, 6),
        (upper - total).clamp(-5, 0),
        (wide - total).clamp(-8, 4),
        running_mean(peak, SMOOTH_FRAMES),
        (total - earlier).clamp(-3, 3),
        octave - 7.0,
        running_mean(score, SMOOTH_FRAMES),
        (total - running_maximum(total, SMOOTH_FRAMES)).clamp(-3, 0),
        (upper_noise - noise).clamp(-4, 1),
        (maximum - noise).clamp(-1, 5),
        (lower - total).clamp(-5, 0),
        (low_maximum - maximum).clamp(-5, 0),
    )
    return torch.stack(features)


class VoicingNetwork(torch.nn.Module):
    """Features to the score of the state "unvoiced", [n, B, T] -> [B, T].

    One hidden layer. ``benchmarks/train_voicing.py`` trained it, and says on what; the
    weights are in ``voicing.json`` beside this file.
    """

    LOWEST, HIGHEST = -0.2, 2.0

    def __init__(self):
        super().__init__()
        text = (resources.files(__package__) / "voicing.json").read_text("utf-8")
        for name, values in json.loads(text)["weights"].items():
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, features):
        """The score of "unvoiced": a candidate has to be higher."""
        hidden = steps.weigh(self.hidden, features) + self.hidden_bias[:, None, None]
        output = steps.weigh(self.output, hidden.relu()) + self.output_bias
        return self.LOWEST + (self.HIGHEST - self.LOWEST) * torch.sigmoid(output[0])

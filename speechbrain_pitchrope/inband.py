"""The in-band contract: pitch rides as the last four channels of the features.

    wavs -> PitchFbank -> [B, T, n_mels + 4] -> PitchInputNormalization
         -> PitchAugmenter -> PitchConvolutionFrontEnd -> [B, T / 4, F + 4]
         -> PitchTransformerASR -> every attention layer, as ``pos_embs`` [B, T / 4, 4]

Pitch is never kept in the hidden state of a module. So whatever a recipe does to its
frames (batching, replication, warping, masking, chunking), pitch stays with its frame.

============== ================================================= ============
channel        meaning                                           range
============== ================================================= ============
``log_f0``     octaves above the speaker's level, 0 where        -1.5 .. 1.5
               unvoiced; if pooled, that of voiced frames
``voicing``    probability that the frame is voiced              0 .. 1
``register``   that level: mean log2 f0 of voiced frames, in     -1.5 .. 1.5
               octaves above 150 Hz
``prominence`` loudness of the frame against the speaker's       -1 .. 1
               level, squashed
============== ================================================= ============

Every class between PitchFbank and the encoder follows one rule: the first
``n_features`` channels are its own, and what rides behind them passes through with its
frame. Pitch is always last; samples may ride before it
(``speechbrain_pitchrope.lobes.models.multistream``).

Zero is neutral in every channel: a padded, masked or missing frame is four zeros, and
where all frames are, attention computes plain RoPE.
"""

from typing import NamedTuple

import torch

CHANNELS = ("log_f0", "voicing", "register", "prominence")
N_CHANNELS = len(CHANNELS)

REFERENCE_HZ = 150.0
"""The f0 at which ``register`` is 0."""

MAX_OCTAVES = 1.5
"""Bound of ``log_f0`` and ``register``; 150 Hz +- 1.5 octaves is 53 .. 424 Hz."""

VOICED = 0.5
"""A frame is voiced when its ``voicing`` is at least this."""


class Pitch(NamedTuple):
    """The four channels by name, each of shape [..., T]."""

    log_f0: torch.Tensor
    voicing: torch.Tensor
    register: torch.Tensor
    prominence: torch.Tensor


def pack(pitch):
    """Stack four channels [..., T] to [..., T, 4], inside the contract's ranges.

    Example
    -------
    >>> one = torch.ones(2, 5)
    >>> pack(Pitch(9 * one, one, one, one))[0, 0]
    tensor([1.5000, 1.0000, 1.0000, 1.0000])
    """
    channels = (
        pitch.log_f0.clamp(-MAX_OCTAVES, MAX_OCTAVES),
        pitch.voicing.clamp(0.0, 1.0),
        pitch.register.clamp(-MAX_OCTAVES, MAX_OCTAVES),
        pitch.prominence.clamp(-1.0, 1.0),
    )
    return torch.stack(channels, dim=-1)


def unpack(channels):
    """Name the four channels of a [..., T, 4] tensor: the inverse of ``pack``."""
    return Pitch(*channels.unbind(-1))


def append(features, channels):
    """Put the pitch channels [..., T, 4] behind the features [..., T, F]."""
    return torch.cat((features, channels.to(features.dtype)), dim=-1)


def split(features, n_features=None):
    """The first n_features channels, all but pitch if not given, and the others."""
    if n_features is None:
        n_features = features.shape[-1] - N_CHANNELS
    elif features.shape[-1] < n_features + N_CHANNELS:
        raise ValueError(
            f"found {features.shape[-1]} channels, expected {n_features} features and "
            f"the {N_CHANNELS} pitch channels at least: make n_features what it is in "
            "the class before, n_mels or d_model"
        )
    return features[..., :n_features], features[..., n_features:]


def present(frames):
    """1 for a frame with any channel that is not zero and 0 for others, [..., T, 1]."""
    return (frames != 0).any(-1, keepdim=True).to(frames.dtype)


def f0_in_hz(channels):
    """The f0 of [..., T, 4] channels: 150 * 2 ** (register + log_f0), 0 if unvoiced.

    Example
    -------
    >>> f0_in_hz(torch.tensor([[0.5, 1.0, 0.5, 0.0], [0.0, 0.0, 0.5, 0.0]]))
    tensor([300.,   0.])
    """
    pitch = unpack(channels)
    f0_hz = REFERENCE_HZ * torch.exp2(pitch.register + pitch.log_f0)
    return torch.where(pitch.voicing >= VOICED, f0_hz, torch.zeros_like(f0_hz))


def without_noise(channels):
    """Make frames of [..., T, 4] neutral that were masked by noise in every channel.

    Noise is what pitch never is: a voicing outside 0 .. 1, or a ``log_f0`` in an
    unvoiced frame. (Of BEST-RQ's noise, Gaussian of standard deviation 0.1, three
    frames in ten million pass for pitch.) If nearly all frames are so, then they were
    not masked but changed: they are returned as they are, for ``require_range``.
    """
    pitch = unpack(channels)
    noise = (pitch.voicing < 0) | (pitch.voicing > 1)
    noise |= (pitch.log_f0 != 0) & (pitch.voicing < VOICED)
    is_masking = noise.sum() <= _MASKABLE * (channels != 0).any(-1).sum()
    return channels.masked_fill((noise & is_masking)[..., None], 0.0)


class FirstBatches:
    """Counts the batches of which a module checks the values.

    A check waits for the device, so it is made of the first ten batches, and of ten
    more after a state dict was loaded. While torch compiles or exports there is none.
    """

    def __init__(self, module):
        self.start()
        module.register_load_state_dict_pre_hook(self.start)

    def start(self, *_hook_arguments):
        """Count from the beginning."""
        self.left = CHECKED_BATCHES

    def one_more(self):
        """Count a batch; True if it is one of the first."""
        if torch.compiler.is_compiling() or self.left == 0:
            return False
        self.left -= 1
        return True


def require_width(features, n_features, consumer, culprit, n_samples=0):
    """Raise a ValueError unless there are n_features + n_samples + 4 channels.

    ``consumer`` is the class that asks, ``culprit`` the row of
    ``speechbrain_pitchrope.names`` whose class would have added the pitch channels.
    """
    found, expected = features.shape[-1], n_features + n_samples + N_CHANNELS
    if found == expected:
        return
    samples = f", {n_samples} samples of waveform" if n_samples else ""
    mistake = (
        f"The pitch channels are missing: {culprit.advice}."
        if found == n_features
        else f"If pitch is among them, there are {found - N_CHANNELS} others: make the "
        f"size of {consumer} agree with the class before it (n_mels with input_shape, "
        "or the front end's output with input_size), and give compute_features and the "
        "transformer the streams of one variant."
    )
    raise ValueError(
        f"{consumer} found {found} channels, expected {expected} ({n_features} features"
        f"{samples} and the {N_CHANNELS} pitch channels {', '.join(CHANNELS)}). "
        f"{mistake}"
    )


def require_range(features, consumer, culprits):
    """Raise a ValueError if the pitch channels, the last four, have been changed.

    A normaliser or an augmenter that does not know of pitch shifts, scales and masks
    the last four channels like mel bands. That leaves traces: a voicing probability
    outside 0 .. 1, or the same fill value in every channel of a frame. ``culprits`` are
    the rows of ``speechbrain_pitchrope.names`` whose classes the channels have passed.
    """
    if features.numel() == 0:
        return
    pitch = unpack(split(features.detach())[1])
    low, high = pitch.voicing.min().item(), pitch.voicing.max().item()
    filled = (pitch.log_f0 == pitch.voicing) & (pitch.voicing == pitch.prominence)
    filled = (filled & (pitch.voicing != 0)).sum().item()
    if low >= -_TOLERANCE and high <= 1 + _TOLERANCE and filled < _FILLED_FRAMES:
        return
    if filled >= _FILLED_FRAMES:
        trace = f"{filled} frames whose pitch channels all hold one fill value"
    else:
        trace = f"voicing from {low:.2f} to {high:.2f}, expected 0 to 1"
    advice = ", or ".join(row.advice for row in culprits)
    raise ValueError(
        f"{consumer} found {trace}: a class that does not know of the pitch channels "
        f"has changed them; {advice}."
    )


CHECKED_BATCHES = 10
"""Batches of which a module checks the values; see ``FirstBatches``."""

_TOLERANCE = 0.01  # bfloat16 keeps 8 bits
_MASKABLE = 0.9  # BEST-RQ masks at most 0.6 of the shortest utterance's frames
_FILLED_FRAMES = 5  # by chance one frame in 10 million is, never five of a batch

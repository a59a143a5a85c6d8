"""Augmentation of features that carry pitch.

An augmentation of SpeechBrain works on mels and knows nothing of pitch. Here it gets
the mels alone, so they come out bit-equal to upstream's under the same seed. Before
that, a copy of it works from the same state of the random generators on what rides
behind them: pitch follows in time, and in nothing else.
"""

import copy
import random
from contextlib import contextmanager

import torch
from speechbrain.augment.augmenter import Augmenter
from speechbrain.augment.freq_domain import RandomShift, SpectrogramDrop, Warping

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.names import FBANK, NORMALIZE


class PitchAugmenter(Augmenter):
    """SpeechBrain's Augmenter for features with pitch channels behind them.

    - Time warping takes pitch along, each frame from the nearest source frame, so that
      f0 and voicing are never blended.
    - Time dropping makes the dropped frames' pitch zero, which is neutral; where
      upstream fills the gap with other frames (``replace: cutcat`` or ``swap``), pitch
      comes with those.
    - Whatever works along frequency leaves pitch alone.

    Selection, order, repetition and concatenation are upstream's, and so are
    ``replicate_labels`` and the checkpoint.

    Arguments
    ---------
    *args, **kwargs
        As in ``speechbrain.augment.augmenter.Augmenter``.
    n_features : int, optional
        How many channels to augment: all before pitch if not given. What rides behind
        them follows in time.

    Example
    -------
    >>> fea_augment = PitchAugmenter(augmentations=[SpectrogramDrop(dim=2), Warping()])
    >>> features, lengths = torch.rand(4, 150, 84), torch.ones(4)
    >>> augmented, lengths = fea_augment(features, lengths)
    >>> augmented.shape
    torch.Size([4, 150, 84])
    """

    def __init__(self, *args, n_features=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.first_batches = inband.FirstBatches(self)
        self.augmentations = {
            name: _WithPitch(augmentation, n_features)
            for name, augmentation in self.augmentations.items()
        }

    def forward(self, x, lengths):
        """Augment features with pitch [B, T, F + 4]; else as upstream."""
        if x.ndim != 3:
            raise ValueError(
                f"PitchAugmenter found a tensor of shape {list(x.shape)}, expected "
                "features with pitch, [batch, time, channels]: waveforms are augmented "
                "by speechbrain.augment.augmenter.Augmenter"
            )
        if self.first_batches.one_more():
            inband.require_range(x, type(self).__name__, (FBANK, NORMALIZE))
        return super().forward(x, lengths)


class _WithPitch:
    """One augmentation of the mels; what rides behind them follows it in time."""

    def __init__(self, augmentation, n_features):
        self.augmentation, self.n_features = augmentation, n_features
        kinds = [kind for kind in _FOLLOWERS if isinstance(augmentation, kind)]
        if not kinds:
            raise ValueError(
                f"PitchAugmenter does not know what {type(augmentation).__name__} does "
                f"to time: it follows {', '.join(x.__name__ for x in _FOLLOWERS)}; "
                "apply others to the waveform, before the features"
            )
        self.follow = _FOLLOWERS[kinds[0]]

    def __call__(self, x, **lengths):
        mels, riders = inband.split(x, self.n_features)
        if self.augmentation.dim == 1:  # time; along frequency, pitch stays as it is
            with _same_random_numbers(x.device):
                riders = self.follow(copy.copy(self.augmentation), riders, **lengths)
        out = self.augmentation(mels.contiguous(), **lengths)
        if isinstance(out, tuple):
            return inband.append(out[0], riders), *out[1:]
        return inband.append(out, riders)


@contextmanager
def _same_random_numbers(device):
    """What is drawn inside is drawn once more by what comes after."""
    state = random.getstate()
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield
    random.setstate(state)


def _shift(augmentation, channels, **lengths):
    """Shifting in time: pitch is shifted alike."""
    shifted, _lengths = augmentation(channels.contiguous(), **lengths)
    return shifted


def _drop(augmentation, channels, **_lengths):
    """Dropping in time: pitch is dropped, or comes with the frames put instead."""
    if augmentation.replace == "random_selection":
        augmentation.replace = random.choice(augmentation.replace_opts[:-1])
    if augmentation.replace not in ("cutcat", "swap"):
        augmentation.replace = "zeros"
    return augmentation(channels.clone())


def _warp(augmentation, channels, **_lengths):
    """Warping in time: each frame's pitch is that of the nearest source frame."""
    n_frames = channels.shape[1]
    ramp = torch.arange(n_frames, dtype=torch.float32, device=channels.device)
    augmentation.warp_mode = "bilinear"  # exact on a ramp, also at its ends
    frames = augmentation(ramp[None, :, None].clone()).flatten().round().long()
    return channels[:, frames.clamp(0, n_frames - 1)]


_FOLLOWERS = {SpectrogramDrop: _drop, Warping: _warp, RandomShift: _shift}
"""What pitch does under an augmentation in time."""

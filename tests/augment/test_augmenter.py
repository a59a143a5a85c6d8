"""PitchAugmenter: upstream's on the mels, pitch follows time and nothing else."""

import itertools
import random

import pytest
import torch
from speechbrain.augment.augmenter import Augmenter
from speechbrain.augment.freq_domain import RandomShift, SpectrogramDrop, Warping
from speechbrain.augment.time_domain import DropChunk

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.augment.augmenter import PitchAugmenter
from tests.signals import pitch_channels

REPLACEMENTS = ("zeros", "mean", "rand", "cutcat", "swap", "random_selection")


def run(cls, x, seed, **settings):
    """One augmentation of each kind, in time and in frequency."""
    kinds = itertools.product(REPLACEMENTS, (1, 2))
    drops = [SpectrogramDrop(5, 9, 2, 2, replace=how, dim=dim) for how, dim in kinds]
    others = [Warping(), Warping(dim=2), RandomShift(-3, 3), RandomShift(dim=2)]
    random.seed(seed)
    torch.manual_seed(seed)
    augmenter = cls(augmentations=[*drops, *others], **settings)
    out, lengths = augmenter(x.clone(), torch.tensor([1.0, 0.8, 0.6, 0.9]))
    return out, lengths, augmenter.replicate_labels(torch.arange(4)), torch.rand(1)


@pytest.mark.parametrize(
    "settings",
    [
        {"min_augmentations": 16, "max_augmentations": 16},
        {"min_augmentations": 1, "max_augmentations": 3, "shuffle_augmentations": True},
        {"concat_original": True, "repeat_augment": 2, "max_augmentations": 2},
        {"parallel_augment": True, "max_augmentations": 4},
        {"augment_prob": 0.0},
    ],
    ids=["all", "shuffled", "concatenated", "parallel", "never"],
)
@pytest.mark.parametrize("seed", range(3))
def test_mels_lengths_labels_and_random_numbers_are_upstreams(settings, seed):
    """And a waveform between mels and pitch goes with its pitch."""
    mels, channels = torch.randn(4, 60, 20), pitch_channels(4, 60, seed)
    x = torch.cat((mels, channels.repeat(1, 1, 40), channels), -1)
    expected, *others_expected = run(Augmenter, mels, seed, **settings)
    found, *others = run(PitchAugmenter, x, seed, n_features=20, **settings)
    assert torch.equal(found[..., :20], expected)
    assert torch.equal(found[..., 20:-4], found[..., -4:].repeat(1, 1, 40))
    assert all(map(torch.equal, others, others_expected))
    inband.require_range(found, "test", [])


def follow(augmentation, channels, mels, seed=0):
    """Mels and pitch after one augmentation."""
    torch.manual_seed(seed)
    augmenter = PitchAugmenter(augmentations=[augmentation])
    out, _ = augmenter(inband.append(mels, channels), torch.ones(len(channels)))
    return inband.split(out)


@pytest.mark.parametrize(
    "augmentation",
    [SpectrogramDrop(dim=2, replace="mean"), Warping(dim=2), RandomShift(1, 3, dim=2)],
    ids=lambda augmentation: type(augmentation).__name__,
)
def test_frequency_leaves_pitch_alone(augmentation):
    channels, mels = pitch_channels(4, 60), torch.randn(4, 60, 20)
    assert torch.equal(follow(augmentation, channels, mels)[1], channels)


@pytest.mark.parametrize("replace", [*REPLACEMENTS, None])
def test_pitch_goes_where_its_frame_goes_and_is_neutral_where_none_came(replace):
    drop = SpectrogramDrop(5, 9, 2, 2, replace=replace or "zeros")
    augmentation = drop if replace else RandomShift(4, 4)
    channels, mels = pitch_channels(4, 60), torch.randn(4, 60, 20)
    out, pitch = follow(augmentation, channels, mels)
    came_from = (out.flatten(0, 1)[:, None] == mels.flatten(0, 1)).all(-1)
    assert torch.equal(pitch.flatten(0, 1), came_from.float() @ channels.flatten(0, 1))
    assert not torch.equal(out, mels)


@pytest.mark.parametrize("seed", range(5))
def test_warped_pitch_is_the_nearest_source_frames(seed):
    """So f0 and voicing are never blended."""
    channels = pitch_channels(1, 80)
    channels[..., 2] = torch.linspace(-1, 1, 80)
    mels = torch.arange(80.0)[None, :, None].repeat(1, 1, 20)
    out, pitch = follow(Warping(warp_window=8), channels, mels, seed)
    source = (pitch[0, :, 2] + 1) / 2 * 79
    inner = slice(2, -2)  # bicubic bends a ramp at its ends
    assert ((source - out[0, :, 0])[inner].abs() < 0.9).all()
    assert (source.diff() >= -1e-4).all()
    assert torch.equal(pitch, channels[:, source.round().long()])


def test_what_can_not_be_followed_is_refused():
    augmenter = PitchAugmenter(augmentations=[Warping()])
    with pytest.raises(ValueError, match="waveforms are augmented by"):
        augmenter(torch.zeros(2, 16000), torch.ones(2))
    with pytest.raises(ValueError, match="`compute_features`"):
        augmenter(-30 + 10 * torch.randn(2, 50, 80), torch.ones(2))
    with pytest.raises(ValueError, match="does not know what DropChunk does to time"):
        PitchAugmenter(augmentations=[DropChunk()])

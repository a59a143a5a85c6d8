"""PitchAugmenter: upstream's on the mels, pitch follows time and nothing else."""

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


def augmentations():
    """One of each kind, in time and in frequency."""
    drops = [
        SpectrogramDrop(5, 9, 2, 2, replace=replace, dim=dim)
        for replace in REPLACEMENTS
        for dim in (1, 2)
    ]
    return [*drops, Warping(), Warping(dim=2), RandomShift(-3, 3), RandomShift(dim=2)]


def run(cls, x, seed, **settings):
    random.seed(seed)
    torch.manual_seed(seed)
    augmenter = cls(augmentations=augmentations(), **settings)
    out, lengths = augmenter(x.clone(), torch.tensor([1.0, 0.8, 0.6, 0.9]))
    return augmenter, out, lengths, torch.rand(1)


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
    upstream, expected, expected_lengths, expected_after = run(
        Augmenter, mels, seed, **settings
    )
    ours, found, lengths, after = run(
        PitchAugmenter, x, seed, n_features=20, **settings
    )
    assert torch.equal(found[..., :20], expected)
    assert torch.equal(found[..., 20:-4], found[..., -4:].repeat(1, 1, 40))
    assert torch.equal(lengths, expected_lengths)
    assert torch.equal(after, expected_after)
    labels = torch.arange(4)
    assert torch.equal(ours.replicate_labels(labels), upstream.replicate_labels(labels))
    inband.require_range(found, "test", [])


def follow(augmentation, channels, mels=None, seed=0):
    """Mels and pitch after one augmentation."""
    if mels is None:
        mels = torch.randn(*channels.shape[:2], 20)
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
    channels = pitch_channels(4, 60)
    assert torch.equal(follow(augmentation, channels)[1], channels)


@pytest.mark.parametrize("replace", ["zeros", "mean", "rand"])
def test_dropped_frames_are_neutral_and_others_as_before(replace):
    channels, mels = pitch_channels(4, 60), torch.randn(4, 60, 20)
    drop = SpectrogramDrop(5, 9, 2, 2, replace=replace)
    out, pitch = follow(drop, channels, mels)
    dropped = (out != mels).any(-1)
    assert dropped.any()
    assert not pitch[dropped].any()
    assert torch.equal(pitch[~dropped], channels[~dropped])


@pytest.mark.parametrize("replace", ["cutcat", "swap"])
def test_pitch_comes_with_the_frames_put_instead(replace):
    """The first mel numbers the frames, and pitch carries the same number."""
    channels = torch.zeros(4, 60, 4)
    channels[..., 2] = torch.linspace(-1, 1, 240).view(4, 60)
    mels = channels[..., 2:3].repeat(1, 1, 20)
    out, pitch = follow(SpectrogramDrop(5, 9, 2, 2, replace=replace), channels, mels)
    assert not torch.equal(out, mels)
    torch.testing.assert_close(pitch[..., 2], out[..., 0])


def test_shifted_pitch_is_shifted_with_the_mels():
    channels = pitch_channels(2, 60)
    mels = channels[..., :1].repeat(1, 1, 20)
    out, pitch = follow(RandomShift(4, 4), channels, mels)
    assert torch.equal(pitch[..., 0], out[..., 0])
    assert not torch.equal(pitch, channels)


@pytest.mark.parametrize("seed", range(5))
def test_warped_pitch_is_the_nearest_source_frames(seed):
    channels = torch.zeros(1, 80, 4)
    channels[..., 2] = torch.linspace(-1, 1, 80)
    mels = torch.arange(80.0)[None, :, None].repeat(1, 1, 20)
    out, pitch = follow(Warping(warp_window=8), channels, mels, seed)
    source = (pitch[0, :, 2] + 1) / 2 * 79
    inner = slice(2, -2)  # bicubic bends a ramp at its ends
    assert ((source - out[0, :, 0])[inner].abs() < 0.9).all()
    torch.testing.assert_close(source, source.round(), atol=1e-4, rtol=0)
    assert (source.diff() >= -1e-4).all()


def test_warping_never_blends_f0_and_voicing():
    channels = pitch_channels(2, 80)
    _, pitch = follow(Warping(warp_window=8), channels)
    rows = {tuple(row) for row in channels.flatten(0, 1).tolist()}
    assert all(tuple(row) in rows for row in pitch.flatten(0, 1).tolist())


def test_waveforms_and_bare_features_are_refused():
    augmenter = PitchAugmenter(augmentations=[Warping()])
    with pytest.raises(ValueError, match="waveforms are augmented by"):
        augmenter(torch.zeros(2, 16000), torch.ones(2))
    with pytest.raises(ValueError, match="`compute_features`"):
        augmenter(-30 + 10 * torch.randn(2, 50, 80), torch.ones(2))


def test_unknown_augmentation_is_refused():
    with pytest.raises(ValueError, match="does not know what DropChunk does to time"):
        PitchAugmenter(augmentations=[DropChunk()])

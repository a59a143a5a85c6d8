"""The contract: round trips, neutrality, and errors that name the yaml entry."""

import copy

import pytest
import torch

from speechbrain_pitchrope import inband, names
from tests.signals import pitch_channels


def test_append_and_split_are_inverse():
    features, channels = torch.randn(2, 7, 80), pitch_channels(2, 7)
    again = inband.split(inband.append(features, channels))
    assert torch.equal(again[0], features)
    assert torch.equal(again[1], channels)


def test_pack_and_unpack_are_inverse_within_the_ranges():
    channels = pitch_channels(2, 7)
    assert torch.equal(inband.pack(inband.unpack(channels)), channels)


def test_zero_is_unvoiced():
    assert not inband.f0_in_hz(torch.zeros(3, 4)).any()


def test_width_error_names_the_missing_class():
    features = torch.zeros(2, 7, 80)
    with pytest.raises(ValueError, match=r"compute_features.*PitchFbank"):
        inband.require_width(features, 80, "Consumer", names.FBANK)
    with pytest.raises(ValueError, match="have 76 channels beside pitch"):
        inband.require_width(features, 60, "Consumer", names.FBANK)


def test_untouched_channels_pass():
    inband.require_range(pitch_channels(4, 50), "Consumer", [names.NORMALIZE])
    inband.require_range(torch.zeros(4, 50, 4), "Consumer", [names.NORMALIZE])
    half = pitch_channels(4, 50).to(torch.bfloat16)
    inband.require_range(half, "Consumer", [names.NORMALIZE])


@pytest.mark.parametrize("touched", ["standardised", "filled", "not a number"])
def test_touched_channels_are_refused(touched):
    channels = pitch_channels(4, 50)
    if touched == "standardised":
        channels = (channels - channels.mean((0, 1))) / channels.std((0, 1))
    elif touched == "filled":
        channels[1, 10:25] = 0.003
    else:
        channels[2, 3, 1] = torch.nan
    with pytest.raises(ValueError, match=r"Consumer found.*`normalize`"):
        inband.require_range(channels, "Consumer", [names.NORMALIZE])


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_told_from_pitch(seed):
    torch.manual_seed(seed)
    channels = pitch_channels(4, 500, seed)
    assert torch.equal(inband.without_noise(channels), channels)
    masked = torch.rand(500) < 0.6
    noisy = channels.clone()
    noisy[:, masked] = 0.1 * torch.randn(4, int(masked.sum()), 4)
    found = inband.without_noise(noisy)
    assert torch.equal(found[:, ~masked], channels[:, ~masked])
    assert not found[:, masked].any()


def test_a_copied_module_counts_its_own_batches():
    net = torch.nn.Linear(2, 3)
    net.first_batches = inband.FirstBatches(net)
    other = copy.deepcopy(net)
    while net.first_batches.one_more():
        pass
    assert other.first_batches.left == inband.CHECKED_BATCHES
    other.load_state_dict(net.state_dict())
    assert not net.first_batches.one_more()
    net.load_state_dict(other.state_dict())
    assert net.first_batches.one_more()

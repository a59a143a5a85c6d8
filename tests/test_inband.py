"""The contract: round trips, neutrality, and errors that name the yaml entry."""

import copy

import pytest
import torch

from speechbrain_pitchrope import inband, names
from tests.signals import pitch_channels


def test_round_trips():
    features, channels = torch.randn(2, 7, 80), pitch_channels(2, 7)
    again = inband.split(inband.append(features, channels))
    assert torch.equal(again[0], features)
    assert torch.equal(again[1], channels)
    assert torch.equal(inband.pack(inband.unpack(channels)), channels)


@pytest.mark.parametrize("touched", ["standardised", "filled", "not a number"])
def test_touched_channels_are_refused(touched):
    channels = pitch_channels(4, 50)
    for untouched in (channels, 0 * channels, channels.to(torch.bfloat16)):
        inband.require_range(untouched, "Consumer", [names.NORMALIZE])
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
    assert torch.equal(inband.without_noise(noisy), channels * ~masked[:, None])


def test_a_copied_module_counts_its_own_batches():
    net = torch.nn.Linear(2, 3)
    net.first_batches = inband.FirstBatches(net)
    other = copy.deepcopy(net)
    assert sum(net.first_batches.one_more() for _ in range(25)) == 10
    assert other.first_batches.left == 10
    other.load_state_dict(net.state_dict())
    assert not net.first_batches.one_more()
    net.load_state_dict(other.state_dict())
    assert net.first_batches.one_more()

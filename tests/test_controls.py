"""Controls destroy the information and nothing else."""

import pytest
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.controls import CONTROLS, shuffled_f0
from tests.signals import pitch_channels

LENGTHS = torch.tensor([20, 13, 6])


def batch():
    """Channels of three utterances, zero where padded."""
    channels = pitch_channels(3, 20)
    return channels * (torch.arange(20) < LENGTHS[:, None])[..., None]


@pytest.mark.parametrize("name", CONTROLS)
def test_padding_stays_neutral_and_ranges_hold(name):
    controlled = CONTROLS[name](batch(), LENGTHS)
    assert controlled.shape == (3, 20, 4)
    for utterance, length in zip(controlled, LENGTHS, strict=True):
        assert not utterance[length:].any()
    torch.testing.assert_close(inband.pack(inband.unpack(controlled)), controlled)


def test_contours_move_to_another_utterance_with_their_lengths():
    channels = batch()
    f0, voicing, register, prominence = inband.unpack(shuffled_f0(channels, LENGTHS))
    given = inband.unpack(channels)
    # 13 frames of utterance 1 fill the 20 of utterance 0, by beginning again.
    assert torch.equal(f0[0], given.log_f0[1, :13].repeat(2)[:20])
    assert torch.equal(voicing[1, :13], given.voicing[2, :6].repeat(3)[:13])
    assert torch.equal(register[2, :6], given.register[0, :6])
    assert torch.equal(prominence, given.prominence)


def test_an_utterance_alone_gets_its_contour_backwards():
    channels = batch()[1:2]
    shuffled = shuffled_f0(channels, LENGTHS[1:2])
    assert torch.equal(shuffled[0, :13, :3], channels[0, :13, :3].flip(0))
    assert torch.equal(shuffled[..., 3], channels[..., 3])


@pytest.mark.parametrize("name", ["constant_f0", "voicing_only"])
def test_no_f0_is_left(name):
    pitch = inband.unpack(CONTROLS[name](batch(), LENGTHS))
    assert not pitch.log_f0.any() and not pitch.register.any()
    if name == "voicing_only":
        assert torch.equal(pitch.voicing, inband.unpack(batch()).voicing)

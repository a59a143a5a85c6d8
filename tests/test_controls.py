"""Controls destroy the information and nothing else."""

import pytest
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.controls import CONTROLS, shuffled_f0
from tests.signals import pitch_channels

LENGTHS = torch.tensor([20, 13, 6])
INSIDE = (torch.arange(20) < LENGTHS[:, None])[..., None]
CHANNELS = pitch_channels(3, 20) * INSIDE


@pytest.mark.parametrize("name", CONTROLS)
def test_padding_stays_neutral_ranges_hold_and_f0_goes(name):
    controlled = CONTROLS[name](CHANNELS, LENGTHS)
    assert not (controlled * ~INSIDE).any()
    torch.testing.assert_close(inband.pack(inband.unpack(controlled)), controlled)
    if name != "shuffled_f0":
        assert not controlled[..., [0, 2]].any()
    assert torch.equal(controlled[..., 1], CHANNELS[..., 1]) == (name == "voicing_only")


def test_contours_move_to_another_utterance_with_their_lengths():
    shuffled = shuffled_f0(CHANNELS, LENGTHS)
    moved, given = shuffled[..., :3], CHANNELS[..., :3]
    # 13 frames of utterance 1 fill the 20 of utterance 0, by beginning again.
    assert torch.equal(moved[0], given[1, :13].repeat(2, 1)[:20])
    assert torch.equal(moved[1, :13], given[2, :6].repeat(3, 1)[:13])
    assert torch.equal(moved[2, :6], given[0, :6])
    assert torch.equal(shuffled[..., 3], CHANNELS[..., 3])


def test_an_utterance_alone_gets_its_contour_backwards():
    shuffled = shuffled_f0(CHANNELS[1:2], LENGTHS[1:2])
    assert torch.equal(shuffled[0, :13, :3], CHANNELS[1, :13, :3].flip(0))
    assert torch.equal(shuffled[..., 3], CHANNELS[1:2, :, 3])

"""PitchRandomProjectionQuantizer: the codes of the mels alone."""

import pytest
import torch
from speechbrain.nnet.quantisers import RandomProjectionQuantizer

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet.quantisers import PitchRandomProjectionQuantizer
from tests.signals import pitch_channels

N_MELS = 20


def build(cls, stacked=4):
    torch.manual_seed(0)
    return cls(stacked * N_MELS, 16, 64)


@pytest.mark.parametrize("stacked", [1, 2, 4, 5])
def test_codes_are_upstreams_on_the_mels_whatever_the_pitch(stacked):
    upstream = build(RandomProjectionQuantizer, stacked)
    ours = build(PitchRandomProjectionQuantizer, stacked)
    assert upstream.state_dict().keys() == ours.state_dict().keys()
    mels = torch.randn(3, 40, N_MELS)
    features = inband.append(mels, pitch_channels(3, 40))
    expected = upstream(mels.view(3, 40 // stacked, -1))
    assert expected.unique().numel() > 5
    assert torch.equal(ours(features.view(3, 40 // stacked, -1)), expected)


def test_wrong_widths_are_named():
    quantiser = build(PitchRandomProjectionQuantizer)
    with pytest.raises(ValueError, match=r"found 80 channels.*`compute_features`"):
        quantiser(torch.zeros(2, 10, 4 * N_MELS))
    for width in (4 * N_MELS + 3, 4 * N_MELS + 12, 4 * N_MELS - 4):
        with pytest.raises(ValueError, match=f"found {width} channels.*Make input_dim"):
            quantiser(torch.zeros(2, 10, width))

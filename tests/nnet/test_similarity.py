"""The folded bias."""

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet import similarity
from tests import reference


def test_three_cosines_are_within_0014_of_the_gaussian():
    distance = torch.linspace(-5, 5, 2001, dtype=torch.float64)
    gaussian = torch.exp(-(distance**2) / 2)
    assert (reference.cosine_kernel(distance, 1.0) - gaussian).abs().max() < 0.014
    # No two frames are further apart.
    assert 2 * inband.MAX_OCTAVES / similarity.sigma(torch.tensor(-50.0)) <= 5.0001

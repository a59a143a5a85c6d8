"""The folded bias."""

import pytest
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet import similarity
from tests import reference
from tests.signals import pitch_channels


def test_three_cosines_are_within_0014_of_the_gaussian():
    distance = torch.linspace(-5, 5, 2001, dtype=torch.float64)
    gaussian = torch.exp(-(distance**2) / 2)
    assert (reference.cosine_kernel(distance, 1.0) - gaussian).abs().max() < 0.014
    # No two frames are further apart.
    assert 2 * inband.MAX_OCTAVES / similarity.sigma(torch.tensor(-50.0)) <= 5.0001


@pytest.mark.parametrize("form", ["cosines", "gaussian"])
def test_columns_multiply_to_the_dense_bias(form):
    pitch = inband.unpack(pitch_channels(2, 20, dtype=torch.float64))
    names = similarity.SIMILARITY[form].parameters
    parameters = {
        name: torch.randn(5, *similarity.PARAMETERS[name][0], dtype=torch.float64)
        for name in names
    }
    columns = similarity.SIMILARITY[form].columns(pitch, 0.5, **parameters)
    bias = 0.5 * torch.einsum("bmhc,bnhc->bhmn", *columns)
    both_voiced = pitch.voicing[:, None, :, None] * pitch.voicing[:, None, None, :]
    distance = pitch.log_f0[:, None, :, None] - pitch.log_f0[:, None, None, :]
    x = {name: value[..., None, None] for name, value in parameters.items()}
    if form == "gaussian":
        sigma = 0.6 + x["bandwidth"].exp()
        expected = x["weight"] * reference.cosine_kernel(distance, sigma)
    else:
        phases = [k * distance for k in reference.COSINES]
        even = sum(x["even"][:, j] * phase.cos() for j, phase in enumerate(phases))
        odd = sum(x["odd"][:, j] * phase.sin() for j, phase in enumerate(phases))
        torch.testing.assert_close(even, even.mT)
        torch.testing.assert_close(odd, -odd.mT)
        expected = even + odd
    torch.testing.assert_close(bias, both_voiced * (expected + x["voiced"]))

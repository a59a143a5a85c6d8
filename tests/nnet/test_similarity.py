"""The folded bias."""

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet import similarity
from tests import reference
from tests.signals import pitch_channels


def test_three_cosines_are_within_0014_of_the_gaussian():
    distance = torch.linspace(-5, 5, 2001, dtype=torch.float64)
    gaussian = torch.exp(-(distance**2) / 2)
    assert (reference.cosine_kernel(distance, 1.0) - gaussian).abs().max() < 0.014


def test_no_two_frames_are_further_apart_than_the_cosines_hold():
    sigma = similarity.bandwidth(torch.tensor([-50.0]))
    assert 2 * inband.MAX_OCTAVES / sigma <= 5.0001


def bias(columns):
    return torch.einsum("bmhc,bnhc->bhmn", *columns)


def test_columns_multiply_to_the_dense_bias():
    pitch = inband.unpack(pitch_channels(2, 20, dtype=torch.float64))
    even, odd = torch.randn(2, 5, 3, dtype=torch.float64)
    beta, mu, sigma = torch.randn(3, 5, dtype=torch.float64)
    sigma = 0.6 + sigma.abs()
    both_voiced = pitch.voicing[:, None, :, None] * pitch.voicing[:, None, None, :]
    distance = pitch.log_f0[:, None, :, None] - pitch.log_f0[:, None, None, :]
    beta_h, mu_h, sigma_h = (x[:, None, None] for x in (beta, mu, sigma))
    gaussian = beta_h * reference.cosine_kernel(distance, sigma_h) + mu_h
    cosines = mu_h + sum(
        even[:, j, None, None] * torch.cos(k * distance)
        + odd[:, j, None, None] * torch.sin(k * distance)
        for j, k in enumerate(reference.COSINES)
    )
    for columns, expected in (
        (similarity.gaussian_columns(pitch, beta, mu, sigma), gaussian),
        (similarity.cosine_columns(pitch, even, odd, mu), cosines),
    ):
        assert all(x.shape == (2, 20, 5, similarity.N_COLUMNS) for x in columns)
        torch.testing.assert_close(bias(columns), both_voiced * expected)


def test_even_part_is_symmetric_and_odd_part_antisymmetric():
    pitch = inband.unpack(pitch_channels(2, 20, dtype=torch.float64))
    weights, zero = torch.randn(5, 3, dtype=torch.float64), torch.zeros(5, 3).double()
    even = bias(similarity.cosine_columns(pitch, weights, zero, zero[:, 0]))
    odd = bias(similarity.cosine_columns(pitch, zero, weights, zero[:, 0]))
    torch.testing.assert_close(even, even.mT)
    torch.testing.assert_close(odd, -odd.mT)
    assert even.abs().max() > 0.1 and odd.abs().max() > 0.1


def test_bias_is_zero_unless_both_frames_are_voiced():
    channels = pitch_channels(1, 10)
    channels[:, 4] = 0
    pitch, one, ones = inband.unpack(channels), torch.ones(3), torch.ones(3, 3)
    for columns in (
        similarity.gaussian_columns(pitch, one, one, one),
        similarity.cosine_columns(pitch, ones, ones, one),
    ):
        assert not bias(columns)[:, :, 4].any()
        assert not bias(columns)[..., 4].any()

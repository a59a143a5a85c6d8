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


def test_columns_multiply_to_the_dense_bias():
    pitch = inband.unpack(pitch_channels(2, 20, dtype=torch.float64))
    beta, mu, sigma = torch.randn(3, 5, dtype=torch.float64)
    sigma = 0.6 + sigma.abs()
    q, k = similarity.gaussian_columns(pitch, beta, mu, sigma)
    assert q.shape == k.shape == (2, 20, 5, similarity.N_COLUMNS)
    found = torch.einsum("bmhc,bnhc->bhmn", q, k)
    v = pitch.voicing[:, None, :, None] * pitch.voicing[:, None, None, :]
    distance = pitch.log_f0[:, None, :, None] - pitch.log_f0[:, None, None, :]
    kernel = reference.cosine_kernel(distance, sigma[:, None, None])
    expected = v * (beta[:, None, None] * kernel + mu[:, None, None])
    torch.testing.assert_close(found, expected)


def test_bias_is_zero_unless_both_frames_are_voiced():
    channels = pitch_channels(1, 10)
    channels[:, 4] = 0
    ones = torch.ones(3)
    q, k = similarity.gaussian_columns(inband.unpack(channels), ones, ones, ones)
    bias = torch.einsum("bmhc,bnhc->bhmn", q, k)
    assert not bias[:, :, 4].any()
    assert not bias[..., 4].any()

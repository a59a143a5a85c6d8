"""The rotary formulas one by one."""

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet import rotary
from tests.signals import pitch_channels


def test_frequencies_are_upstreams():
    from speechbrain.nnet.attention import PrecomputedRoPESinusoids

    upstream = PrecomputedRoPESinusoids(16, 40, torch.float32, torch.device("cpu"))
    theta = rotary.unmodulated_angles(16, rotary.frequencies(40))[:, 0]
    assert torch.equal(theta.cos(), upstream.cosines[:, ::2])
    assert torch.equal(theta.sin(), upstream.sines[:, 1::2])


def test_clocks_never_run_backwards():
    u = torch.tensor([[inband.MAX_OCTAVES, -inband.MAX_OCTAVES] * 8])
    rate = rotary.bounded_rate(torch.tensor([[100.0, -100.0, 0.3]]))
    theta = rotary.angles(u, rate, torch.ones(3))
    assert (theta.diff(dim=1) >= -1e-5).all()


def test_bounded_rate_is_the_identity_near_zero():
    rate = torch.zeros(3, requires_grad=True)
    rotary.bounded_rate(rate).sum().backward()
    assert torch.equal(rate.grad, torch.ones(3))


def test_rotation_is_multiplication_by_a_complex_number():
    x = torch.randn(2, 5, 3, 8, dtype=torch.float64)
    r, theta = torch.rand(2, 2, 5, 3, 4, dtype=torch.float64)
    turned = torch.view_as_complex(x.unflatten(-1, (4, 2))) * torch.polar(r, theta)
    found = rotary.rotate(x, r * theta.cos(), r * theta.sin())
    torch.testing.assert_close(found, torch.view_as_real(turned).flatten(-2))


def test_radii_are_bounded_and_one_for_silent_frames():
    pitch = inband.unpack(pitch_channels(2, 50))
    slope = 100 * torch.randn(2, 4, 3)
    r = rotary.radii(pitch, slope)
    assert r.max() <= torch.exp(torch.tensor(2.001))
    assert r.min() >= torch.exp(torch.tensor(-2.001))
    silent = inband.unpack(torch.zeros(1, 3, 4))
    assert torch.equal(rotary.radii(silent, slope), torch.ones(1, 3, 2, 4))

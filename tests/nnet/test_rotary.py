"""The formulas of rotation and bias one by one."""

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet import rotary, similarity
from tests import reference
from tests.signals import pitch_channels


def test_rates_are_bounded_and_clocks_never_run_backwards():
    channels = torch.zeros(1, 16, 4)
    channels[..., 0] = torch.tensor([inband.MAX_OCTAVES, -inband.MAX_OCTAVES] * 8)
    parameter = torch.tensor([[100.0, -100.0, 0.0]], requires_grad=True)
    rate = rotary.bounded_rate(parameter)
    omega = torch.ones(3)
    unmodulated = rotary.unmodulated_angles(16, omega)
    theta = rotary.phase_angles(inband.unpack(channels), rate, unmodulated, omega)
    assert (theta.diff(dim=1) >= -1e-5).all()
    rate.sum().backward()
    assert parameter.grad[0, 2] == 1


def test_radii_are_bounded_and_one_for_silent_frames():
    slope = 100 * torch.randn(2, 4, 3)
    log_r = rotary.log_radii(inband.unpack(pitch_channels(2, 50)), slope)
    assert log_r.abs().max() == rotary.MAX_LOG_RADIUS
    assert not rotary.log_radii(inband.unpack(torch.zeros(1, 3, 4)), slope).any()


def test_offset_is_relative_in_pitch():
    """A speaker an octave higher turns all frames by the same angles."""
    pitch = inband.unpack(pitch_channels(2, 30, dtype=torch.float64))
    higher = pitch._replace(log_f0=pitch.log_f0 + 1)
    offset, omega = torch.rand(3, 4, dtype=torch.float64), torch.rand(4).double()
    unmodulated = rotary.unmodulated_angles(30, omega)
    found, before = (
        rotary.offset_angles(x, offset, unmodulated) for x in (higher, pitch)
    )
    torch.testing.assert_close(found - before, offset.expand(2, 30, 3, 4))


def test_three_cosines_are_within_0014_of_the_gaussian():
    distance = torch.linspace(-5, 5, 2001, dtype=torch.float64)
    gaussian = torch.exp(-(distance**2) / 2)
    assert (reference.cosine_kernel(distance, 1.0) - gaussian).abs().max() < 0.014
    # No two frames are further apart.
    assert 2 * inband.MAX_OCTAVES / similarity.sigma(torch.tensor(-50.0)) <= 5.0001

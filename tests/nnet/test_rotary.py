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
    zero = torch.zeros_like(u)
    pitch = inband.Pitch(u, zero, zero, zero)
    theta = rotary.phase_angles(pitch, rate, torch.ones(3))
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
    torch.testing.assert_close(torch.complex(*found), turned)


def test_radii_are_bounded_and_one_for_silent_frames():
    pitch = inband.unpack(pitch_channels(2, 50))
    slope = 100 * torch.randn(2, 4, 3)
    r = rotary.log_radii(pitch, slope).exp()
    assert r.max() <= torch.exp(torch.tensor(2.001))
    assert r.min() >= torch.exp(torch.tensor(-2.001))
    silent = inband.unpack(torch.zeros(1, 3, 4))
    assert torch.equal(rotary.log_radii(silent, slope).exp(), torch.ones(1, 3, 2, 4))


def test_mel_frequencies_are_evenly_spaced_in_mel():
    omega = rotary.mel_frequencies(64, torch.float64)
    assert omega[0] == 1
    mels = 2595 * torch.log10(1 + 4000 * omega / 700)
    torch.testing.assert_close(mels.diff(), (-mels[0] / 32).expand(31))


def test_a_shift_of_all_positions_turns_every_frame_alike():
    """All but frame are relative."""
    pitch = inband.unpack(pitch_channels(2, 30, dtype=torch.float64))
    # The same frames, five frames later in a recording that began with the same pitch.
    earlier = [torch.cat((x[:, :1].expand(-1, 5), x), 1) for x in pitch]
    rate, omega = torch.rand(3, 4, dtype=torch.float64) / 2, torch.rand(4).double()
    spread = {}
    for name, theta in rotary.THETA.items():
        later = theta.angles(inband.Pitch(*earlier), rate, omega)[:, 5:]
        shift = later - theta.angles(pitch, rate, omega)
        spread[name] = (shift - shift[:, :1]).abs().max()
    assert spread.pop("frame") > 0.1
    assert max(spread.values()) < 1e-9


def test_offset_is_relative_in_pitch():
    """A speaker an octave higher turns all frames by the same angles."""
    pitch = inband.unpack(pitch_channels(2, 30, dtype=torch.float64))
    higher = pitch._replace(log_f0=pitch.log_f0 + 1)
    offset, omega = torch.rand(3, 4, dtype=torch.float64), torch.rand(4).double()
    shift = rotary.offset_angles(higher, offset, omega) - rotary.offset_angles(
        pitch, offset, omega
    )
    torch.testing.assert_close(shift, offset.expand(2, 30, 3, 4))


def test_sigmoid_radii_tell_only_voiced_from_unvoiced():
    slope = torch.tensor([[[0.3], [-0.2]]])
    channels = torch.zeros(1, 3, 4)
    channels[0, 1:, 1] = 1.0
    channels[0, 2, 0] = 1.2
    r = rotary.sigmoid_log_radii(inband.unpack(channels), slope)[0, :, 0].exp()
    torch.testing.assert_close(r[0], torch.ones(2))
    torch.testing.assert_close(r[1], slope[0, :, 0].exp())
    torch.testing.assert_close(r[1], r[2])

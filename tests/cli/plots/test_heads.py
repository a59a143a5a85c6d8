"""A head's rotations, kernels and notes are those of its module."""

import math

import pytest
import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.cli.plots.heads import trained_head, untrained_head
from speechbrain_pitchrope.nnet import rotary
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run


def test_plain_rotation_is_rope(recording, run):
    for head in (untrained_head(recording), trained_head(run, recording, 1, 0)):
        standard, adapted = head.rotations()
        n_frames, pairs = standard.shape
        assert adapted.shape == (n_frames, head.net.head_dim // 2)
        omega = 10000 ** (-torch.arange(pairs) / pairs)
        theta = torch.arange(n_frames)[:, None] * omega
        torch.testing.assert_close(standard.real, theta.cos(), atol=1e-4, rtol=0)
        torch.testing.assert_close(standard.imag, theta.sin(), atol=1e-4, rtol=0)
        assert (adapted - standard).abs().max() > 0.1


def test_settings_of_zero_are_plain_rope(recording):
    head = untrained_head(recording, rate=0.0, slope=0.0, weight=0.0)
    standard, adapted = head.rotations()
    torch.testing.assert_close(adapted, standard)
    plain, adapted, bias = head.kernels()
    torch.testing.assert_close(adapted, plain)
    assert not bias.any()


def test_untrained_rotation_is_the_formula(recording):
    head = untrained_head(recording, rate=0.5, slope=0.1)
    _, adapted = head.rotations()
    pitch = inband.unpack(head.channels[0])
    u, v, e = pitch.log_f0, pitch.voicing, pitch.prominence
    omega = 10000 ** (-torch.arange(32) / 32)
    theta = omega * (torch.arange(len(u)) + 0.5 * u.cumsum(0))[:, None]
    radius = torch.exp(0.1 * (u * v + v + e))[:, None]
    assert radius.max() > 1.05
    expected = torch.polar(radius.expand_as(theta), theta)
    torch.testing.assert_close(adapted, expected, atol=1e-4, rtol=0)
    assert head.name == "untrained, a = 0.5, rho = 0.1, beta = 1, sigma = 0.75"


def test_trained_rotation_is_that_of_the_layer_and_head(recording, run):
    head = trained_head(run, recording, layer=1, head=1)
    net = run.attention[1]
    with torch.no_grad():
        cosines, sines = net.rotation(
            head.channels.shape[1], inband.unpack(head.channels)
        )
    _, adapted = head.rotations()
    assert torch.equal(adapted, torch.complex(cosines, sines)[0, :, 1])
    assert head.name == "run listening (all), layer 1, head 1"
    other = trained_head(run, recording, layer=0, head=1)
    assert not torch.allclose(other.rotations()[1], adapted, atol=1e-2)


def test_f0_is_that_of_the_voice(recording, run):
    for head in (untrained_head(recording), trained_head(run, recording, 0, 0)):
        f0_hz = head.f0_hz
        assert len(f0_hz) == head.channels.shape[1]
        assert sorted(f0_hz)[-len(f0_hz) // 4] == pytest.approx(180, rel=0.25)
        assert (f0_hz == 0).any()
        assert head.frame_shift == 0.04


def test_f0_is_what_a_control_lets_through(recording, tmp_path):
    make_run(tmp_path / "run", variant="constant_f0")
    head = trained_head(load_trained(tmp_path / "run"), recording, 0, 0)
    assert (head.f0_hz == 150).all()


def test_kernels_are_one_on_the_diagonal_without_radii(recording):
    plain, adapted, bias = untrained_head(recording, slope=0.0, weight=1.5).kernels()
    for kernel in (plain, adapted):
        torch.testing.assert_close(kernel.diagonal(), torch.ones(len(kernel)))
        torch.testing.assert_close(kernel, kernel.T)
    lag_1 = plain.diagonal(1)
    torch.testing.assert_close(lag_1, lag_1[:1].expand_as(lag_1), atol=1e-4, rtol=0)
    assert bias.max() == pytest.approx(1.5, rel=0.03)


def test_notes_are_the_learned_numbers(recording, run):
    head = trained_head(run, recording, layer=0, head=1)
    net = run.attention[0]
    offset = net.rate()[1, 2].item()
    slopes = ", ".join(f"{slope:.2f}" for slope in net.radius_slope[1, 2].tolist())
    first, last = head.notes([2, 99])
    assert first == f"c = {offset:.2f}; rho = {slopes}"
    assert last == ""  # the figure says that there is no such pair
    assert untrained_head(recording, slope=0.0).notes([0]) == ["a = 0.40"]


def test_a_rate_beyond_the_bound(recording):
    with pytest.raises(ValueError, match=r"rate is 0.7: a stays within \+-0.667"):
        untrained_head(recording, rate=0.7)
    almost = math.nextafter(rotary.MAX_RATE, 0)
    assert untrained_head(recording, rate=almost).notes([0])[0].startswith("a = 0.67")

"""The front end of pitch: zeros in, zeros out; nothing at the start; causal."""

import pytest
import torch

from speechbrain_pitchrope.lobes.models.pitch_input import PitchConvolutions, PitchInput
from tests.signals import pitch_channels


def trained(seed=0):
    """As if trained: the projection is no longer zero."""
    torch.manual_seed(seed)
    net = PitchInput(8, d_model=12)
    torch.nn.init.normal_(net.projection.weight)
    return net


def test_adds_nothing_at_the_start():
    src, channels = torch.randn(2, 9, 12), pitch_channels(2, 9)
    assert torch.equal(PitchInput(8, 12)(src, channels), src)


def test_the_projection_learns_first_and_the_convolutions_after_it():
    net, src, channels = PitchInput(8, 12), torch.randn(2, 9, 12), pitch_channels(2, 9)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    net(src, channels).square().sum().backward()
    assert net.projection.weight.grad.any()
    optimizer.step()
    optimizer.zero_grad()
    net(src, channels).square().sum().backward()
    assert all(parameter.grad.any() for parameter in net.parameters())


def test_a_frame_without_pitch_gets_nothing_whatever_its_neighbours():
    net, src, channels = trained(), torch.randn(1, 9, 12), pitch_channels(1, 9)
    channels[:, 4] = 0
    added = (net(src, channels) - src).abs().amax(-1)[0]
    assert added[4] == 0
    assert (added[[3, 5]] > 0).all()


@pytest.mark.parametrize("n_frames", [1, 2, 6, 9])
def test_padding_is_not_heard(n_frames):
    net, src, channels = trained(), torch.randn(1, 9, 12), pitch_channels(1, 9)
    channels[:, n_frames:] = 0
    alone = net(src[:, :n_frames], channels[:, :n_frames])
    torch.testing.assert_close(net(src, channels)[:, :n_frames], alone)
    assert torch.equal(net(src, channels)[:, n_frames:], src[:, n_frames:])


def test_history_is_what_an_output_depends_on():
    channels = pitch_channels(1, 12).requires_grad_()
    PitchConvolutions(8)(channels)[0, 8].sum().backward()
    seen = channels.grad.abs().sum(-1)[0].nonzero().flatten().tolist()
    assert seen == list(range(8 - PitchConvolutions.history, 9))


def test_stretches_with_history_are_the_whole():
    net, src, channels = trained(), torch.randn(1, 12, 12), pitch_channels(1, 12)
    stretches = [
        net(src[:, t : t + 3], channels[:, max(0, t - net.history) : t + 3])
        for t in range(0, 12, 3)
    ]
    torch.testing.assert_close(torch.cat(stretches, 1), net(src, channels))

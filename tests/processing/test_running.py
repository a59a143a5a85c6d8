"""Running extremes and means against their definitions."""

import torch

from speechbrain_pitchrope.processing import running


def test_running_minimum_is_a_minimum():
    torch.manual_seed(0)
    x = torch.randn(3, 2, 40)
    for n_frames in (1, 2, 7, 16, 100):
        expected = torch.stack(
            [x[..., max(0, t - n_frames + 1) : t + 1].amin(-1) for t in range(40)], -1
        )
        assert torch.equal(running.running_minimum(x, n_frames), expected)
        assert torch.equal(-running.running_maximum(-x, n_frames), expected)


def test_running_mean_is_a_mean():
    torch.manual_seed(0)
    x = torch.randn(2, 40)
    for n_frames in (1, 2, 7, 16, 100):
        expected = torch.stack(
            [x[:, max(0, t - n_frames + 1) : t + 1].mean(-1) for t in range(40)], -1
        )
        torch.testing.assert_close(running.running_mean(x, n_frames), expected)

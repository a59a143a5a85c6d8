"""Running extremes and means, and max-sum smoothing, against their definitions."""

import itertools

import pytest
import torch

from speechbrain_pitchrope.processing import smoothing
from speechbrain_pitchrope.processing.smoothing import max_sum, transition_costs


@pytest.mark.parametrize("n_frames", [1, 2, 7, 16, 100])
def test_running_extremes_and_means_are_those_of_the_window(n_frames):
    torch.manual_seed(0)
    x = torch.randn(3, 2, 40)
    windows = [x[..., max(0, t - n_frames + 1) : t + 1] for t in range(40)]
    lowest = torch.stack([window.amin(-1) for window in windows], -1)
    assert torch.equal(smoothing.running_minimum(x, n_frames), lowest)
    assert torch.equal(-smoothing.running_maximum(-x, n_frames), lowest)
    means = torch.stack([window.mean(-1) for window in windows], -1)
    torch.testing.assert_close(smoothing.running_mean(x, n_frames), means)


def test_is_the_exhaustive_search():
    torch.manual_seed(0)
    scores, costs = torch.rand(3, 1, 5), transition_costs(torch.rand(2, 1, 5))
    expected = torch.full((3, 1, 5), -torch.inf)
    for path in itertools.product(range(3), repeat=5):
        total = sum(scores[state, 0, t] for t, state in enumerate(path))
        pairs = enumerate(itertools.pairwise(path))
        total -= sum(costs[one, other, 0, t] for t, (one, other) in pairs)
        for t, state in enumerate(path):
            expected[state, 0, t] = max(expected[state, 0, t], total)
    torch.testing.assert_close(max_sum(scores, costs, 4, 4), expected)


def test_switching_voicing_costs_and_staying_unvoiced_does_not():
    octaves = torch.tensor([[1.0, 1.0], [2.0, 4.0]])[:, None]
    costs = transition_costs(octaves)[..., 0, 0]
    assert costs[0, 0] == costs[2, 2] == 0
    assert costs[0, 1] > costs[1, 1] > 0
    assert costs[0, 2] == costs[2, 0] > 0

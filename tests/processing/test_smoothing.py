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


def best_path_through(scores, costs, frame, state):
    """Best total over all paths through one state, by trying each."""
    n_frames, n_states = scores.shape
    totals = [
        sum(scores[t, s] for t, s in enumerate(path))
        - sum(costs[t, path[t], path[t + 1]] for t in range(n_frames - 1))
        for path in itertools.product(range(n_states), repeat=n_frames)
        if path[frame] == state
    ]
    return max(totals)


def test_is_the_exhaustive_search():
    torch.manual_seed(0)
    scores = torch.rand(3, 1, 5)
    costs = transition_costs(torch.rand(2, 1, 5))
    found = max_sum(scores, costs, 4, 4)
    for frame, state in itertools.product(range(5), range(3)):
        expected = best_path_through(
            scores[:, 0].t(), costs[:, :, 0].movedim(-1, 0), frame, state
        )
        torch.testing.assert_close(found[state, 0, frame], expected)


def test_switching_voicing_costs_and_staying_unvoiced_does_not():
    octaves = torch.tensor([[1.0, 1.0], [2.0, 4.0]])[:, None]
    costs = transition_costs(octaves)[..., 0, 0]
    assert costs[0, 0] == costs[2, 2] == 0
    assert costs[0, 1] > costs[1, 1] > 0
    assert costs[0, 2] == costs[2, 0] > 0

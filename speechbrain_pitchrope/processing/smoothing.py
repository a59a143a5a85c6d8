"""What looks along time: running extremes and means, and the choice of a path.

None of them depends on where the first frame is, so a chunk gives what the whole gives.

A tracker weighs each frame's own evidence against the cost of jumping from frame to
frame (D. Talkin, "A robust algorithm for pitch tracking (RAPT)", in Speech Coding and
Synthesis, 1995, section 3.4). Instead of a Viterbi search, which runs frame by frame,
messages are passed ``n_back`` steps forward and ``n_ahead`` steps back in time over
all frames at once. The choice at a frame then depends on nothing beyond these, so a
stream gives what the whole recording gives, and a batch costs a few dense steps.
"""

import torch

JUMP_COST = 0.8
"""Cost of an octave's jump between voiced frames."""

SWITCH_COST = 0.35
"""Cost of going from voiced to unvoiced or back."""


def running_minimum(x, n_frames):
    """Minimum over each frame and the ``n_frames - 1`` before it, shape [..., T].

    Example
    -------
    >>> running_minimum(torch.tensor([3.0, 1.0, 2.0, 5.0, 4.0]), 3)
    tensor([3., 1., 1., 1., 2.])
    """
    n_frames = min(n_frames, x.shape[-1])
    width = 1
    while width < n_frames:  # the width doubles
        shift = min(width, n_frames - width)
        later = torch.minimum(x[..., shift:], x[..., :-shift])
        x = torch.cat((x[..., :shift], later), dim=-1)
        width += shift
    return x


def running_maximum(x, n_frames):
    """Maximum over each frame and the ``n_frames - 1`` before it, shape [..., T]."""
    return -running_minimum(-x, n_frames)


def running_mean(x, n_frames):
    """Mean over each frame and up to ``n_frames - 1`` before it, shape [..., T].

    Example
    -------
    >>> running_mean(torch.tensor([3.0, 1.0, 2.0, 6.0]), 3)
    tensor([3., 2., 2., 3.])
    """
    count = torch.arange(1, x.shape[-1] + 1, device=x.device).clamp(max=n_frames)
    total, covered, width = torch.zeros_like(x), 0, 1
    while n_frames:  # sums of 1, 2, 4 ... frames, those that add up to n_frames
        if n_frames % 2:
            total = total + _earlier(x, covered)
            covered += width
        n_frames //= 2
        if n_frames:
            x = x + _earlier(x, width)
            width *= 2
    return total / count


def _earlier(x, n_frames):
    """What was n_frames before each frame, 0 before the first."""
    return torch.nn.functional.pad(x, (n_frames, 0))[..., : x.shape[-1]]


def transition_costs(octaves):
    """Cost of each step from frame to frame, [n + 1, n + 1, B, T - 1].

    The states are candidates of these octaves [n, B, T], and "unvoiced" as the last.
    """
    jump = JUMP_COST * (octaves[:, None, :, :-1] - octaves[None, :, :, 1:]).abs()
    n = len(octaves)
    costs = jump.new_full((n + 1, n + 1, *jump.shape[2:]), SWITCH_COST)
    costs[:n, :n] = jump
    costs[n, n] = 0.0
    return costs


def max_sum(scores, costs, n_back, n_ahead):
    """Best total score of a path through each state, over a bounded neighbourhood.

    Of scores [n + 1, B, T] and costs [n + 1, n + 1, B, T - 1], shape [n + 1, B, T].
    A path covers n_back frames before each and n_ahead after it.

    Example
    -------
    >>> scores = torch.tensor([[0.0, 0.6, 0.0], [1.0, 0.5, 1.0]])[:, None]
    >>> costs = torch.tensor([[0.0, 0.4], [0.4, 0.0]])[:, :, None, None]
    >>> max_sum(scores, costs.expand(2, 2, 1, 2), 1, 1)[:, 0, 1]
    tensor([1.8000, 2.5000])
    """
    past, future = scores, scores
    for _ in range(n_back):
        best = (past[:, None, :, :-1] - costs).amax(0)
        past = torch.cat((scores[..., :1], scores[..., 1:] + best), -1)
    for _ in range(n_ahead):
        best = (future[None, :, :, 1:] - costs).amax(1)
        future = torch.cat((scores[..., :-1] + best, scores[..., -1:]), -1)
    return past + future - scores

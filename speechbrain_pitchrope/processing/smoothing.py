"""Choosing one candidate a frame: max-sum smoothing with a bounded lookahead.

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


def transition_costs(octaves):
    """Cost of each step from a frame's states to the next frame's.

    Arguments
    ---------
    octaves : torch.Tensor
        log2 of the candidates' f0, shape [n, B, T].

    Returns
    -------
    torch.Tensor
        Shape [n + 1, n + 1, B, T - 1]; the last state is "unvoiced".
    """
    jump = JUMP_COST * (octaves[:, None, :, :-1] - octaves[None, :, :, 1:]).abs()
    n = len(octaves)
    costs = jump.new_full((n + 1, n + 1, *jump.shape[2:]), SWITCH_COST)
    costs[:n, :n] = jump
    costs[n, n] = 0.0
    return costs


def max_sum(scores, costs, n_back, n_ahead):
    """Best total score of any path through each state, over a bounded neighbourhood.

    Arguments
    ---------
    scores : torch.Tensor
        Score of each state, shape [n + 1, B, T].
    costs : torch.Tensor
        Cost of each step, shape [n + 1, n + 1, B, T - 1].
    n_back, n_ahead : int
        Frames before and after that a path may cover.

    Returns
    -------
    torch.Tensor
        Shape [n + 1, B, T].

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

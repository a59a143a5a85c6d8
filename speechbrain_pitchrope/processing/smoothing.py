"""Choosing one candidate a frame: max-sum smoothing with a bounded lookahead.

A tracker weighs each frame's own evidence against the cost of jumping from frame to
frame (D. Talkin, "A robust algorithm for pitch tracking (RAPT)", in Speech Coding and
Synthesis, 1995, section 3.4). Instead of a Viterbi search, which runs frame by frame,
messages are passed ``n_back`` steps forward and ``n_ahead`` steps back in time over
all frames at once. The choice at a frame then depends on nothing beyond these, so a
stream gives what the whole recording gives, and a batch costs a few dense steps.
"""

import math

import torch

from speechbrain_pitchrope.processing.autocorrelation import running_maximum

JUMP_COST = 0.8
"""Cost of an octave's jump between voiced frames."""

SWITCH_COST = 0.35
"""Cost of going from voiced to unvoiced or back."""

UNVOICED_SCORE = 0.48
"""Score of the unvoiced state: an autocorrelation peak has to be higher."""

SILENCE = 0.02
"""Peak amplitude over that of the last second below which unvoiced gains score."""

LOW_SNR_DB = 6.0
LOW_SNR_COST = (0.35, 1.0)
"""Score that unvoiced gains at 0 dB above the noise floor, falling to 0 at 6 dB: the
first while the frame is as loud as anything of the last second, the second when it is
well below. So a sustained note, which is its own floor, stays voiced as long as it is
the loudest thing, and hum between words does not count as voice."""

WELL_BELOW_DB = (6.0, 12.0)
"""Between these the cost goes from the first to the second value."""

HUM_HZ = (64.0, 72.0)
HUM_COST = 0.6
HUM_SNR_DB = 10.0
"""Score that a candidate loses which may be mains hum: all of it below 64 Hz and at
0 dB above the noise floor, nothing above 72 Hz or at 10 dB. Hum that was there before
anybody spoke is the loudest thing so far; but for its pitch it is a note that lasts."""

LOUDNESS_FRAMES = 101
"""Frames over which the loudest peak is sought, up to the frame itself."""


def unvoiced_score(amplitude, snr_db):
    """Score of the state "unvoiced", higher in silence and in noise.

    Silence is judged as P. Boersma does (1993, eq. 23), against the loudest frame of
    the last second instead of the whole sound's.

    Arguments
    ---------
    amplitude : torch.Tensor
        Largest sample of each frame, shape [B, T].
    snr_db : torch.Tensor
        Power over the noise floor in dB, 0 or more, shape [B, T].

    Returns
    -------
    torch.Tensor
        Shape [B, T].

    Example
    -------
    >>> unvoiced_score(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[6.0, 0.0, 0.0]]))
    tensor([[0.4800, 0.8300, 3.4800]])
    """
    tiny = torch.finfo(amplitude.dtype).tiny
    relative = amplitude / (running_maximum(amplitude, LOUDNESS_FRAMES) + tiny)
    silence = (2 - relative * (1 + UNVOICED_SCORE) / SILENCE).clamp(min=0)
    near, far = WELL_BELOW_DB
    quietness = (-20 * torch.log10(relative + tiny) - near) / (far - near)
    cost = torch.lerp(*amplitude.new_tensor(LOW_SNR_COST), quietness.clamp(0, 1))
    noise = cost * (1 - snr_db / LOW_SNR_DB).clamp(0, 1)
    return UNVOICED_SCORE + silence + noise


def hum_cost(octaves, snr_db):
    """Score that each candidate loses for being as low and as steady as mains hum.

    Arguments
    ---------
    octaves : torch.Tensor
        log2 of the candidates' f0 in Hz, shape [B, T, n].
    snr_db : torch.Tensor
        Power over the noise floor in dB, 0 or more, shape [B, T].

    Returns
    -------
    torch.Tensor
        Shape [B, T, n].

    Example
    -------
    >>> octaves = torch.tensor([[[60.0, 120.0], [60.0, 120.0]]]).log2()
    >>> hum_cost(octaves, torch.tensor([[0.0, 10.0]]))
    tensor([[[0.6000, 0.0000],
             [0.0000, 0.0000]]])
    """
    low, high = (math.log2(hertz) for hertz in HUM_HZ)
    lowness = ((high - octaves) / (high - low)).clamp(0, 1)
    steadiness = (1 - snr_db / HUM_SNR_DB).clamp(0, 1)
    return HUM_COST * lowness * steadiness.unsqueeze(-1)


def transition_costs(octaves):
    """Cost of each step from a frame's states to the next frame's.

    Arguments
    ---------
    octaves : torch.Tensor
        log2 of the candidates' f0, shape [B, T, n].

    Returns
    -------
    torch.Tensor
        Shape [B, T - 1, n + 1, n + 1]; the last state is "unvoiced".
    """
    jump = (octaves[:, :-1, :, None] - octaves[:, 1:, None, :]).abs()
    costs = torch.nn.functional.pad(JUMP_COST * jump, (0, 1, 0, 1), value=SWITCH_COST)
    costs[..., -1, -1] = 0.0
    return costs


def max_sum(scores, costs, n_back, n_ahead):
    """Best total score of any path through each state, over a bounded neighbourhood.

    Arguments
    ---------
    scores : torch.Tensor
        Score of each state, shape [B, T, n + 1].
    costs : torch.Tensor
        Cost of each step, shape [B, T - 1, n + 1, n + 1].
    n_back, n_ahead : int
        Frames before and after that a path may cover.

    Returns
    -------
    torch.Tensor
        Shape [B, T, n + 1].

    Example
    -------
    >>> scores = torch.tensor([[[0.0, 1.0], [0.6, 0.5], [0.0, 1.0]]])
    >>> costs = torch.tensor([[0.0, 0.4], [0.4, 0.0]]).expand(1, 2, 2, 2)
    >>> max_sum(scores, costs, 1, 1)[0, 1]
    tensor([1.8000, 2.5000])
    """
    # States first: a maximum over them then takes frames by the row.
    scores = scores.movedim(-1, 0).contiguous()
    costs = costs.movedim((-2, -1), (0, 1)).contiguous()
    past, future = scores, scores
    for _ in range(n_back):
        best = (past[:, None, :, :-1] - costs).amax(0)
        past = torch.cat((scores[..., :1], scores[..., 1:] + best), -1)
    for _ in range(n_ahead):
        best = (future[None, :, :, 1:] - costs).amax(1)
        future = torch.cat((scores[..., :-1] + best, scores[..., -1:]), -1)
    return (past + future - scores).movedim(0, -1).contiguous()

"""Pitch-aware rotary positions: the formulas, as pure functions.

Notation: frames m, n, s, t; attention head h; rotary pair i of a head, which turns at
omega_i = 10000 ** (-2 i / head_dim); u = log_f0, v = voicing, e = prominence of a frame
(``speechbrain_pitchrope.inband``).

1. Pitch-modulated theta, ``offset_angles``. Pitch is a second rotary axis beside time:

       theta_{t,h,i} = omega_i t + c_{h,i} u_t

2. Pitch-similarity bias on the logits: ``speechbrain_pitchrope.nnet.similarity``.

3. Variable radius, ``log_radii``. The unit radius of RoPE's torch.polar becomes

       r_{t,h,i} = exp(rho_{h,i} . (u v, v, e)_t),  and q and k become

       q_{t,h,i} torch.polar(r_{t,h,i}, theta_{t,h,i}), likewise k: ``rotate``

``THETA``, ``RADIUS`` and ``FREQUENCIES`` hold other forms of each for comparison.

With c = rho = 0 and no bias this is RoPE (J. Su et al., "RoFormer: Enhanced
Transformer with Rotary Position Embedding", arXiv:2104.09864, eq. 34) as SpeechBrain
computes it. All angles are in single precision, also under autocast.

Shapes: each channel of ``pitch`` (``inband.Pitch``) is [B, T], omega [head_dim / 2],
c and a are [H, head_dim / 2], rho is [H, head_dim / 2, 3]; theta and log r are
[B, T, H, head_dim / 2].
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from speechbrain_pitchrope import inband

MAX_RATE = 1 / inband.MAX_OCTAVES
"""Bound of |a|: at |u| <= 1.5 octaves no clock runs backwards, 1 + a u >= 0."""

MAX_LOG_RADIUS = 2.0
"""Bound of |log r|: one logit is scaled by exp(+-4) at most."""

OFFSET_UNIT = 15.0
"""Radians an octave that a parameter of 1 stands for in ``offset_angles``. A useful c
is several radians an octave, since tones are fractions of one, and Adam moves each
parameter by about its learning rate: c reaches 1.5 when a weight reaches 0.1."""

TOP_MEL_HZ = 4000.0
"""Frequency whose mel the fastest of ``mel_frequencies`` stands for."""


def frequencies(head_dim, dtype=torch.float32, device=None):
    """omega_i = 10000 ** (-2 i / head_dim), radians a frame, as SpeechBrain rounds."""
    i = torch.arange(0, head_dim, 2, dtype=dtype, device=device)
    return torch.exp(i * -(math.log(10000.0) / head_dim))


def mel_frequencies(head_dim, dtype=torch.float32, device=None):
    """omega_i evenly spaced in mel, the fastest at 1 radian a frame as in RoPE.

    m_i falls evenly from mel(4000 Hz) towards 0, and omega_i is in proportion to
    700 (10 ** (m_i / 2595) - 1) (D. O'Shaughnessy, Speech Communication, 1987, p. 150).
    A model with these frequencies is no RoPE, whatever the pitch.
    """
    pairs = head_dim // 2
    share = torch.arange(pairs, 0, -1, dtype=dtype, device=device) / pairs
    hertz = torch.pow(1 + TOP_MEL_HZ / 700, share) - 1
    return hertz / hertz[0]


FREQUENCIES = {"rope": frequencies, "mel": mel_frequencies}


def unmodulated_angles(n_frames, omega):
    """omega_i t, shape [T, 1, head_dim / 2]: the angles of plain RoPE."""
    t = torch.arange(n_frames, dtype=omega.dtype, device=omega.device)
    return t[:, None, None] * omega


def offset_angles(pitch, offset, unmodulated, omega=None):
    """theta_{t,h,i} = omega_i t + c_{h,i} u_t, with c in radians an octave.

    ``unmodulated`` is omega_i t. Relative in time and in pitch: the angle between a
    query and a key depends on t_m - t_n and u_m - u_n, and not on the frames between
    them. An unvoiced frame has u = 0, the speaker's level. Two positions with learned
    frequencies serve images as well (B. Heo et al., "Rotary Position Embedding for
    Vision Transformer", arXiv:2403.13298, eq. 12).

    Example
    -------
    >>> pitch = inband.unpack(torch.tensor([[[0.5, 0, 0, 0], [1, 0, 0, 0]]]))
    >>> unmodulated = unmodulated_angles(2, torch.ones(1))
    >>> offset_angles(pitch, torch.tensor([[0.2]]), unmodulated).flatten()
    tensor([0.1000, 1.2000])
    """
    return torch.addcmul(unmodulated, pitch.log_f0[..., None, None], offset)


def phase_angles(pitch, rate, unmodulated, omega):
    """theta_{t,h,i} = omega_i * sum over s <= t of (1 + a_{h,i} u_s): for comparison.

    Each pair is a clock whose rate follows pitch. Only differences of angles matter, so
    the sum may start at any frame. Here frame 0 is at angle omega_i a_{h,i} u_0, which
    makes unmodulated angles omega_i t.
    """
    course = pitch.log_f0.cumsum(1)[..., None, None]
    return torch.addcmul(unmodulated, course, rate * omega)


def utterance_angles(pitch, rate, unmodulated, omega):
    """One rate an utterance, by its register g: omega_i * sum (1 + a_{h,i} g_s)."""
    course = pitch.register.cumsum(1)[..., None, None]
    return torch.addcmul(unmodulated, course, rate * omega)


def frame_angles(pitch, rate, unmodulated, omega):
    """omega_i t (1 + a_{h,i} u_t): each frame's pitch scales its whole position.

    Not relative: the effect of a frame's pitch grows with its distance from the start.
    """
    return torch.addcmul(unmodulated, pitch.log_f0[..., None, None] * unmodulated, rate)


def bounded_rate(rate):
    """a from its unbounded parameter: the identity near 0, within +-MAX_RATE."""
    return MAX_RATE * torch.tanh(rate / MAX_RATE)


class Theta(NamedTuple):
    """A form of theta: its angles, its parameter, and c or a from that parameter."""

    angles: Callable
    parameter: str
    value: Callable


THETA = {
    "offset": Theta(offset_angles, "theta_offset", lambda x: OFFSET_UNIT * x),
    "phase": Theta(phase_angles, "theta_rate", bounded_rate),
    "utterance": Theta(utterance_angles, "theta_rate", bounded_rate),
    "frame": Theta(frame_angles, "theta_rate", bounded_rate),
}


def log_radii(pitch, slope):
    """log r_{t,h,i} = rho_{h,i} . (u v, v, e)_t, within +-MAX_LOG_RADIUS."""
    course = (pitch.log_f0 * pitch.voicing, pitch.voicing, pitch.prominence)
    # A plain product of matrices: its gradient to the slope is one as well.
    log_radius = torch.stack(course, -1) @ slope.flatten(0, 1).T
    return _bounded(log_radius.unflatten(-1, slope.shape[:2]))


def sigmoid_log_radii(pitch, slope):
    """rho_{h,i} (2 sigmoid(f0) - 1) with f0 in Hz: 0 where unvoiced; for comparison.

    A sigmoid of hertz is 1 for every voice, so this tells voiced from unvoiced and no
    more. ``slope`` is rho, shape [H, head_dim / 2, 1].
    """
    course = 2 * inband.f0_in_hz(torch.stack(pitch, -1)).sigmoid() - 1
    return _bounded(course[:, :, None, None] * slope[..., 0])


def _bounded(log_radius):
    # As clamp, which takes four passes for its gradient instead of one.
    return torch.nn.functional.hardtanh(log_radius, -MAX_LOG_RADIUS, MAX_LOG_RADIUS)


RADIUS = {"exp": (log_radii, 3), "sigmoid": (sigmoid_log_radii, 1)}
"""A form of the radius: its logarithm, and how many slopes each pair has."""


def polar(log_radius, theta):
    """r cos(theta), r sin(theta): torch.polar as two real numbers; None is r = 1."""
    if log_radius is None:
        return theta.cos(), theta.sin()
    r = log_radius.exp()
    return r * theta.cos(), r * theta.sin()


def rotate(x, cosines, sines):
    """Turn and stretch each pair of neighbouring dimensions: x times a complex number.

    Queries or keys [B, T, H, head_dim], times what ``polar`` gives, are two tensors of
    [B, T, H, head_dim / 2], the real and the imaginary part. They are not woven
    together again: the product of queries and keys does not depend on the order of
    their dimensions.

    Example
    -------
    >>> quarter_turn = torch.zeros(1), torch.ones(1)
    >>> rotate(torch.tensor([[[[3.0, 4.0]]]]), *quarter_turn)
    (tensor([[[[-4.]]]]), tensor([[[[3.]]]]))
    """
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    real = torch.addcmul(even * cosines, odd, sines, value=-1)
    return real, torch.addcmul(even * sines, odd, cosines)

"""Rotary positions that listen to pitch: the formulas, as pure functions.

Notation: frames m, n, s, t; attention head h; rotary pair i of a head, which turns at
omega_i = 10000 ** (-2 i / head_dim); u = log_f0, v = voicing, e = prominence of a frame
(``speechbrain_pitchrope.inband``).

1. Pitch-modulated theta, ``angles``. Each pair is a clock whose rate follows pitch:

       theta_{t,h,i} = omega_i * sum over s <= t of (1 + a_{h,i} u_s)

2. Pitch-similarity bias, ``speechbrain_pitchrope.nnet.similarity``, on the logits:

       b_{m,n,h} = beta_h v_m v_n exp(-(u_m - u_n) ** 2 / (2 sigma_h ** 2))
                   + mu_h v_m v_n

3. Variable radius, ``radii``. The unit radius of RoPE's torch.polar becomes

       r_{t,h,i} = exp(rho_{h,i} . (u v, v, e)_t),  and q and k become

       q_{t,h,i} torch.polar(r_{t,h,i}, theta_{t,h,i}), likewise k: ``rotate``

With a = beta = mu = rho = 0 this is RoPE (J. Su et al., "RoFormer: Enhanced Transformer
with Rotary Position Embedding", arXiv:2104.09864, eq. 34) as SpeechBrain computes it.
All angles are in single precision, also under autocast.
"""

import math

import torch

from speechbrain_pitchrope import inband

MAX_RATE = 1 / inband.MAX_OCTAVES
"""Bound of |a|: at |u| <= 1.5 octaves no clock runs backwards, 1 + a u >= 0."""

MAX_LOG_RADIUS = 2.0
"""Bound of |log r|: one logit is scaled by exp(+-4) at most."""


def frequencies(head_dim, dtype=torch.float32, device=None):
    """omega_i = 10000 ** (-2 i / head_dim), in radians a frame.

    Arguments
    ---------
    head_dim : int
        Size of an attention head, even.
    dtype : torch.dtype
        torch.float32 or torch.float64.
    device : torch.device, optional
        Where to make them.

    Returns
    -------
    torch.Tensor
        Shape [head_dim / 2], rounded as SpeechBrain rounds them.

    Example
    -------
    >>> frequencies(4)
    tensor([1.0000, 0.0100])
    """
    i = torch.arange(0, head_dim, 2, dtype=dtype, device=device)
    return torch.exp(i * -(math.log(10000.0) / head_dim))


def bounded_rate(rate):
    """a from its unbounded parameter: the identity near 0, within +-MAX_RATE."""
    return MAX_RATE * torch.tanh(rate / MAX_RATE)


def angles(log_f0, rate, omega):
    """theta_{t,h,i} = omega_i * sum over s <= t of (1 + a_{h,i} u_s).

    Only differences of angles matter, so the sum may start at any frame. Here frame 0
    is at angle omega_i a_{h,i} u_0, which makes unmodulated angles t omega_i.

    Arguments
    ---------
    log_f0 : torch.Tensor
        u, shape [B, T], within +-1.5 octaves.
    rate : torch.Tensor
        a, shape [H, head_dim / 2], within +-MAX_RATE.
    omega : torch.Tensor
        Shape [head_dim / 2].

    Returns
    -------
    torch.Tensor
        Radians, shape [B, T, H, head_dim / 2].

    Example
    -------
    >>> u, omega = torch.tensor([[0.5, 1.0, 0.0]]), torch.tensor([1.0])
    >>> angles(u, torch.tensor([[0.2]]), omega).flatten()
    tensor([0.1000, 1.3000, 2.3000])
    """
    course = log_f0.cumsum(1)[:, :, None, None]
    return unmodulated_angles(log_f0.shape[1], omega) + course * (rate * omega)


def unmodulated_angles(n_frames, omega):
    """t omega_i, shape [T, 1, head_dim / 2]: the angles of plain RoPE."""
    t = torch.arange(n_frames, dtype=omega.dtype, device=omega.device)
    return t[:, None, None] * omega


def radii(pitch, slope):
    """r_{t,h,i} = exp(rho_{h,i} . (u v, v, e)_t), within exp(+-MAX_LOG_RADIUS).

    Arguments
    ---------
    pitch : speechbrain_pitchrope.inband.Pitch
        Channels of shape [B, T].
    slope : torch.Tensor
        rho, shape [H, head_dim / 2, 3].

    Returns
    -------
    torch.Tensor
        Shape [B, T, H, head_dim / 2].

    Example
    -------
    >>> one = torch.ones(1, 1)
    >>> radii(inband.Pitch(one, one, one, one), torch.full((1, 1, 3), 0.1)).item()
    1.349858...
    """
    course = (pitch.log_f0 * pitch.voicing, pitch.voicing, pitch.prominence)
    log_radius = torch.einsum("btc,hic->bthi", torch.stack(course, -1), slope)
    return log_radius.clamp(-MAX_LOG_RADIUS, MAX_LOG_RADIUS).exp()


def rotate(x, cosines, sines):
    """Turn and stretch each pair of neighbouring dimensions: x times a complex number.

    Arguments
    ---------
    x : torch.Tensor
        Queries or keys, shape [B, T, H, head_dim].
    cosines, sines : torch.Tensor
        r cos(theta) and r sin(theta), broadcastable to [B, T, H, head_dim / 2].

    Returns
    -------
    torch.Tensor
        Shape and dtype of ``x``.

    Example
    -------
    >>> quarter_turn = torch.zeros(1), torch.ones(1)
    >>> rotate(torch.tensor([[[[3.0, 4.0]]]]), *quarter_turn).flatten()
    tensor([-4.,  3.])
    """
    even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
    turned = (even * cosines - odd * sines, even * sines + odd * cosines)
    return torch.stack(turned, -1).flatten(-2).to(x.dtype)

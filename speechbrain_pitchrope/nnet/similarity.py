"""The pitch-similarity bias, folded into queries and keys.

    b_{m,n,h} = v_m v_n (mu_h + sum over j of
                         A_{h,j} cos(k_j d) + B_{h,j} sin(k_j d)), d = u_m - u_n

A cosine of a difference is a dot product of two pairs,

    cos(k (u_m - u_n)) = cos(k u_m) cos(k u_n) + sin(k u_m) sin(k u_n),

and a sine is one as well, so the whole bias is seven more columns of q and k: three
pairs and v itself. No matrix of T x T ever exists, and every fused attention kernel
still applies. The even part (A) weighs how near two pitches are to each other; the odd
part (B) tells which of them is the higher one.

``gaussian_columns``, for comparison, has a Gaussian of d, written as a sum of three
cosines. Approximating a shift-invariant kernel by cosines is the idea of random Fourier
features (A. Rahimi and B. Recht, NIPS 2007); here frequencies and weights are fitted.

Shapes: each channel of ``pitch`` (``inband.Pitch``) is [B, T], A and B are [H, 3], all
other parameters [H]; columns are [B, T, H, 7]. Those of q are divided by ``scale``, by
which attention multiplies the product of q and k.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from speechbrain_pitchrope import inband

COSINES = (4.0, 9.0, 18.0)
"""k_j in radians an octave, periods of 1.6, 0.7 and 0.35 octaves: sin(k_1 d) orders
pitches within 0.4 octaves of each other, the range of a tone, and k_3 tells small steps
apart. Chosen by voices that the models had not heard (docs/evidence_plan.md)."""

_QUARTER = math.pi / 2
_SHIFT = (0.0, 0.0, 0.0, -_QUARTER, -_QUARTER, -_QUARTER, 0.0)

COSINE_TABLE = (
    2 * (*COSINES, *COSINES, 0.0),
    (*_SHIFT, *(shift - _QUARTER for shift in _SHIFT)),
)
"""Frequency and shift of the cosines that give c_j, s_j and 1, and of those a quarter
of a turn later, which give s_j, -c_j and 0: sin(x) is cos(x - pi / 2)."""

GAUSSIAN_TABLE = (0.421, 1.279, 2.186), (0.617, 0.308, 0.069)
"""Frequencies of the Gaussian's cosines, in radians per sigma, and their weights:
within 0.014 of the Gaussian up to 5 sigma."""

MIN_BANDWIDTH = 2 * inband.MAX_OCTAVES / 5
"""Least sigma, in octaves: no two frames are then more than 5 sigma apart, and the
cosines never come round again. A sharper bias comes from a larger beta: near its top
the kernel is as wide as sigma / sqrt(beta)."""


def cosine_columns(pitch, table, scale=1.0, *, voiced, even=None, odd=None):
    """The columns of q and of k whose dot product is the bias.

    With c_j = cos(k_j u) and s_j = sin(k_j u), they are v (A_j c_j + B_j s_j,
    A_j s_j - B_j c_j, mu) and v (c_j, s_j, 1). ``table`` is ``COSINE_TABLE``, ``even``
    is A, ``odd`` B and ``voiced`` mu; A or B that is not given is zero.

    Example
    -------
    >>> pitch = inband.unpack(torch.tensor([[[0, 1.0, 0, 0], [0.5, 1, 0, 0]]]))
    >>> odd, table = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor(COSINE_TABLE)
    >>> q, k = cosine_columns(pitch, table, voiced=torch.zeros(1), odd=odd)
    >>> (q[0, 1, 0] @ k[0, 0, 0]).item()  # sin(4 * 0.5)
    0.9092...
    """
    even = torch.zeros_like(odd) if even is None else even
    odd = torch.zeros_like(even) if odd is None else odd
    frequency, shift = table
    u, v = pitch.log_f0[..., None, None], pitch.voicing[..., None, None]
    cosines = v * torch.addcmul(shift, u, frequency).cos()
    cosines = cosines.unflatten(-1, (2, -1))  # of now, and of a quarter turn later
    mu = voiced[:, None]  # a quarter turn later, it is times 0
    weights = torch.cat((even, even, mu, odd, odd, mu), -1) / scale
    query_columns = (weights.unflatten(-1, (2, -1)) * cosines).sum(-2)
    key_columns = cosines[..., 0, :]
    return query_columns, key_columns.expand_as(query_columns)


def sigma(bandwidth):
    """sigma in octaves from its unbounded parameter: MIN_BANDWIDTH + exp(parameter)."""
    return MIN_BANDWIDTH + bandwidth.exp()


def gaussian_columns(pitch, table, scale=1.0, *, weight, voiced, bandwidth):
    """Columns of v_m v_n (beta_h exp(-d ** 2 / (2 sigma_h ** 2)) + mu_h).

    ``table`` is ``GAUSSIAN_TABLE``, ``weight`` beta, ``voiced`` mu, and ``bandwidth``
    the parameter of ``sigma``.
    """
    kappa, share = table
    phase = pitch.log_f0[..., None, None] * (kappa / sigma(bandwidth)[:, None])
    one = torch.ones_like(phase[..., :1])
    voicing = pitch.voicing[..., None, None]
    key_columns = voicing * torch.cat((phase.cos(), phase.sin(), one), -1)
    strength = torch.cat((weight[:, None] * share.repeat(2), voiced[:, None]), 1)
    return strength / scale * key_columns, key_columns


def laplacian_bias(pitch, *, weight, voiced):
    """v_m v_n (beta_h exp(-|d|) + mu_h), a dense [B, H, T, T]: for comparison."""
    distance = (pitch.log_f0[:, None, :, None] - pitch.log_f0[:, None, None, :]).abs()
    both_voiced = pitch.voicing[:, None, :, None] * pitch.voicing[:, None, None, :]
    beta, mu = weight[:, None, None], voiced[:, None, None]
    return both_voiced * (beta * torch.exp(-distance) + mu)


class Similarity(NamedTuple):
    """A form of the bias: the names of its ``PARAMETERS``, and one of two functions.

    ``columns`` makes columns of q and k, from pitch, ``table``, scale and the
    parameters by name; ``dense`` makes the bias as a matrix, from pitch and the
    parameters by name.
    """

    parameters: tuple
    columns: Callable | None = None
    table: tuple = ()
    dense: Callable | None = None


SIMILARITY = {
    "cosines": Similarity(("even", "odd", "voiced"), cosine_columns, COSINE_TABLE),
    "even_cosines": Similarity(("even", "voiced"), cosine_columns, COSINE_TABLE),
    "odd_cosines": Similarity(("odd", "voiced"), cosine_columns, COSINE_TABLE),
    "gaussian": Similarity(
        ("weight", "voiced", "bandwidth"), gaussian_columns, GAUSSIAN_TABLE
    ),
    "laplacian": Similarity(("weight", "voiced"), dense=laplacian_bias),
    "none": Similarity(()),
}

PARAMETERS = {
    "even": ((len(COSINES),), 0.0),
    "odd": ((len(COSINES),), 0.0),
    "weight": ((), 0.0),
    "voiced": ((), 0.0),
    "bandwidth": ((), math.log(0.15)),  # sigma is 0.75 octaves
}
"""Shape in one head and start of each; in a module, "similarity_" precedes the name."""

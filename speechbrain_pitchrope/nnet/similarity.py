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
features (A. Rahimi and B. Recht, NIPS 2007); here the three frequencies and weights are
fitted, not drawn.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch

from speechbrain_pitchrope import inband

COSINES = (2.0, 4.5, 9.0)
"""k_j in radians an octave, periods of 3.1, 1.4 and 0.7 octaves: sin(k_1 d) orders
pitches within 0.8 octaves of each other, and k_3 tells fractions of a tone's range."""

KAPPA = (0.421, 1.279, 2.186)
"""Frequencies of the cosines, in radians per sigma."""

WEIGHTS = (0.617, 0.308, 0.069)
"""Weights of the cosines: within 0.014 of the Gaussian up to 5 sigma."""

MIN_BANDWIDTH = 2 * inband.MAX_OCTAVES / 5
"""Least sigma, in octaves: no two frames are then more than 5 sigma apart, and the
cosines never come round again. A sharper bias comes from a larger beta: near its top
the kernel is as wide as sigma / sqrt(beta)."""

N_COLUMNS = 2 * len(COSINES) + 1


def cosine_columns(pitch, even, odd, voiced_weight, scale=1.0):
    """The columns whose dot product is the bias.

    Arguments
    ---------
    pitch : speechbrain_pitchrope.inband.Pitch
        Channels of shape [B, T].
    even, odd : torch.Tensor
        A and B, shape [H, 3].
    voiced_weight : torch.Tensor
        mu, shape [H].
    scale : float
        What the product will be multiplied by, as that of q and k is: the columns of q
        are divided by it.

    Returns
    -------
    query_columns, key_columns : torch.Tensor
        Shape [B, T, H, 7].

    Example
    -------
    >>> u, one = torch.tensor([[0.0, 0.5]]), torch.ones(1, 2)
    >>> pitch = inband.Pitch(u, one, one, one)
    >>> even, odd = torch.tensor([[[0.0, 0.0, 0.0]], [[1.0, 0.0, 0.0]]])
    >>> q, k = cosine_columns(pitch, even, odd, torch.zeros(1))
    >>> (q[0, 1, 0] @ k[0, 0, 0]).item()  # sin(2 * 0.5)
    0.8414...
    """
    phase = pitch.log_f0[..., None, None] * even.new_tensor(COSINES)
    cosine, sine = phase.cos(), phase.sin()
    voicing = pitch.voicing[..., None, None]
    parts = (
        torch.addcmul(even * cosine, odd, sine),
        torch.addcmul(even * sine, odd, cosine, value=-1),
        voiced_weight[:, None].expand(*phase.shape[:2], -1, -1),
    )
    query_columns = voicing / scale * torch.cat(parts, -1)
    one = torch.ones_like(phase[..., :1])
    key_columns = voicing * torch.cat((cosine, sine, one), -1)
    return query_columns, key_columns.expand_as(query_columns)


def bandwidth(log_excess):
    """sigma in octaves from its unbounded parameter: MIN_BANDWIDTH + exp(parameter)."""
    return MIN_BANDWIDTH + log_excess.exp()


def gaussian_columns(pitch, weight, voiced_weight, sigma, scale=1.0):
    """Columns of v_m v_n (beta_h exp(-d ** 2 / (2 sigma_h ** 2)) + mu_h).

    Arguments
    ---------
    pitch : speechbrain_pitchrope.inband.Pitch
        Channels of shape [B, T].
    weight, voiced_weight : torch.Tensor
        beta and mu, shape [H].
    sigma : torch.Tensor
        Bandwidth in octaves, shape [H].
    scale : float
        As in ``cosine_columns``.

    Returns
    -------
    query_columns, key_columns : torch.Tensor
        Shape [B, T, H, 7].

    Example
    -------
    >>> u, one = torch.tensor([[0.0, 0.6]]), torch.ones(1, 2)
    >>> pitch = inband.Pitch(u, one, one, one)
    >>> beta, mu, sigma = torch.ones(1), torch.zeros(1), torch.full((1,), 0.6)
    >>> q, k = gaussian_columns(pitch, beta, mu, sigma)
    >>> (q[0, 0, 0] @ k[0, 1, 0]).item()  # exp(-1 / 2) = 0.607
    0.61...
    """
    kappa, share = sigma.new_tensor(KAPPA), sigma.new_tensor(WEIGHTS)
    phase = pitch.log_f0[..., None, None] * (kappa / sigma[:, None])
    one = torch.ones_like(phase[..., :1])
    voicing = pitch.voicing[..., None, None]
    key_columns = voicing * torch.cat((phase.cos(), phase.sin(), one), -1)
    strength = torch.cat((weight[:, None] * share.repeat(2), voiced_weight[:, None]), 1)
    return strength / scale * key_columns, key_columns


def laplacian_bias(pitch, weight, voiced_weight):
    """v_m v_n (beta_h exp(-|u_m - u_n|) + mu_h), as a dense matrix: for comparison.

    Arguments
    ---------
    pitch : speechbrain_pitchrope.inband.Pitch
        Channels of shape [B, T].
    weight, voiced_weight : torch.Tensor
        beta and mu, shape [H].

    Returns
    -------
    torch.Tensor
        Shape [B, H, T, T].

    Example
    -------
    >>> u, one = torch.tensor([[0.0, 1.0]]), torch.ones(1, 2)
    >>> laplacian_bias(inband.Pitch(u, one, one, one), torch.ones(1), torch.zeros(1))
    tensor([[[[1.0000, 0.3679],
              [0.3679, 1.0000]]]])
    """
    distance = (pitch.log_f0[:, None, :, None] - pitch.log_f0[:, None, None, :]).abs()
    both_voiced = pitch.voicing[:, None, :, None] * pitch.voicing[:, None, None, :]
    beta, mu = weight[:, None, None], voiced_weight[:, None, None]
    return both_voiced * (beta * torch.exp(-distance) + mu)


class Parameter(NamedTuple):
    """A learned number of a form: its shape in one head, and where it starts."""

    shape: tuple = ()
    start: float = 0.0


class Similarity(NamedTuple):
    """A form of the bias.

    Arguments
    ---------
    parameters : dict
        Name to ``Parameter``.
    columns : callable or None
        Columns of q and k, from pitch, the parameters in their order, and the scale.
    dense : callable or None
        Without columns: the bias as a matrix, from pitch and the parameters.
    """

    parameters: dict
    columns: Callable | None
    dense: Callable | None = None


_COSINES, _NUMBER = Parameter((len(COSINES),)), Parameter()

SIMILARITY = {
    "cosines": Similarity(
        {
            "similarity_even": _COSINES,
            "similarity_odd": _COSINES,
            "similarity_voiced": _NUMBER,
        },
        cosine_columns,
    ),
    "even_cosines": Similarity(
        {"similarity_even": _COSINES, "similarity_voiced": _NUMBER},
        lambda pitch, even, voiced, scale: cosine_columns(
            pitch, even, torch.zeros_like(even), voiced, scale
        ),
    ),
    "odd_cosines": Similarity(
        {"similarity_odd": _COSINES, "similarity_voiced": _NUMBER},
        lambda pitch, odd, voiced, scale: cosine_columns(
            pitch, torch.zeros_like(odd), odd, voiced, scale
        ),
    ),
    "gaussian": Similarity(
        {
            "similarity_weight": _NUMBER,
            "similarity_voiced": _NUMBER,
            "similarity_bandwidth": Parameter(start=math.log(0.15)),  # 0.75 octaves
        },
        lambda pitch, weight, voiced, log_excess, scale: gaussian_columns(
            pitch, weight, voiced, bandwidth(log_excess), scale
        ),
    ),
    "laplacian": Similarity(
        {"similarity_weight": _NUMBER, "similarity_voiced": _NUMBER},
        None,
        laplacian_bias,
    ),
    "none": Similarity({}, None),
}
"""Forms of the bias by name."""

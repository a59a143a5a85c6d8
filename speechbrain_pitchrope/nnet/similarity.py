"""The pitch-similarity bias, folded into queries and keys.

    b_{m,n,h} = beta_h v_m v_n k_h(u_m - u_n) + mu_h v_m v_n

with the Gaussian k_h(d) = exp(-d ** 2 / (2 sigma_h ** 2)) written as a sum of three
cosines. A cosine of a difference is a dot product of two pairs,

    cos(c (u_m - u_n)) = cos(c u_m) cos(c u_n) + sin(c u_m) sin(c u_n),

so the whole bias is seven more columns of q and k: three pairs and v itself. No matrix
of T x T ever exists, and every fused attention kernel still applies. Approximating a
shift-invariant kernel by cosines is the idea of random Fourier features (A. Rahimi and
B. Recht, NIPS 2007); here the three frequencies and weights are fitted, not drawn.
"""

import torch

from speechbrain_pitchrope import inband

KAPPA = (0.421, 1.279, 2.186)
"""Frequencies of the cosines, in radians per sigma."""

WEIGHTS = (0.617, 0.308, 0.069)
"""Weights of the cosines: within 0.014 of the Gaussian up to 5 sigma."""

MIN_BANDWIDTH = 2 * inband.MAX_OCTAVES / 5
"""Least sigma, in octaves: no two frames are then more than 5 sigma apart, and the
cosines never come round again. A sharper bias comes from a larger beta: near its top
the kernel is as wide as sigma / sqrt(beta)."""

N_COLUMNS = 2 * len(KAPPA) + 1


def bandwidth(log_excess):
    """sigma in octaves from its unbounded parameter: MIN_BANDWIDTH + exp(parameter)."""
    return MIN_BANDWIDTH + log_excess.exp()


def gaussian_columns(pitch, weight, voiced_weight, sigma):
    """The columns whose dot product is the bias.

    Arguments
    ---------
    pitch : speechbrain_pitchrope.inband.Pitch
        Channels of shape [B, T].
    weight, voiced_weight : torch.Tensor
        beta and mu, shape [H].
    sigma : torch.Tensor
        Bandwidth in octaves, shape [H].

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
    return strength * key_columns, key_columns


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

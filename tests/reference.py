"""The test oracle: pitch-aware attention in a dozen lines, as the formulas stand.

Complex numbers from torch.polar, a dense T x T bias, float64, one head after another.
No code of the package is used: only its parameters, and the constants of the kernel.
"""

import math

import torch

COSINES = (2.0, 4.5, 9.0)
KAPPA, WEIGHTS = (0.421, 1.279, 2.186), (0.617, 0.308, 0.069)


def cosine_kernel(distance, sigma):
    """The Gaussian as three cosines."""
    return sum(
        w * torch.cos(kappa * distance / sigma)
        for kappa, w in zip(KAPPA, WEIGHTS, strict=True)
    )


def frequencies(spacing, head_dim):
    """omega_i of "rope" and of "mel"."""
    i = torch.arange(head_dim // 2, dtype=torch.float64)
    if spacing == "rope":
        return 10000.0 ** (-2 * i / head_dim)
    top = 2595 * math.log10(1 + 4000 / 700)
    mels = top * (head_dim // 2 - i) / (head_dim // 2)
    return 700 * (10 ** (mels / 2595) - 1) / 4000


def attention_logits(net, q, k, pitch):
    """Logits of one head's [B, T, head_dim] queries and keys; ``net`` is its Head."""
    u, v, g, e = pitch.unbind(-1)
    t = torch.arange(q.shape[1], dtype=q.dtype)
    omega = frequencies(net.frequencies, q.shape[-1])
    if net.theta == "offset":
        theta = omega * t[:, None] + net.c * u[..., None]
    else:
        course = {
            "phase": u.cumsum(1),
            "utterance": g.cumsum(1),
            "frame": t * u,
            "none": 0 * u,
        }[net.theta]
        theta = omega * (t[:, None] + net.a * course[..., None])
    if net.radius == "sigmoid":
        hertz = torch.where(v >= 0.5, 150 * 2 ** (g + u), 0 * u)
        log_r = (2 / (1 + torch.exp(-hertz)) - 1)[..., None] @ net.rho.T
    else:
        log_r = torch.stack((u * v, v, e), -1) @ net.rho.T
    turn = torch.polar(log_r.clamp(-2, 2).exp(), theta)
    q = torch.view_as_complex(q.unflatten(-1, (-1, 2)).contiguous()) * turn
    k = torch.view_as_complex(k.unflatten(-1, (-1, 2)).contiguous()) * turn
    both_voiced = v[:, :, None] * v[:, None, :]
    distance = u[:, :, None] - u[:, None, :]
    if net.similarity == "laplacian":
        kernel = net.beta * torch.exp(-distance.abs())
    elif net.similarity == "gaussian":
        kernel = net.beta * cosine_kernel(distance, net.sigma)
    else:
        kernel = sum(
            net.even[j] * torch.cos(k * distance) + net.odd[j] * torch.sin(k * distance)
            for j, k in enumerate(COSINES)
        )
    bias = both_voiced * (kernel + net.mu)
    return (q @ k.mH).real * net.scale + bias


class Head:
    """The numbers of head ``h`` of a PitchRoPEMHA, zero where an enhancement is off."""

    def __init__(self, net, h):
        self.theta, self.similarity = net.theta, net.similarity
        self.radius, self.frequencies = net.radius, net.frequencies
        pairs, zero = net.head_dim // 2, net.out_proj.weight.new_zeros(())
        self.a = self.c = zero.expand(pairs)
        self.rho = zero.expand(pairs, 3)
        self.even = self.odd = zero.expand(len(COSINES))
        self.beta, self.mu, self.sigma = zero, zero, zero + 1
        if net.theta == "offset":
            self.c = 15 * net.theta_offset[h]
        elif net.theta != "none":
            self.a = torch.tanh(net.theta_rate[h] * 1.5) / 1.5
        if net.similarity in ("cosines", "even_cosines"):
            self.even = net.similarity_even[h]
        if net.similarity in ("cosines", "odd_cosines"):
            self.odd = net.similarity_odd[h]
        if net.similarity in ("gaussian", "laplacian"):
            self.beta = net.similarity_weight[h]
        if net.similarity != "none":
            self.mu = net.similarity_voiced[h]
        if net.similarity == "gaussian":
            self.sigma = 0.6 + net.similarity_bandwidth[h].exp()
        if net.radius != "none":
            self.rho = net.radius_slope[h]
        self.scale = 1 / math.sqrt(net.embed_dim)


def attend(net, x, pitch, key_padding_mask=None, attn_mask=None, kept=None):
    """Output of a PitchRoPEMHA in float64 on x [B, T, d] and pitch [B, T, 4].

    ``kept`` [B, H, T, T] is 0 where dropout drops a weight and 1 elsewhere.
    """
    projected = (x @ net.in_proj_weight.T).unflatten(-1, (net.num_heads, -1))
    masked = torch.zeros(len(x), x.shape[1], x.shape[1], dtype=torch.bool)
    if key_padding_mask is not None:
        masked = masked | key_padding_mask[:, None, :]
    if attn_mask is not None:
        masked = masked | attn_mask
    heads = []
    for h in range(net.num_heads):
        q, k, v = projected[:, :, h].chunk(3, -1)
        logits = attention_logits(Head(net, h), q, k, pitch)
        weights = logits.masked_fill(masked, -math.inf).softmax(-1)
        if kept is not None:
            weights = weights * kept[:, h] / (1 - net.dropout)
        heads.append(weights @ v)
    return net.out_proj(torch.cat(heads, -1))

"""The test oracle: pitch-aware attention in a dozen lines, as the formulas stand.

Complex numbers from torch.polar, a dense T x T bias, float64, one head after another.
No code of the package is used: only its parameters, and the constants of the kernel.
"""

import math

import torch

KAPPA, WEIGHTS = (0.421, 1.279, 2.186), (0.617, 0.308, 0.069)


def cosine_kernel(distance, sigma):
    """The Gaussian as three cosines."""
    return sum(
        w * torch.cos(kappa * distance / sigma)
        for kappa, w in zip(KAPPA, WEIGHTS, strict=True)
    )


def attention_logits(net, q, k, pitch):
    """Logits of one head's [B, T, head_dim] queries and keys; ``net`` has its numbers.

    ``net`` holds a [pairs], beta, mu, sigma (numbers), rho [pairs, 3] and scale.
    """
    u, v, _, e = pitch.unbind(-1)
    i = torch.arange(q.shape[-1] // 2, dtype=q.dtype)
    omega = 10000.0 ** (-2 * i / q.shape[-1])
    theta = omega * torch.cumsum(1 + net.a * u[..., None], 1)
    log_r = torch.stack((u * v, v, e), -1) @ net.rho.T
    turn = torch.polar(log_r.clamp(-2, 2).exp(), theta)
    q = torch.view_as_complex(q.unflatten(-1, (-1, 2)).contiguous()) * turn
    k = torch.view_as_complex(k.unflatten(-1, (-1, 2)).contiguous()) * turn
    both_voiced = v[:, :, None] * v[:, None, :]
    kernel = cosine_kernel(u[:, :, None] - u[:, None, :], net.sigma)
    bias = both_voiced * (net.beta * kernel + net.mu)
    return (q @ k.mH).real * net.scale + bias


class Head:
    """The numbers of head ``h`` of a PitchRoPEMHA, zero where an enhancement is off."""

    def __init__(self, net, h):
        pairs, zero = net.head_dim // 2, net.out_proj.weight.new_zeros(())
        self.a, self.rho = zero.expand(pairs), zero.expand(pairs, 3)
        self.beta, self.mu, self.sigma = zero, zero, zero + 1
        if net.theta != "none":
            self.a = torch.tanh(net.theta_rate[h] * 1.5) / 1.5
        if net.similarity != "none":
            self.beta, self.mu = net.similarity_weight[h], net.similarity_voiced[h]
            self.sigma = 0.6 + net.similarity_bandwidth[h].exp()
        if net.radius != "none":
            self.rho = net.radius_slope[h]
        self.scale = 1 / math.sqrt(net.embed_dim)


def attend(net, x, pitch, key_padding_mask=None, attn_mask=None):
    """Output of a PitchRoPEMHA in float64 on x [B, T, d] and pitch [B, T, 4]."""
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
        heads.append(logits.masked_fill(masked, -math.inf).softmax(-1) @ v)
    return net.out_proj(torch.cat(heads, -1))

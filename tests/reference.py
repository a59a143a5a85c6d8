"""The test oracle: pitch-aware attention in a dozen lines, as the formulas stand.

Complex numbers from torch.polar, a dense T x T bias, float64, one head after another.
No code of the package is used: only its parameters, and the constants of the kernel.
"""

import math
from types import SimpleNamespace

import torch
from torch.testing import assert_close

COSINES = (4.0, 9.0, 18.0)
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


def head_of(net, h):
    """The numbers of head ``h`` of a PitchRoPEMHA, zero where an enhancement is off."""

    def numbers(name, *shape):
        zeros = net.out_proj.weight.new_zeros(shape)
        return getattr(net, name)[h] if hasattr(net, name) else zeros

    pairs = net.head_dim // 2
    return SimpleNamespace(
        c=15 * numbers("theta_offset", pairs),
        a=torch.tanh(numbers("theta_rate", pairs) * 1.5) / 1.5,
        even=numbers("similarity_even", len(COSINES)),
        odd=numbers("similarity_odd", len(COSINES)),
        beta=numbers("similarity_weight"),
        mu=numbers("similarity_voiced"),
        sigma=0.6 + numbers("similarity_bandwidth").exp(),
        rho=numbers("radius_slope", pairs, 3),
    )


def attention_logits(net, h, q, k, pitch):
    """Logits of head ``h`` for its [B, T, head_dim] queries and keys."""
    head = head_of(net, h)
    u, v, g, e = pitch.unbind(-1)
    t = torch.arange(q.shape[1], dtype=q.dtype)
    course = {"phase": u.cumsum(1), "utterance": g.cumsum(1), "frame": t * u}
    course = course.get(net.theta, 0 * u)[..., None]
    omega = frequencies(net.frequencies, q.shape[-1])
    theta = omega * (t[:, None] + head.a * course) + head.c * u[..., None]
    if net.radius == "sigmoid":
        hertz = torch.where(v >= 0.5, 150 * 2 ** (g + u), 0 * u)
        log_r = (2 / (1 + torch.exp(-hertz)) - 1)[..., None] @ head.rho.T
    else:
        log_r = torch.stack((u * v, v, e), -1) @ head.rho.T
    turn = torch.polar(log_r.clamp(-2, 2).exp(), theta)
    q = torch.view_as_complex(q.unflatten(-1, (-1, 2)).contiguous()) * turn
    k = torch.view_as_complex(k.unflatten(-1, (-1, 2)).contiguous()) * turn
    distance = u[:, :, None] - u[:, None, :]
    if net.similarity == "laplacian":
        kernel = head.beta * torch.exp(-distance.abs())
    elif net.similarity == "gaussian":
        kernel = head.beta * cosine_kernel(distance, head.sigma)
    else:
        kernel = sum(
            even * torch.cos(k_j * distance) + odd * torch.sin(k_j * distance)
            for even, odd, k_j in zip(head.even, head.odd, COSINES, strict=True)
        )
    bias = v[:, :, None] * v[:, None, :] * (kernel + head.mu)
    return (q @ k.mH).real / math.sqrt(net.embed_dim) + bias


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
        logits = attention_logits(net, h, q, k, pitch)
        weights = logits.masked_fill(masked, -math.inf).softmax(-1)
        if kept is not None:
            weights = weights * kept[:, h] / (1 - net.dropout)
        heads.append(weights @ v)
    return net.out_proj(torch.cat(heads, -1))


def with_gradients(out, inputs):
    """An output, and the gradients to ``inputs`` of its product with a ramp."""
    ramp = torch.linspace(-1, 1, out.numel(), dtype=out.dtype, device=out.device)
    loss = (out * ramp.view_as(out)).sum()
    return [out, *torch.autograd.grad(loss, inputs, materialize_grads=True)]


def assert_near(found, expected, atol=1e-6, rtol=0):
    assert_close(found, expected, atol=atol, rtol=rtol)

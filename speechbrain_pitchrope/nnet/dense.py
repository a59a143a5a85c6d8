"""Attention as whole T x T matrices, for figures; fused kernels never build them.

Everything is computed from the module's own rotation, bias columns and projections, so
what is drawn can't disagree with what is computed. Memory grows with T squared.
"""

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet import rotary, similarity


@torch.no_grad()
def attention_weights(net, x, channels=None, key_padding_mask=None, attn_mask=None):
    """The attention weights of a ``PitchRoPEMHA`` on one sequence of frames.

    Arguments
    ---------
    net : speechbrain_pitchrope.nnet.attention.PitchRoPEMHA
        The attention layer; its dropout is left out.
    x : torch.Tensor
        What it gets as query, key and value, shape [B, T, embed_dim].
    channels, key_padding_mask, attn_mask : torch.Tensor, optional
        What it gets as ``pos_embs``, and the masks, as in its ``forward``.

    Returns
    -------
    torch.Tensor
        Share of each key (column) in each query's (row's) output, shape [B, H, T, T];
        each row sums to 1.

    Example
    -------
    >>> from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
    >>> x, channels = torch.rand(2, 7, 8), torch.rand(2, 7, 4)
    >>> weights = attention_weights(PitchRoPEMHA(8, 2), x, channels)
    >>> weights.shape, bool(torch.allclose(weights.sum(-1), torch.ones(2, 2, 7)))
    (torch.Size([2, 2, 7, 7]), True)
    """
    pitch = None if channels is None else inband.unpack(channels)
    heads = torch.nn.functional.linear(x, net.in_proj_weight)
    query, key, _ = heads.unflatten(-1, (net.num_heads, -1)).chunk(3, -1)
    rotation = net.rotation(x.shape[1], pitch, x.dtype)
    query, key = (
        torch.cat(rotary.rotate(part, *rotation), -1) for part in (query, key)
    )
    logits = net.scale * torch.einsum("bmhd,bnhd->bhmn", query, key)
    if pitch is not None:
        logits = logits + similarity_bias(net, pitch)
    if key_padding_mask is not None:
        padding = key_padding_mask.bool()[:, None, None]
        logits = logits.masked_fill(padding, -torch.inf)
    if attn_mask is not None:
        logits = logits.masked_fill(attn_mask, -torch.inf)
    return logits.softmax(-1)


@torch.no_grad()
def similarity_bias(net, pitch):
    """What a ``PitchRoPEMHA`` adds to its logits for pitch: logits [B, H, T, T].

    Example
    -------
    >>> from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
    >>> pitch = inband.unpack(torch.rand(2, 7, 4))
    >>> similarity_bias(PitchRoPEMHA(8, 2), pitch).shape
    torch.Size([2, 2, 7, 7])
    """
    if net.similarity == "none":
        n_batch, n_frames = pitch.log_f0.shape
        return pitch.log_f0.new_zeros(n_batch, net.num_heads, n_frames, n_frames)
    if net.similarity == "laplacian":
        weights = net.similarity_weight, net.similarity_voiced
        return similarity.laplacian_bias(pitch, *weights)
    return torch.einsum("bmhc,bnhc->bhmn", *net.bias_columns(pitch))


def rotation_kernel(cosines, sines):
    """The logits that a rotation alone gives to queries and keys of ones, normalised.

    The mean over rotary pairs of r_m r_n cos(theta_m - theta_n), shape [..., H, T, T]:
    1 on the diagonal where radii are 1. Arguments as from ``PitchRoPEMHA.rotation``.

    Example
    -------
    >>> theta = torch.tensor([0.0, torch.pi / 3])[:, None, None]
    >>> rotation_kernel(theta.cos(), theta.sin())
    tensor([[[1.0000, 0.5000],
             [0.5000, 1.0000]]])
    """
    x = torch.cat((cosines, sines), -1)
    return torch.einsum("...mhd,...nhd->...hmn", x, x) / cosines.shape[-1]

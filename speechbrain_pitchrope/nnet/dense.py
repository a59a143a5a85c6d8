"""Attention as whole T x T matrices, for figures; fused kernels never build them.

Everything is computed from the module's own rotation, bias columns and projections, so
what is drawn can't disagree with what is computed. Memory grows with T squared.
"""

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet import rotary, similarity


@torch.no_grad()
def attention_weights(net, x, channels=None, key_padding_mask=None, attn_mask=None):
    """Attention weights [B, H, T, T] of a ``PitchRoPEMHA``, dropout left out.

    ``x`` [B, T, embed_dim] is query, key and value, ``channels`` are ``pos_embs``; the
    masks are those of its ``forward``. A row is a query, and sums to 1.

    Example
    -------
    >>> from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
    >>> x, channels = torch.rand(2, 7, 8), torch.rand(2, 7, 4)
    >>> attention_weights(PitchRoPEMHA(8, 2), x, channels).shape
    torch.Size([2, 2, 7, 7])
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
    """What a ``PitchRoPEMHA`` adds to its logits for pitch: logits [B, H, T, T]."""
    if net.similarity == "none":
        n_batch, n_frames = pitch.log_f0.shape
        return pitch.log_f0.new_zeros(n_batch, net.num_heads, n_frames, n_frames)
    if net.similarity == "laplacian":
        weights = net.similarity_weight, net.similarity_voiced
        return similarity.laplacian_bias(pitch, *weights)
    return torch.einsum("bmhc,bnhc->bhmn", *net.bias_columns(pitch))

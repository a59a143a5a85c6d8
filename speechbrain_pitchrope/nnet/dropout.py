"""Attention with dropout on a CPU, where torch has no fused kernel for it.

    query, key, value -> weights = softmax(scale q k') -> (weights * kept) v / (1 - p)

``kept`` is 1 with probability 1 - p and 0 otherwise (N. Srivastava et al., "Dropout: A
simple way to prevent neural networks from overfitting", JMLR 15, 2014). The gradient is
written by hand, to pass over the T x T matrices as seldom as possible. Best called for
one utterance at a time, whose matrices stay in the processor's cache.
"""

import torch


def draw_kept(query, dropout_p):
    """Which weights are kept: the same ones, after the same seed, as in RoPEMHA.

    Arguments
    ---------
    query : torch.Tensor
        Shape [B, T, H, width].
    dropout_p : float
        Probability that a weight is dropped, 0 .. 1.

    Returns
    -------
    torch.Tensor
        Ones and zeros, shape [B, H, T, T].

    Example
    -------
    >>> _ = torch.manual_seed(0)
    >>> kept = draw_kept(torch.rand(2, 50, 4, 8), 0.1)
    >>> kept.shape, kept.mean()
    (torch.Size([2, 4, 50, 50]), tensor(0.8...))
    """
    n_batch, n_frames, n_heads, _ = query.shape
    kept = query.new_empty(n_batch, n_heads, n_frames, n_frames)
    return kept.bernoulli_(1 - dropout_p)


def attend_with_dropout(query, key, value, kept, dropout_p, scale=None):
    """Scaled dot-product attention, of whose weights some are dropped.

    Arguments
    ---------
    query : torch.Tensor
        Shape [B, H, T, width].
    key, value : torch.Tensor
        Shape [B, H, S, width]: S may be other than T.
    kept : torch.Tensor
        1 for a weight that is kept and 0 for one that is dropped, shape [B, H, T, S].
    dropout_p : float
        Probability of the zeros: what is kept is divided by 1 - dropout_p, so that the
        mean of each weight stays as it is.
    scale : float, optional
        Factor of the dot products, 1 / sqrt(width) if not given.

    Returns
    -------
    torch.Tensor
        Shape [B, H, T, width].

    Example
    -------
    >>> query, key, value = torch.rand(3, 2, 4, 5, 8)
    >>> expected = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    >>> found = attend_with_dropout(query, key, value, torch.ones(2, 4, 5, 5), 0.0)
    >>> torch.allclose(found, expected)
    True
    """
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    heads = (x.flatten(0, 1) for x in (query, key, value, kept))
    out = _DropoutAttention.apply(*heads, 1 - dropout_p, scale)
    return out.unflatten(0, query.shape[:2])


class _DropoutAttention(torch.autograd.Function):
    """With w the weights, d those that are left and G the gradient to d, the gradient
    to the logits is d G - w sum(d G), and that sum is the output times its gradient.
    """

    @staticmethod
    def forward(ctx, query, key, value, kept, kept_share, scale):
        weights = torch.bmm(query * scale, key.mT).softmax(-1)
        left = kept * weights
        gain = 1 / kept_share if kept_share > 0 else 0.0
        out = torch.bmm(left, value).mul_(gain)
        ctx.save_for_backward(query, key, value, weights, left, out)
        ctx.gain, ctx.scale = gain, scale
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        query, key, value, weights, left, out = ctx.saved_tensors
        total = (gradient * out).sum(-1, keepdim=True)
        gradient = gradient * ctx.gain
        to_logits = torch.bmm(gradient, value.mT).mul_(left)
        to_logits.addcmul_(weights, total, value=-1)
        return (
            torch.bmm(to_logits, key * ctx.scale),
            torch.bmm(to_logits.mT, query * ctx.scale),
            torch.bmm(left.mT, gradient),
            *(None, None, None),
        )

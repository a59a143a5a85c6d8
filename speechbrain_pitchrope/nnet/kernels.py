"""How fused attention kernels are called.

    projected [B, T, H, 3 head_dim] -> query, key, value [B, T, H, width]
        -> attended [B, T, H, head_dim]

    query = ( q turned by torch.polar(r, theta) | columns of the bias | 0 )
    key   = ( k turned by torch.polar(r, theta) | columns of the bias | 0 )
    value = ( v                                                       | 0 )

``fold`` makes query, key and value in torch operations that compilers and exporters
understand; ``fast_fold`` makes the same with complex numbers and a gradient written by
hand, which keeps less and passes over the data less often. Fused kernels want one width
for all three, and on CUDA a multiple of 8.

``attend`` then calls the kernel that suits the device. On a CPU torch has none with
dropout; ``attend_with_dropout`` is ours.
"""

from functools import partial

import torch

from speechbrain_pitchrope.nnet import rotary

WIDTH_MULTIPLE = 8
"""What widths are a multiple of wherever there are columns."""


def is_traced():
    """Whether the calls are being recorded, for inputs of other lengths than these."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()


def fold(projected, log_radius, theta, query_columns, key_columns):
    """Queries, keys and values for a fused kernel, of the dtype of ``projected``.

    ``log_radius`` [B, T, H, head_dim / 2] is log r, or None for r = 1, and ``theta`` of
    this shape or [T, 1, head_dim / 2]; both in single or double precision. The dot
    product of the columns [B, T, H, n], n >= 0, is added to that of q and k.
    """
    query, key, value = projected.chunk(3, -1)
    rotation = rotary.polar(log_radius, theta)
    n_columns = query_columns.shape[-1]
    n_zeros = _width(value, query_columns) - value.shape[-1] - n_columns
    zeros = value.new_zeros(*value.shape[:-1], n_columns + n_zeros)

    def turned(x, columns):
        parts = (*rotary.rotate(x, *rotation), columns, zeros[..., :n_zeros])
        return torch.cat([part.to(value.dtype) for part in parts], -1)

    return (
        turned(query, query_columns),
        turned(key, key_columns),
        torch.cat((value, zeros), -1),
    )


def fast_fold(projected, log_radius, theta, query_columns, key_columns):
    """``fold``, but for the order of dimensions within queries and keys."""
    return _FastFold.apply(projected, log_radius, theta, query_columns, key_columns)


class _FastFold(torch.autograd.Function):
    """Multiplication by z = exp(log r + j theta), of which only z itself is kept.

    With y = z x and G the gradient to y, that to x is conj(z) G, and that to
    log r + j theta is conj(y) G; the kernel keeps y as well.
    """

    @staticmethod
    def forward(ctx, projected, log_radius, theta, query_columns, key_columns):
        query, key, value = projected.chunk(3, -1)
        z = torch.complex(*rotary.polar(log_radius, theta))
        head_dim, columns = value.shape[-1], query_columns.shape[-1]
        shape = (*value.shape[:-1], _width(value, query_columns))
        folded = [value.new_empty(shape) for _ in range(3)]
        for x, wide in zip((query, key), folded[:2], strict=True):
            _multiply(x, z, wide[..., :head_dim])
        folded[2][..., :head_dim] = value
        for wide, beside in zip(folded, (query_columns, key_columns, 0), strict=True):
            wide[..., head_dim : head_dim + columns] = beside
            wide[..., head_dim + columns :] = 0
        ctx.save_for_backward(*folded[:2], z)
        ctx.columns = slice(head_dim, head_dim + columns)
        return tuple(folded)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients):
        query, key, z = ctx.saved_tensors
        head_dim = 2 * z.shape[-1]
        to_projected = query.new_empty(*query.shape[:-1], 3 * head_dim)
        to_query, to_key, to_value = to_projected.chunk(3, -1)
        to_value.copy_(gradients[2][..., :head_dim])
        conjugate, to_exponent = z.conj_physical(), 0
        for y, gradient, to_x in zip(
            (query, key), gradients[:2], (to_query, to_key), strict=True
        ):
            of_pairs = gradient[..., :head_dim]
            _multiply(of_pairs, conjugate, to_x)
            if any(ctx.needs_input_grad[1:3]):
                turned = _complex(y[..., :head_dim], z).conj_physical()
                to_exponent = turned.mul_(_complex(of_pairs, z)).add_(to_exponent)
        return (
            to_projected,
            to_exponent.real if ctx.needs_input_grad[1] else None,
            to_exponent.imag if ctx.needs_input_grad[2] else None,
            *(gradient[..., ctx.columns] for gradient in gradients[:2]),
        )


def _multiply(x, z, out):
    """Write z x to ``out``, neighbouring dimensions being one complex number."""
    if out.dtype == z.real.dtype:
        torch.mul(_complex(x, z), z, out=_complex(out, z))
    else:
        out.copy_(torch.view_as_real(_complex(x, z) * z).flatten(-2))


def _complex(x, z):
    """[..., 2 n] as complex numbers [..., n] of the precision of ``z``."""
    x = x.to(z.real.dtype)
    if x.stride(-1) != 1:
        x = x.contiguous()
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)))


def _width(value, columns):
    """Width of a head and the columns beside it."""
    width, n_columns = value.shape[-1], columns.shape[-1]
    return width + n_columns + -(width + n_columns) % WIDTH_MULTIPLE * bool(n_columns)


def attend(
    query, key, value, key_padding_mask, mask, head_dim, dropout_p=0.0, scale=None
):
    """Scaled dot-product attention [B, T, H, head_dim], by a fused kernel if there is.

    There is one call for the batch. On a CPU there is one for each utterance, without
    the keys behind its last one, which saves their share of the time: all that is done
    with ``key_padding_mask`` [B, T], as the columns mask it. With dropout a CPU has no
    fused kernel: ``attend_with_dropout`` stands in for it, unless there is half
    precision or a ``mask`` [T, T] or [B, H, T, T], which is as in torch.
    """
    x = query, key, value
    fused = torch.nn.functional.scaled_dot_product_attention
    fused = partial(fused, dropout_p=dropout_p, scale=scale)
    if query.device.type == "cpu" and not is_traced():
        lengths = _lengths(key, key_padding_mask)
        if dropout_p == 0 and min(lengths) < key.shape[1]:
            return _one_by_one(fused, *x, lengths, mask, head_dim)
        if dropout_p > 0 and mask is None and query.dtype.itemsize >= 4:
            own = partial(attend_with_dropout, dropout_p=dropout_p, scale=scale)
            kept = draw_kept(query, dropout_p)
            return _one_by_one(own, *x, lengths, kept, head_dim)
    return _call(fused, *x, mask, head_dim)


def _one_by_one(kernel, query, key, value, lengths, mask, head_dim):
    """Attention of each utterance to as many keys of its own as ``lengths`` says."""
    n_frames = key.shape[1]
    # Split once: of as many slices, each would have a gradient of the whole's size.
    sizes = [size for length in lengths for size in (length, n_frames - length)]
    keys, values = (x.flatten(0, 1).split(sizes)[::2] for x in (key, value))
    attended = []
    for i, own_query in enumerate(query.split(1)):
        own_mask = mask
        if mask is not None:
            own_mask = (mask[i : i + 1] if mask.ndim == 4 else mask)[..., : lengths[i]]
        x = own_query, keys[i][None], values[i][None]
        attended.append(_call(kernel, *x, own_mask, head_dim))
    return torch.cat(attended)


def _call(kernel, query, key, value, mask, head_dim):
    heads_first = (x.transpose(1, 2) for x in (query, key, value))
    return kernel(*heads_first, mask).transpose(1, 2)[..., :head_dim]


def _lengths(key, key_padding_mask):
    """Keys up to the last one that is not padding; all of them if there is none.

    For tensors of the CPU: their memory is read as it is, which waits for no device.
    """
    n_batch, n_frames = key.shape[:2]
    if key_padding_mask is None:
        return [n_frames] * n_batch
    number = torch.arange(1, n_frames + 1, device=key.device)
    last = number.masked_fill(key_padding_mask.bool(), 0).amax(1)
    return [length or n_frames for length in last.numpy().tolist()]


def draw_kept(query, dropout_p):
    """Ones and zeros [B, H, T, T]: which weights are kept of queries [B, T, H, width].

    After the same seed they are the same ones as in RoPEMHA.
    """
    n_batch, n_frames, n_heads, _ = query.shape
    kept = query.new_empty(n_batch, n_heads, n_frames, n_frames)
    return kept.bernoulli_(1 - dropout_p)


def attend_with_dropout(query, key, value, kept, dropout_p, scale=None):
    """softmax(scale q k') * kept / (1 - p) v, for q [B, H, T, w] and k, v [B, H, S, w].

    ``kept`` [B, H, T, S] is 1 with probability 1 - p and 0 otherwise (N. Srivastava et
    al., "Dropout: A simple way to prevent neural networks from overfitting", JMLR 15,
    2014). The gradient is written by hand, to pass over the T x S matrices as seldom as
    possible. Best called for one utterance at a time, whose matrices stay in the
    processor's cache.
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

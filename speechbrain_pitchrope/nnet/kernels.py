"""How fused attention kernels are called.

    projected [B, T, H, 3 head_dim] -> query, key, value [B, T, H, width]
        -> attended [B, T, H, head_dim]

    query = ( q turned by torch.polar(r, theta) | columns of the bias | 1 / scale | 0 )
    key   = ( k turned by torch.polar(r, theta) | columns of the bias | padding   | 0 )
    value = ( v                                                                   | 0 )

``fold`` makes query, key and value in torch operations that compilers and exporters
understand; ``fast_fold`` makes the same with complex numbers and a gradient written by
hand, which keeps less, passes over the data less often, and starts 12 kernels at most.
Fused kernels want one width for all three, and on CUDA a multiple of 8. The padding is
a column, and no mask, which would keep them from being chosen.

``attend`` then calls the kernel that suits the device. On a CPU torch has none with
dropout; ``attend_with_dropout`` is ours.
"""

from functools import partial

import torch

from speechbrain_pitchrope.nnet import rotary

WIDTH_MULTIPLE = 8
"""What widths are a multiple of wherever there are columns."""

MASKED = -1e4
"""What a padded key adds to its logits; small enough for float16, and exp(-1e4) = 0."""


class Table:
    """A table that is the same in every call, kept from one to the next.

    ``make`` makes it from a number of rows, a dtype and a device. It is no buffer,
    which ``half()`` would round, and is never made in inference mode, whose tensors
    gradients can't pass.
    """

    def __init__(self, make):
        self.make, self.kept = make, None

    def __call__(self, n_rows, dtype, device):
        """The first ``n_rows`` rows."""
        if torch.compiler.is_compiling():
            return self.make(n_rows, dtype, device)
        kept = self.kept
        same = kept is not None and (kept.dtype, kept.device) == (dtype, device)
        if not same or len(kept) < n_rows:
            with torch.inference_mode(False):
                kept = self.kept = self.make(n_rows, dtype, device)
        return kept[:n_rows]


def fold(projected, log_radius, theta, columns=None, padding=None, scale=1.0):
    """Queries, keys and values for a fused kernel, of the dtype of ``projected``.

    ``log_radius`` [B, T, H, head_dim / 2] is log r, or None for r = 1, and ``theta`` of
    this shape or [T, 1, head_dim / 2]; both in single or double precision. ``columns``
    are those of queries and of keys, [B, T, H, n]: their dot product is added to that
    of q and k. Keys where ``padding`` [B, T] is True are masked. ``scale`` is what the
    kernel will multiply by.
    """
    query, key, value = projected.chunk(3, -1)
    rotation = rotary.polar(log_radius, theta)
    queries, keys = rotary.rotate(query, *rotation), rotary.rotate(key, *rotation)
    if columns is not None:
        queries, keys = (*queries, columns[0]), (*keys, columns[1])
    zero = value.new_zeros(*value.shape[:-1], 1)
    if padding is not None:
        queries = (*queries, zero + 1 / scale)
        keys = (*keys, zero.masked_fill(padding[:, :, None, None], MASKED))
    width = _width(value, columns and columns[0], padding)

    def widened(parts):
        whole = torch.cat([part.to(value.dtype) for part in parts], -1)
        zeros = zero.expand(*zero.shape[:-1], width - whole.shape[-1])
        return torch.cat((whole, zeros), -1)

    return widened(queries), widened(keys), widened((value,))


def fast_fold(projected, log_radius, theta, columns=None, padding=None, scale=1.0):
    """``fold``, but for the order of dimensions within queries and keys."""
    columns = columns or (None, None)
    return _FastFold.apply(projected, log_radius, theta, *columns, padding, scale)


class _FastFold(torch.autograd.Function):
    """Multiplication by z = exp(log r + j theta), of which only z itself is kept.

    With y = z x and G the gradient to y, that to x is conj(z) G, and that to
    log r + j theta is conj(y) G; the kernel keeps y as well. Queries and keys are
    multiplied at once.
    """

    @staticmethod
    def forward(
        ctx, projected, log_radius, theta, query_columns, key_columns, padding, scale
    ):
        queries_keys, value = _split(projected)
        radius = theta.new_ones(()) if log_radius is None else log_radius.exp()
        z = torch.polar(radius, theta)
        head_dim, width = value.shape[-1], _width(value, query_columns, padding)
        folded = projected.new_empty(3, *value.shape[:-1], width)
        turned = folded[:2, ..., :head_dim].permute(1, 2, 3, 0, 4)
        _multiply(queries_keys, z[..., None, :], turned)
        folded[2, ..., :head_dim] = value
        folded[2, ..., head_dim:].zero_()
        last = head_dim
        if query_columns is not None:
            last += query_columns.shape[-1]
            folded[0, ..., head_dim:last] = query_columns
            folded[1, ..., head_dim:last] = key_columns
        folded[:2, ..., last:].zero_()
        if padding is not None:
            folded[0, ..., last].fill_(1 / scale)
            folded[1, ..., last].masked_fill_(padding[:, :, None], MASKED)
        ctx.save_for_backward(turned, z)
        ctx.columns = slice(head_dim, last)
        return tuple(folded)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients):
        turned, z = ctx.saved_tensors
        head_dim = turned.shape[-1]
        to_projected = turned.new_empty(*turned.shape[:3], 3 * head_dim)
        to_queries_keys, to_value = _split(to_projected)
        to_value.copy_(gradients[2][..., :head_dim])
        to_turned = torch.stack(gradients[:2], -2)[..., :head_dim]
        to_turned = _complex(to_turned, z)
        _multiply(to_turned, z.conj_physical()[..., None, :], to_queries_keys)
        to_exponent = None
        if any(ctx.needs_input_grad[1:3]):
            to_exponent = _complex(turned, z).conj_physical().mul_(to_turned).sum(-2)
        return (
            to_projected,
            to_exponent.real if ctx.needs_input_grad[1] else None,
            to_exponent.imag if ctx.needs_input_grad[2] else None,
            *(
                gradient[..., ctx.columns] if needed else None
                for gradient, needed in zip(
                    gradients[:2], ctx.needs_input_grad[3:5], strict=True
                )
            ),
            *(None, None),
        )


def _split(projected):
    """Views of [B, T, H, 3 head_dim]: queries and keys [..., 2, head_dim], values."""
    parts = projected.unflatten(-1, (3, -1))
    return parts[..., :2, :], parts[..., 2, :]


def _multiply(x, z, out):
    """Write z x to ``out``, neighbouring dimensions being one complex number."""
    x = _complex(x, z)
    if out.dtype == z.real.dtype:
        torch.mul(x, z, out=_complex(out, z))
    else:
        out.copy_(torch.view_as_real(x * z).flatten(-2))


def _complex(x, z):
    """[..., 2 n] as complex numbers [..., n] of the precision of ``z``."""
    if x.is_complex():
        return x
    x = x.to(z.real.dtype)
    if x.stride(-1) != 1:
        x = x.contiguous()
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)))


def _width(value, columns, padding):
    """Width of a head and the columns beside it."""
    n_columns = 0 if columns is None else columns.shape[-1]
    n_columns += padding is not None
    width = value.shape[-1] + n_columns
    return width + -width % WIDTH_MULTIPLE if n_columns else width


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
    if query.device.type == "cpu" and not torch.compiler.is_compiling():
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

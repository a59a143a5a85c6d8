"""What fused attention kernels are given, and how they are called.

    projected [B, T, H, 3 head_dim] -> query, key, value [B, T, H, width] -> attended

    query = ( q turned by torch.polar(r, theta) | columns of the bias | 0 )
    key   = ( k turned by torch.polar(r, theta) | columns of the bias | 0 )
    value = ( v                                                       | 0 )

``fold`` makes them in torch operations that compilers and exporters understand;
``fast_fold`` makes the same with complex numbers and a gradient written by hand, which
keeps less and passes over the data less often. Fused kernels want one width for all
three, and on CUDA a multiple of 8.
"""

import torch

from speechbrain_pitchrope.nnet import rotary

WIDTH_MULTIPLE = 8


def fold(projected, log_radius, theta, query_columns, key_columns):
    """Queries, keys and values for a fused kernel.

    Arguments
    ---------
    projected : torch.Tensor
        q, k and v of each head side by side, shape [B, T, H, 3 head_dim].
    log_radius : torch.Tensor or None
        log r, shape [B, T, H, head_dim / 2]; None for r = 1.
    theta : torch.Tensor
        Angles, shape [T, 1, head_dim / 2] or [B, T, H, head_dim / 2]; single or double
        precision.
    query_columns, key_columns : torch.Tensor
        Their dot product is added to that of q and k, shape [B, T, H, n], n >= 0.

    Returns
    -------
    query, key, value : torch.Tensor
        Shape [B, T, H, width], of the dtype of ``projected``.

    Example
    -------
    >>> theta, columns = torch.rand(7, 1, 2), torch.rand(3, 7, 5, 1)
    >>> query, key, value = fold(
    ...     torch.rand(3, 7, 5, 12), None, theta, columns, columns
    ... )
    >>> query.shape, key.shape, value.shape
    (torch.Size([3, 7, 5, 8]), torch.Size([3, 7, 5, 8]), torch.Size([3, 7, 5, 8]))
    """
    query, key, value = projected.chunk(3, -1)
    rotation = rotary.polar(log_radius, theta)
    query = torch.cat(rotary.rotate(query, *rotation), -1)
    key = torch.cat(rotary.rotate(key, *rotation), -1)
    return _widen(query, key, value, query_columns, key_columns)


def fast_fold(projected, log_radius, theta, query_columns, key_columns):
    """``fold``, but for the order of dimensions within queries and keys."""
    return _FastFold.apply(projected, log_radius, theta, query_columns, key_columns)


class _FastFold(torch.autograd.Function):
    """Multiplication by z = exp(log r + j theta), which is not kept but for z itself.

    With y = z x and G the gradient to y, that to x is conj(z) G, and that to
    log r + j theta is conj(y) G; y is kept by the kernel as well.
    """

    @staticmethod
    def forward(ctx, projected, log_radius, theta, query_columns, key_columns):
        query, key, value = projected.chunk(3, -1)
        z = torch.complex(theta.cos(), theta.sin())
        if log_radius is not None:
            z = z * log_radius.exp()
        query, key = (
            _real(_complex(part.to(theta.dtype)) * z) for part in (query, key)
        )
        query, key, value = _widen(query, key, value, query_columns, key_columns)
        ctx.save_for_backward(query, key, z)
        ctx.n_columns = query_columns.shape[-1]
        return query, key, value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients):
        *folded, z = ctx.saved_tensors
        head_dim, precise = 2 * z.shape[-1], z.real.dtype
        columns = slice(head_dim, head_dim + ctx.n_columns)
        to_x, to_exponent = [], 0
        for y, gradient in zip(folded, gradients[:2], strict=True):
            turned = _complex(gradient[..., :head_dim].to(precise))
            to_x.append(_real(turned * z.conj_physical()).to(gradient.dtype))
            if any(ctx.needs_input_grad[1:3]):
                conjugate = _complex(y[..., :head_dim].to(precise)).conj_physical()
                to_exponent = conjugate.mul_(turned).add_(to_exponent)
        return (
            torch.cat((*to_x, gradients[2][..., :head_dim]), -1),
            to_exponent.real if ctx.needs_input_grad[1] else None,
            to_exponent.imag if ctx.needs_input_grad[2] else None,
            *(gradient[..., columns] for gradient in gradients[:2]),
        )


def _complex(x):
    """Neighbouring dimensions as one complex number, [..., 2 n] -> [..., n]."""
    if x.stride(-1) != 1:
        x = x.contiguous()
    return torch.view_as_complex(x.unflatten(-1, (-1, 2)))


def _real(x):
    return torch.view_as_real(x).flatten(-2)


def _widen(query, key, value, query_columns, key_columns):
    """Put the columns beside query and key, and zeros up to one width beside all."""
    n_columns = query_columns.shape[-1]
    n_zeros = -(value.shape[-1] + n_columns) % WIDTH_MULTIPLE if n_columns else 0
    zeros = value.new_zeros(*value.shape[:-1], n_columns + n_zeros)

    def beside(x, columns):
        parts = (x, columns, zeros[..., :n_zeros]) if n_columns else (x,)
        return torch.cat([part.to(value.dtype) for part in parts], -1)

    return (
        beside(query, query_columns),
        beside(key, key_columns),
        torch.cat((value, zeros), -1),
    )


def attend(query, key, value, key_padding_mask, mask, **settings):
    """Scaled dot-product attention by a fused kernel.

    On a CPU the keys behind an utterance's last one are left out, which saves their
    share of the time; elsewhere, and for compilers, there is one call for the batch.
    Leaving out is all that this does with padding: the columns have to mask it.

    Arguments
    ---------
    query, key, value : torch.Tensor
        Shape [B, T, H, width].
    key_padding_mask : torch.Tensor or None
        Shape [B, T], True for keys that the columns mask.
    mask : torch.Tensor or None
        As of ``torch.nn.functional.scaled_dot_product_attention``, shape [T, T] or
        [B, H, T, T].
    **settings : dict
        ``dropout_p`` and ``scale`` of that function.

    Returns
    -------
    torch.Tensor
        Shape [B, T, H, width].

    Example
    -------
    >>> query, key, value = torch.rand(3, 2, 7, 4, 8)
    >>> attend(query, key, value, None, None).shape
    torch.Size([2, 7, 4, 8])
    """
    whole = query.device.type != "cpu" or is_traced()
    if key_padding_mask is None or whole:
        return _call_kernel(query, key, value, mask, settings)
    n_frames = key.shape[1]
    lengths = _lengths(key_padding_mask)
    if min(lengths) == n_frames:
        return _call_kernel(query, key, value, mask, settings)
    # Split once: of as many slices, each would have a gradient of the whole's size.
    sizes = [size for length in lengths for size in (length, n_frames - length)]
    keys, values = (x.flatten(0, 1).split(sizes)[::2] for x in (key, value))
    attended = []
    for i, length in enumerate(lengths):
        if mask is not None:
            own = (mask[i : i + 1] if mask.ndim == 4 else mask)[..., :length]
        else:
            own = None
        utterance = query[i : i + 1], keys[i][None], values[i][None]
        attended.append(_call_kernel(*utterance, own, settings))
    return torch.cat(attended)


def _call_kernel(query, key, value, mask, settings):
    heads_first = (x.transpose(1, 2) for x in (query, key, value))
    kernel = torch.nn.functional.scaled_dot_product_attention
    return kernel(*heads_first, attn_mask=mask, **settings).transpose(1, 2)


def is_traced():
    """Whether the calls are being recorded, for inputs of other lengths than these."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()


def _lengths(key_padding_mask):
    """Keys up to the last one that is not padding; all of them if there is none."""
    n_frames = key_padding_mask.shape[1]
    number = torch.arange(1, n_frames + 1, device=key_padding_mask.device)
    last = number.masked_fill(key_padding_mask, 0).amax(1)
    return [length or n_frames for length in last.tolist()]

"""What fused attention kernels are given.

    projected [B, T, H, 3 head_dim] -> query, key, value [B, T, H, width]

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
"""What widths are a multiple of wherever there are columns."""


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

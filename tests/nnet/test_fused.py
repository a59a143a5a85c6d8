"""The fast ways to a fused kernel are the plain ones: values and gradients."""

import pytest
import torch

from speechbrain_pitchrope.nnet import fused

B, T, H, D = 3, 11, 2, 6
KERNEL = torch.nn.functional.scaled_dot_product_attention


def arguments(
    n_columns=3, dtype=torch.float64, radius=True, head_dim=D, modulated=True
):
    """Random arguments of ``fold`` that want their gradients."""
    torch.manual_seed(0)
    pairs = (B, T, H, head_dim // 2)
    return [
        torch.randn(B, T, H, 3 * head_dim, dtype=dtype).requires_grad_(),
        (0.3 * torch.randn(pairs, dtype=dtype)).requires_grad_() if radius else None,
        torch.randn(pairs, dtype=dtype).requires_grad_()
        if modulated
        else torch.randn(T, 1, head_dim // 2, dtype=dtype),
        torch.randn(B, T, H, n_columns, dtype=dtype).requires_grad_(),
        torch.randn(B, T, H, n_columns, dtype=dtype).requires_grad_(),
    ]


def outcome(fold, arguments, mask=None):
    """What a kernel makes of folded frames, and the gradients to all arguments."""
    query, key, value = fold(*arguments)
    out = fused.attend(query, key, value, mask, None, scale=0.4)
    target = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    wanted = [x for x in arguments if x is not None and x.requires_grad and x.numel()]
    return [out, *torch.autograd.grad((out * target).sum(), wanted)]


@pytest.mark.parametrize("n_columns", [0, 1, 8])
@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize("head_dim", [36, 40, 64, 80])
def test_fast_fold_is_fold(n_columns, radius, modulated, head_dim):
    inputs = arguments(n_columns, radius=radius, modulated=modulated, head_dim=head_dim)
    found = outcome(fused.fast_fold, inputs)
    expected = outcome(fused.fold, inputs)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-11, rtol=1e-9)


def test_gradient_of_fast_fold_is_the_slope():
    assert torch.autograd.gradcheck(fused.fast_fold, arguments())


@pytest.mark.parametrize("fold", [fused.fold, fused.fast_fold])
def test_half_precision_is_rotated_in_single(fold):
    half, *others = (x.detach() for x in arguments(dtype=torch.float32))
    half = half.bfloat16()
    precise = fold(half.float(), *others)
    for found, expected in zip(fold(half, *others), precise, strict=True):
        assert found.dtype == torch.bfloat16
        # Rounded once, as output.
        torch.testing.assert_close(found.float(), expected, atol=1e-6, rtol=2**-8)


def test_widths_are_equal_and_suit_fused_kernels():
    for head_dim, n_columns, width in (
        (64, 0, 64),
        (64, 1, 72),
        (64, 8, 72),
        (36, 8, 48),
    ):
        folded = fused.fast_fold(*arguments(n_columns, head_dim=head_dim))
        assert [x.shape for x in folded] == 3 * [(B, T, H, width)]


def test_the_flash_kernel_takes_what_is_folded():
    """No mask tensor in the way, and widths that it allows; it raises otherwise."""
    padding = torch.arange(T) >= torch.tensor([T, T - 2, 3])[:, None]
    flash = torch.nn.attention.SDPBackend.FLASH_ATTENTION
    with torch.nn.attention.sdpa_kernel(flash):
        found = outcome(fused.fast_fold, arguments(8), padding)
    assert all(x.isfinite().all() for x in found)


@pytest.mark.parametrize("mask", ["none", "chunks", "dense"])
@pytest.mark.parametrize("lengths", [(T, T, T), (T, 5, 1), (4, 0, 7)])
def test_leaving_keys_out_is_masking_them(mask, lengths):
    padding = torch.arange(T) >= torch.tensor(lengths)[:, None]
    padding[0, 1] = True  # a hole, which no leaving out can see
    query, key, value, *_ = torch.randn(4, B, T, H, 8, dtype=torch.float64)
    for x in (query, key, value):
        x.requires_grad_()
    masks = {
        "none": None,
        "chunks": torch.ones(T, T, dtype=torch.bool).tril(2),
        "dense": torch.randn(B, H, T, T, dtype=torch.float64),
    }

    def columns(key):
        """The mask as attention folds it, in a column of its own."""
        column = torch.zeros_like(key[..., :1])
        return torch.cat(
            (key[..., :-1], column.masked_fill(padding[:, :, None, None], -1e4)), -1
        )

    ones = torch.cat((query[..., :-1], torch.ones_like(query[..., :1])), -1)
    whole = KERNEL(
        *(x.transpose(1, 2) for x in (ones, columns(key), value)), masks[mask]
    ).transpose(1, 2)
    found = fused.attend(ones, columns(key), value, padding, masks[mask])
    torch.testing.assert_close(found, whole, atol=1e-12, rtol=0)
    wanted = (query, key, value)
    pairs = (torch.autograd.grad(out.square().sum(), wanted) for out in (found, whole))
    for ours, theirs in zip(*pairs, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


def test_a_traced_module_has_no_lengths_baked_in():
    """What is recorded with one padding serves any other: the columns mask, no more."""
    padding = torch.arange(T) >= torch.tensor([T, 5, 1])[:, None]

    def run(projected, log_radius, theta, query_columns, key_columns, padding):
        assert fused.is_traced()
        folded = fused.fold(projected, log_radius, theta, query_columns, key_columns)
        return fused.attend(*folded, padding, None)

    class Net(torch.nn.Module):
        forward = staticmethod(run)

    inputs = [x.detach() for x in arguments()]
    program = torch.export.export(Net(), (*inputs, padding)).module()
    other = torch.arange(T) >= torch.tensor([2, T, 7])[:, None]
    torch.testing.assert_close(
        program(*inputs, other), program(*inputs, padding), atol=1e-12, rtol=0
    )

"""The fast ways to a fused kernel are the plain ones: values and gradients."""

import pytest
import torch

from speechbrain_pitchrope.nnet import fused, kernels

B, T, H, D = 3, 11, 2, 6


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
    head_dim = arguments[0].shape[-1] // 3
    out = kernels.attend(query, key, value, mask, None, head_dim, scale=0.4)
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

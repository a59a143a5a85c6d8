"""Each fast way of calling a kernel gives the values and gradients of the plain one."""

import pytest
import torch

from speechbrain_pitchrope.nnet import kernels
from tests.reference import assert_near, with_gradients

B, T, H, D = 3, 11, 2, 6
KERNEL = torch.nn.functional.scaled_dot_product_attention


def arguments(n_columns=3, radius=True, modulated=True, head_dim=D, **options):
    """Random arguments of ``fold`` that want their gradients."""
    torch.manual_seed(0)
    options = {"dtype": torch.float64, "requires_grad": True, **options}
    pairs = (B, T, H, head_dim // 2)
    return [
        torch.randn(B, T, H, 3 * head_dim, **options),
        torch.randn(pairs, **options) if radius else None,
        # Angles of plain RoPE are constants.
        torch.randn(pairs, **options)
        if modulated
        else torch.randn(T, 1, head_dim // 2, dtype=options["dtype"]),
        torch.randn(2, B, T, H, n_columns, **options).unbind() if n_columns else None,
    ]


def outcome(fold, arguments, padding=None):
    """What a kernel makes of folded frames, and the gradients to all arguments."""
    head_dim = arguments[0].shape[-1] // 3
    folded = fold(*arguments, padding, 0.4)
    out = kernels.attend(*folded, padding, None, head_dim, scale=0.4)
    given = [*arguments[:3], *(arguments[3] or ())]
    wanted = [x for x in given if x is not None and x.requires_grad]
    return with_gradients(out, wanted)


def padding(*lengths):
    return torch.arange(T) >= torch.tensor(lengths)[:, None]


@pytest.mark.parametrize("n_columns", [0, 7, 8])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("radius", [False, True])
@pytest.mark.parametrize("modulated", [False, True])
@pytest.mark.parametrize("head_dim", [36, 40, 64, 80])
def test_fast_fold_is_fold(n_columns, padded, radius, modulated, head_dim):
    inputs = arguments(n_columns, radius, modulated, head_dim)
    keys = padding(T, T - 2, 3) if padded else None
    folds = kernels.fast_fold, kernels.fold
    found, expected = (outcome(fold, inputs, keys) for fold in folds)
    assert_near(found, expected, 1e-10, 1e-9)


def test_gradient_of_fast_fold_is_the_slope():
    *given, columns = arguments()

    def fast_fold(*given):
        return kernels.fast_fold(*given[:3], given[3:], padding(T, 5, 1))

    assert torch.autograd.gradcheck(fast_fold, (*given, *columns))


@pytest.mark.parametrize("fold", [kernels.fold, kernels.fast_fold])
def test_half_precision_is_rotated_in_single(fold):
    half, *others = arguments(dtype=torch.float32, requires_grad=False)
    half = half.bfloat16()
    precise = fold(half.float(), *others)
    for found, expected in zip(fold(half, *others), precise, strict=True):
        assert found.dtype == torch.bfloat16
        assert_near(found.float(), expected, 1e-6, 2**-8)  # rounded once, as output


@pytest.mark.parametrize(
    "head_dim, n_columns, padded, width",
    [(64, 0, 0, 64), (64, 0, 1, 72), (64, 7, 1, 72), (36, 7, 0, 48), (36, 7, 1, 48)],
)
def test_widths_are_equal_and_suit_fused_kernels(head_dim, n_columns, padded, width):
    keys = padding(T, 5, 1) if padded else None
    folded = kernels.fast_fold(*arguments(n_columns, head_dim=head_dim), keys)
    assert [x.shape for x in folded] == 3 * [(B, T, H, width)]


def test_the_flash_kernel_takes_what_is_folded():
    """No mask tensor in the way, and widths that it allows; it raises otherwise."""
    flash = torch.nn.attention.SDPBackend.FLASH_ATTENTION
    with torch.nn.attention.sdpa_kernel(flash):
        found = outcome(kernels.fast_fold, arguments(8), padding(T, T - 2, 3))
    assert all(x.isfinite().all() for x in found)


@pytest.mark.parametrize("mask", ["none", "chunks", "dense"])
@pytest.mark.parametrize("lengths", [(T, T, T), (T, 5, 1), (4, 0, 7)])
def test_leaving_keys_out_is_masking_them(mask, lengths):
    padded = padding(*lengths)
    padded[0, 1] = True  # a hole, which no leaving out can see
    inputs = torch.randn(3, B, T, H, 8, dtype=torch.float64).requires_grad_().unbind()
    mask = {
        "none": None,
        "chunks": torch.ones(T, T, dtype=torch.bool).tril(2),
        "dense": torch.randn(B, H, T, T, dtype=torch.float64),
    }[mask]
    # The padding as attention folds it, in a column of its own.
    query = torch.nn.functional.pad(inputs[0][..., :-1], (0, 1), value=1.0)
    column = -1e4 * padded[:, :, None, None].expand(B, T, H, 1)
    given = query, torch.cat((inputs[1][..., :-1], column), -1), inputs[2]
    whole = KERNEL(*(x.transpose(1, 2) for x in given), mask).transpose(1, 2)
    found = kernels.attend(*given, padded, mask, 8)
    found, expected = (with_gradients(x, inputs) for x in (found, whole))
    assert_near(found, expected, 1e-12)


def test_dropout_acts_in_half_precision_too():
    query, key, _ = torch.randn(3, B, T, H, 8).bfloat16()
    ones = torch.ones_like(query)
    torch.manual_seed(0)
    out = kernels.attend(query, key, ones, None, None, 8, dropout_p=0.5)
    assert out.dtype == torch.bfloat16
    assert out.min() < 0.9 and out.max() > 1.1
    assert abs(out.float().mean() - 1) < 0.1


@pytest.mark.parametrize("n_queries, n_keys", [(7, 9), (1, 1), (5, 3)])
@pytest.mark.parametrize("dropout_p", [0.0, 0.1, 0.5, 1.0])
def test_dropout_is_softmax_a_mask_and_a_product(n_queries, n_keys, dropout_p):
    torch.manual_seed(0)
    inputs = [
        torch.randn(3, 2, n, 4, dtype=torch.float64, requires_grad=True)
        for n in (n_queries, n_keys, n_keys)
    ]
    kept = (torch.rand(3, 2, n_queries, n_keys) >= dropout_p).double()
    query, key, value = inputs
    weights = (0.3 * query @ key.mT).softmax(-1)
    expected = weights * kept / (1 - dropout_p or 1) @ value
    found = kernels.attend_with_dropout(*inputs, kept, dropout_p, scale=0.3)
    found, expected = (with_gradients(x, inputs) for x in (found, expected))
    assert_near(found, expected, 1e-12)


def test_a_traced_module_has_no_lengths_baked_in():
    """What is recorded with one padding serves any other: the columns mask, no more."""

    class Net(torch.nn.Module):
        def forward(self, *given):
            assert torch.compiler.is_compiling()
            *given, padded = given
            return kernels.attend(*kernels.fold(*given, padded), padded, None, D)

    inputs = arguments(requires_grad=False)
    program = torch.export.export(Net(), (*inputs, padding(T, 5, 1))).module()
    for keys in (padding(2, T, 7), padding(T, 5, 1)):
        folded = kernels.fast_fold(*inputs, keys)
        assert_near(program(*inputs, keys), kernels.attend(*folded, keys, None, D))

"""Each way of calling a kernel gives what one call for the whole batch gives."""

import pytest
import torch

from speechbrain_pitchrope.nnet import fused, kernels

B, T, H, D = 3, 11, 2, 6
KERNEL = torch.nn.functional.scaled_dot_product_attention


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
    found = kernels.attend(ones, columns(key), value, padding, masks[mask], 8)
    torch.testing.assert_close(found, whole, atol=1e-12, rtol=0)
    wanted = (query, key, value)
    pairs = (torch.autograd.grad(out.square().sum(), wanted) for out in (found, whole))
    for ours, theirs in zip(*pairs, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


@pytest.mark.parametrize("dropout_p", [0.0, 0.5])
@pytest.mark.parametrize("lengths", [None, (T, 5, 1)])
def test_the_zeros_behind_the_values_are_left_out(dropout_p, lengths):
    query, key, value = torch.randn(3, B, T, H, 8)
    value[..., D:] = 0
    padding = (
        None if lengths is None else torch.arange(T) >= torch.tensor([[T], [5], [1]])
    )
    outs = []
    for head_dim in (8, D):
        torch.manual_seed(0)
        outs.append(
            kernels.attend(query, key, value, padding, None, head_dim, dropout_p)
        )
    assert torch.equal(outs[0][..., :D], outs[1])
    assert not outs[0][..., D:].any()


@pytest.mark.parametrize(
    "mask", [None, torch.zeros(T, T, dtype=torch.bool).logical_not()]
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_acts_whatever_kernel_there_is(mask, dtype):
    query, key, _ = torch.randn(3, B, T, H, 8).to(dtype)
    ones = torch.ones_like(query)
    torch.manual_seed(0)
    out = kernels.attend(query, key, ones, None, mask, 8, dropout_p=0.5)
    assert out.dtype == dtype
    assert out.min() < 0.9 and out.max() > 1.1
    assert abs(out.float().mean() - 1) < 0.1


def test_a_traced_module_has_no_lengths_baked_in():
    """What is recorded with one padding serves any other: the columns mask, no more."""
    padding = torch.arange(T) >= torch.tensor([T, 5, 1])[:, None]

    def run(projected, log_radius, theta, query_columns, key_columns, padding):
        assert kernels.is_traced()
        folded = fused.fold(projected, log_radius, theta, query_columns, key_columns)
        return kernels.attend(*folded, padding, None, D)

    class Net(torch.nn.Module):
        forward = staticmethod(run)

    torch.manual_seed(0)
    inputs = [
        torch.randn(B, T, H, width, dtype=torch.float64)
        for width in (3 * D, D // 2, D // 2, 3, 3)
    ]
    program = torch.export.export(Net(), (*inputs, padding)).module()
    other = torch.arange(T) >= torch.tensor([2, T, 7])[:, None]
    torch.testing.assert_close(
        program(*inputs, other), program(*inputs, padding), atol=1e-12, rtol=0
    )

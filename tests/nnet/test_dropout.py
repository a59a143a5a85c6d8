"""Attention with dropout is softmax, a mask of ones and zeros, a product: values and
gradients."""

import pytest
import torch

from speechbrain_pitchrope.nnet.dropout import attend_with_dropout, draw_kept

KERNEL = torch.nn.functional.scaled_dot_product_attention


def heads(n_queries=7, n_keys=9, dropout_p=0.0, dtype=torch.float64):
    """Random queries, keys and values of 3 utterances and 2 heads, and what is kept."""
    torch.manual_seed(0)
    shapes = ((3, 2, n, 4) for n in (n_queries, n_keys, n_keys))
    kept = torch.rand(3, 2, n_queries, n_keys) >= dropout_p
    inputs = [torch.randn(shape, dtype=dtype).requires_grad_() for shape in shapes]
    return inputs, kept.to(dtype)


def plain(query, key, value, kept, dropout_p, scale):
    weights = (scale * query @ key.mT).softmax(-1)
    return (weights * kept / (1 - dropout_p)) @ value


def gradients(out, inputs):
    target = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    return torch.autograd.grad((out * target).sum(), inputs)


@pytest.mark.parametrize("n_queries, n_keys", [(7, 9), (1, 1), (5, 3)])
@pytest.mark.parametrize("dropout_p", [0.0, 0.1, 0.5])
def test_values_and_gradients(n_queries, n_keys, dropout_p):
    inputs, kept = heads(n_queries, n_keys, dropout_p)
    found = attend_with_dropout(*inputs, kept, dropout_p, scale=0.3)
    expected = plain(*inputs, kept, dropout_p, 0.3)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    pairs = zip(gradients(found, inputs), gradients(expected, inputs), strict=True)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


def test_all_weights_dropped_is_zero():
    inputs, kept = heads(dropout_p=1.0)
    out = attend_with_dropout(*inputs, kept, 1.0)
    assert not out.any()
    assert not any(gradient.any() for gradient in gradients(out, inputs))


@pytest.mark.parametrize("dropout_p", [0.1, 0.5])
def test_torchs_kernel_drops_the_same_after_the_same_seed(dropout_p):
    inputs, _ = heads(9, 9, dtype=torch.float32)
    torch.manual_seed(3)
    expected = KERNEL(*inputs, dropout_p=dropout_p)
    torch.manual_seed(3)
    kept = draw_kept(inputs[0].transpose(1, 2), dropout_p)
    found = attend_with_dropout(*inputs, kept, dropout_p)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)

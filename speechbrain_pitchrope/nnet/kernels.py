"""How attention kernels are called: the one that suits the device, on what it needs.

query, key, value [B, T, H, width] -> attended [B, T, H, head_dim]
"""

from functools import partial

import torch

from speechbrain_pitchrope.nnet.dropout import attend_with_dropout, draw_kept

FUSED = torch.nn.functional.scaled_dot_product_attention


def attend(
    query, key, value, key_padding_mask, mask, head_dim, dropout_p=0.0, scale=None
):
    """Scaled dot-product attention, by a fused kernel where there is one.

    There is one call for the batch. On a CPU there is one for each utterance, without
    the keys behind its last one, which saves their share of the time. Leaving out is
    all that this does with padding: the columns have to mask it. With dropout a CPU has
    no fused kernel; ``speechbrain_pitchrope.nnet.dropout`` then stands in for it,
    unless there is a mask or half precision.

    Arguments
    ---------
    query, key, value : torch.Tensor
        Shape [B, T, H, width].
    key_padding_mask : torch.Tensor or None
        Shape [B, T], True for keys that the columns mask.
    mask : torch.Tensor or None
        As in ``torch.nn.functional.scaled_dot_product_attention``, shape [T, T] or
        [B, H, T, T].
    head_dim : int
        Width of the values; behind it they are zeros.
    dropout_p : float
        Probability that an attention weight is dropped.
    scale : float, optional
        Factor of the dot products, 1 / sqrt(width) if not given.

    Returns
    -------
    torch.Tensor
        Shape [B, T, H, head_dim].

    Example
    -------
    >>> query, key, value = torch.rand(3, 2, 7, 4, 8)
    >>> attend(query, key, value, None, None, 6).shape
    torch.Size([2, 7, 4, 6])
    """
    x = query, key, value
    fused = partial(FUSED, dropout_p=dropout_p, scale=scale)
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


def is_traced():
    """Whether the calls are being recorded, for inputs of other lengths than these."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()


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

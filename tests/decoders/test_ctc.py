"""Greedy CTC in chunks is greedy CTC of the whole."""

import pytest
import torch
from speechbrain.decoders import ctc_greedy_decode

from speechbrain_pitchrope.decoders.ctc import (
    CTCGreedyStreamingContext,
    ctc_greedy_decode_streaming,
)


@pytest.mark.parametrize("blank_id", [0, 2])
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_chunks_give_the_tokens_of_the_whole(blank_id, size):
    """Few tokens, so that repeats and blanks straddle every boundary."""
    probabilities = torch.rand(
        8, 60, 3, generator=torch.Generator().manual_seed(blank_id)
    )
    expected = ctc_greedy_decode(probabilities, torch.ones(8), blank_id)
    context, found = CTCGreedyStreamingContext(), [[] for _ in range(8)]
    # A chunk without frames now and then.
    chunks = (x for part in probabilities.split(size, 1) for x in (part, part[:, :0]))
    for chunk in chunks:
        gained = ctc_greedy_decode_streaming(chunk, context, blank_id)
        found = [[*tokens, *more] for tokens, more in zip(found, gained, strict=True)]
    assert found == expected

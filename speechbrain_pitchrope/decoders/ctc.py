"""CTC decoding chunk by chunk, for ``speechbrain.inference.ASR.StreamingASR``."""

from dataclasses import dataclass

from speechbrain.decoders.ctc import filter_ctc_output


@dataclass
class CTCGreedyStreamingContext:
    """What one stream has to remember."""

    last_tokens: list | None = None
    """The most probable token of each utterance's last frame so far, [B]."""


def ctc_greedy_decode_streaming(probabilities, context, blank_id=0):
    """Greedy CTC on a chunk: chunk by chunk it gives ``ctc_greedy_decode``'s tokens.

    Arguments
    ---------
    probabilities : torch.Tensor
        Probabilities, or their logarithms, of a chunk, shape [B, T, n_tokens].
    context : CTCGreedyStreamingContext
        Of the stream; changed in place.
    blank_id : int
        Index of blank.

    Returns
    -------
    list of list of int
        The tokens that each utterance has gained.

    Example
    -------
    >>> import torch
    >>> probabilities = torch.eye(3)[None, [1, 1, 0, 1, 1, 2]]
    >>> context = CTCGreedyStreamingContext()
    >>> chunks = probabilities.split(2, dim=1)
    >>> [ctc_greedy_decode_streaming(chunk, context) for chunk in chunks]
    [[[1]], [[1]], [[2]]]
    """
    best = probabilities.argmax(-1).tolist()
    last = context.last_tokens or [blank_id] * len(best)
    context.last_tokens, gained = [], []
    for before, row in zip(last, best, strict=True):
        # A token that goes on from the chunk before is counted there.
        tokens = filter_ctc_output([before, *row], blank_id=blank_id)
        gained.append(tokens[before != blank_id :])
        context.last_tokens.append((before, *row)[-1])
    return gained

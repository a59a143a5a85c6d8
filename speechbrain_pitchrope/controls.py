"""Controls: the compute of pitch-aware attention without the information.

If a variant beats plain RoPE, and its controls beat RoPE as much, then pitch was not
the reason. A control changes the pitch channels where the encoder takes them, and
nothing else. Padded frames stay as they are, four zeros.
"""

import torch

from speechbrain_pitchrope import inband


def shuffled_f0(channels, lengths):
    """Each utterance gets the contour of the next one in its batch.

    ``channels`` [B, T, 4] are those of utterances of ``lengths`` [B] frames, 1 or more.
    ``log_f0``, ``voicing`` and ``register`` move, ``prominence`` stays. A contour that
    is too short begins again, one that is too long is cut off. An utterance that is
    alone in its batch gets its own contour backwards: test with batches. Where sorted
    neighbours may have one contour, as single words do, test in random order.

    Example
    -------
    >>> channels = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.0]])[..., None]
    >>> shuffled_f0(channels.expand(-1, -1, 4), torch.tensor([3, 2]))[..., 0]
    tensor([[0.4000, 0.5000, 0.4000],
            [0.1000, 0.2000, 0.0000]])
    """
    frames = torch.arange(channels.shape[1], device=channels.device)
    if len(channels) == 1:
        source = (lengths - 1 - frames).clamp(min=0)[None]
    else:
        source = frames % lengths.roll(-1)[:, None]
    others = channels.roll(-1, 0).gather(1, source[..., None].expand(-1, -1, 4))
    inside = (frames < lengths[:, None])[..., None]
    pitch, own = inband.unpack(others), inband.unpack(channels)
    shuffled = inband.pack(pitch._replace(prominence=own.prominence))
    return torch.where(inside, shuffled, channels)


def constant_f0(channels, lengths):
    """All frames are fully voiced at 150 Hz and equally loud."""
    one = channels.new_ones(channels.shape[:2])
    zero = torch.zeros_like(one)
    frames = torch.arange(channels.shape[1], device=channels.device)
    inside = (frames < lengths[:, None])[..., None]
    return inside * inband.pack(inband.Pitch(zero, one, zero, zero))


def voicing_only(channels, lengths):
    """Voicing stays, f0 and loudness go."""
    voicing = inband.unpack(channels).voicing
    zero = torch.zeros_like(voicing)
    return inband.pack(inband.Pitch(zero, voicing, zero, zero))


CONTROLS = {f.__name__: f for f in (shuffled_f0, constant_f0, voicing_only)}

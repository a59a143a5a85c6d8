"""From a recording and a model to each figure of ``pitchrope plot``.

``section`` is what ``read_mono`` takes: ``start``, ``end`` and ``channel``. The model
gets nothing else of the recording.
"""

from pathlib import Path

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.figures.attention import attention_figure
from speechbrain_pitchrope.figures.heads import (
    N_MELS,
    SAMPLE_RATE,
    encode,
    features_of,
    frame_shift,
    greedy_tokens,
    read_speech,
    require_heads,
    require_voice,
)
from speechbrain_pitchrope.figures.pitch import pitch_figure
from speechbrain_pitchrope.figures.rotation import rotation_figure
from speechbrain_pitchrope.figures.similarity import similarity_figure
from speechbrain_pitchrope.lobes.features import PitchFbank

SHOWN_SECONDS = 8.0
"""Longest part that is shown where more would be a blur, if no end is given."""

LONGEST_SECONDS = 600
"""Beyond this, nothing is seen of a recording's pitch."""

MAX_HEADS = 4
"""Most heads that are drawn if none are named."""


def draw_pitch(path, compute_features=None, **section):
    """The figure of a recording's pitch, with the mels and f0 that a PitchFbank gives.

    ``compute_features`` is a model's; if not given, one for 16 kHz and 80 mels.
    """
    features = compute_features or PitchFbank(sample_rate=SAMPLE_RATE, n_mels=N_MELS)
    rate, bands = features.compute_STFT.sample_rate, features.compute_fbanks
    wav = read_speech(path, rate, LONGEST_SECONDS, **section)
    with torch.no_grad():
        mels, channels = inband.split(features(wav[None])[0])
    require_voice(channels, path)
    return pitch_figure(
        wav.numpy(),
        rate,
        mels[:, : bands.n_mels].numpy(),
        inband.f0_in_hz(channels).numpy(),
        inband.unpack(channels).voicing.numpy(),
        features.hop_length / rate,
        Path(path).name,
        section.get("start", 0.0),
        None if bands.f_min else bands.f_max,
    )


def draw_rotation(head, path, pairs=(0, 1, 2, 3), span=None):
    """The figure of a head's rotary pairs over one recording.

    ``span`` is the first and last second to show; by default the first 8 s.
    """
    span, shown = shown_span(head.start, len(head.f0_hz) * head.frame_shift, span)
    return rotation_figure(
        *(rotation.numpy() for rotation in head.rotations()),
        head.f0_hz,
        head.frame_shift,
        pairs,
        head.notes(pairs),
        span,
        f"{Path(path).name}{shown}; {head.name}",
        head.start,
    )


def draw_similarity(head, path, span=None):
    """The figure of what positions and pitch add to a head's logits; all if no span."""
    end = head.start + len(head.f0_hz) * head.frame_shift
    span, shown = shown_span(head.start, end - head.start, span or (head.start, end))
    return similarity_figure(
        *(kernel.numpy() for kernel in head.kernels()),
        head.f0_hz,
        head.frame_shift,
        f"{Path(path).name}{shown}; {head.name}",
        span,
        head.start,
    )


def draw_attention(run, path, layers=None, heads=None, span=None, **section):
    """The figure of a TrainedRun's attention, and with pitch zeroed in all layers.

    Of the last layer and all heads, four at most, if none are named.
    """
    layers = [len(run.attention) - 1] if layers is None else layers
    if heads is None:
        heads = range(min([MAX_HEADS, *(net.num_heads for net in run.attention)]))
    require_heads(run, layers, heads)
    wav, mels = features_of(run, path, section)
    p_ctc, with_pitch = encode(run, wav)
    _, without_pitch = encode(run, wav, pitch=False)
    maps = {}
    for layer in layers:
        both = [
            run.attention[layer].attention_weights(*inputs[layer])[0].numpy()
            for inputs in (with_pitch, without_pitch)
        ]
        for head in heads:
            maps[f"layer {layer}, head {head}"] = [weights[head] for weights in both]
    shift, start = frame_shift(run), section.get("start", 0.0)
    frames, ids = greedy_tokens(p_ctc, run.hparams["blank_index"])
    text, pieces = run.tokenizer.decode_ids(ids), map(run.tokenizer.id_to_piece, ids)
    times = (start + frame * shift for frame in frames)
    span, shown = shown_span(start, len(p_ctc) * shift, span)
    return attention_figure(
        mels.numpy(),
        run.hparams["compute_features"].hop_length / run.hparams["sample_rate"],
        maps,
        shift,
        list(zip(times, pieces, strict=True)),
        span,
        f"run {run.folder.name} ({run.variant}), {Path(path).name}{shown}; "
        + (f"reads: {text}" if text else "reads no word"),
        start,
    )


def shown_span(start, duration, span=None):
    """Seconds to show, and what the title says if this is not all of a recording."""
    end = start + duration
    first, last = span or (start, start + SHOWN_SECONDS)
    last = min(last, end)
    is_whole = start == first == 0 and last == end
    return (first, last), "" if is_whole else f" ({first:.4g} to {last:.4g} s)"

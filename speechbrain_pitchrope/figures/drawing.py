"""From a recording, or the folders of runs, to each figure of ``pitchrope plot``.

``section`` is what ``read_mono`` takes: ``start``, ``end`` and ``channel``. The model
gets nothing else of the recording.
"""

from pathlib import Path

import torch

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures.attention import attention_figure
from speechbrain_pitchrope.figures.heads import attention_maps, require_voice
from speechbrain_pitchrope.figures.pitch import pitch_figure
from speechbrain_pitchrope.figures.rotation import rotation_figure
from speechbrain_pitchrope.figures.similarity import similarity_figure
from speechbrain_pitchrope.lobes.features import PitchFbank

SAMPLE_RATE, N_MELS = 16000, 80

SHOWN_SECONDS = 8.0
"""Longest part that is shown where more would be a blur, if no end is given."""

LONGEST_SECONDS = 600
"""Longest recording of which the figure of pitch shows something."""


def draw_pitch(path, compute_features=None, **section):
    """The figure of a recording's pitch, with the mels and f0 that a PitchFbank gives.

    ``compute_features`` is a model's; if not given, one for 16 kHz and 80 mels.
    """
    features = compute_features or PitchFbank(sample_rate=SAMPLE_RATE, n_mels=N_MELS)
    rate, bands = features.compute_STFT.sample_rate, features.compute_fbanks
    wav = read_mono(path, rate, **section)
    if len(wav) > LONGEST_SECONDS * rate:
        raise ValueError(
            f"{path} lasts {len(wav) / rate:.0f} s, expected {LONGEST_SECONDS} s at "
            "most, beyond which nothing is to be seen: choose a part with --start and "
            "--end"
        )
    with torch.no_grad():
        mels, channels = inband.split(features(wav[None])[0])
    require_voice(channels, path)
    f0_hz, voicing = inband.f0_in_hz(channels), inband.unpack(channels).voicing
    return pitch_figure(
        wav.numpy(),
        rate,
        mels[:, : bands.n_mels].numpy(),
        f0_hz.numpy(),
        voicing.numpy(),
        features.hop_length / rate,
        Path(path).name,
        section.get("start", 0.0),
        None if bands.f_min else bands.f_max,
    )


def draw_rotation(head, path, pairs=(0, 1, 2, 3), span=None):
    """The figure of a head's rotary pairs over one recording.

    ``span`` is the first and last second to show; by default the first 8 s.
    """
    standard, adapted = (rotation.numpy() for rotation in head.rotations())
    span, shown = shown_span(head.start, len(standard) * head.frame_shift, span)
    return rotation_figure(
        standard,
        adapted,
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
    duration = len(head.f0_hz) * head.frame_shift
    whole = (head.start, head.start + duration)
    span, shown = shown_span(head.start, duration, span or whole)
    return similarity_figure(
        *(kernel.numpy() for kernel in head.kernels()),
        head.f0_hz,
        head.frame_shift,
        f"{Path(path).name}{shown}; {head.name}",
        span,
        head.start,
    )


def draw_attention(run, path, layers=None, heads=None, span=None, **section):
    """The figure of a trained model's attention; layers, heads: ``attention_maps``."""
    maps = attention_maps(run, path, layers, heads, **section)
    start, duration = section.get("start", 0.0), len(maps.heads[0].with_pitch)
    span, shown = shown_span(start, duration * maps.frame_shift, span)
    said = f"reads: {maps.text}" if maps.text else "reads no word"
    title = f"run {run.folder.name} ({run.variant}), {Path(path).name}{shown}; {said}"
    return attention_figure(*maps[:-1], span=span, title=title, start=start)


def shown_span(start, duration, span=None):
    """Seconds to show, and what the title says if this is not all of a recording.

    Example
    -------
    >>> shown_span(0.0, 10.0)
    ((0.0, 8.0), ' (0 to 8 s)')
    """
    end = start + duration
    if span is None:
        span = (start, min(end, start + SHOWN_SECONDS))
    span = (span[0], min(span[1], end))
    whole = start == 0 and span == (0, end)
    return span, "" if whole else f" ({span[0]:.4g} to {span[1]:.4g} s)"

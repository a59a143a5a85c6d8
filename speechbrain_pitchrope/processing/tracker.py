"""What goes into a pitch tracker, and what all trackers share.

Every ``PitchTracker`` is a module called with ``wavs`` [B, N] that returns two tensors
[B, T], T = N // hop + 1: f0 in Hz, 0 where unvoiced, and the probability of voicing,
0 .. 1. Frame t is centred on sample t * hop.
"""

import torch

from speechbrain_pitchrope import inband

MAX_PEAK = 1e5
"""Samples beyond this are no audio, not even 16 bits kept as floats."""


def require_audio(wavs, consumer):
    """Refuse what is no audio [B, N] by a ValueError that names the consumer's class.

    A look at the values waits for the device: in training it is taken in the first
    batches only, see ``inband.FirstBatches``.
    """
    name = type(consumer).__name__
    if not isinstance(wavs, torch.Tensor):
        raise ValueError(
            f"{name} found audio of type {type(wavs).__name__}, expected a "
            "torch.Tensor: convert it with torch.from_numpy or torch.tensor"
        )
    if not wavs.is_floating_point():
        raise ValueError(
            f"{name} found audio of {wavs.dtype}, expected floats in -1 .. 1: "
            "divide 16-bit samples by 32768"
        )
    if wavs.ndim != 2:
        raise ValueError(
            f"{name} found audio of shape {list(wavs.shape)}, expected mono "
            "[batch, samples]: add a batch dimension with wavs[None], average or "
            "select the channels"
        )
    if wavs.numel() == 0:
        raise ValueError(
            f"{name} found audio without samples, shape {list(wavs.shape)}: "
            "leave empty recordings out of the manifest"
        )
    is_inference = not (torch.is_grad_enabled() or torch.compiler.is_compiling())
    if is_inference or consumer.first_batches.one_more():
        _require_finite(wavs.detach(), name)


def _require_finite(wavs, name):
    peaks = torch.maximum(wavs.amax(1), -wavs.amin(1))  # abs() would copy the batch
    if (peaks <= MAX_PEAK).all():  # not so for NaN
        return
    rows = (~(peaks <= MAX_PEAK)).nonzero().flatten().tolist()
    found = "NaN or infinite samples"
    if peaks.isfinite().all():
        found = f"samples of up to {peaks.max().item():.2g}"
    raise ValueError(
        f"{name} found {found} in rows {rows} of a batch of {len(wavs)}, expected "
        "-1 .. 1: mend the recordings or the augmentation before it"
    )


class PitchTracker(torch.nn.Module):
    """What the trackers share: their frames, and their search range in Hz.

    ``hop_length`` is in milliseconds, the attribute of that name in samples.
    """

    def __init__(self, sample_rate=16000, hop_length=10, f0_min=60.0, f0_max=500.0):
        super().__init__()
        if not 0 < f0_min < f0_max <= sample_rate / 2:
            raise ValueError(
                f"f0 range is {f0_min} to {f0_max} Hz: expected 0 < f0_min < f0_max <= "
                f"{sample_rate / 2:g} Hz, half the sample rate"
            )
        self.sample_rate = sample_rate
        self.hop_length = round(sample_rate * hop_length / 1000)
        self.f0_min, self.f0_max = f0_min, f0_max
        self.first_batches = inband.FirstBatches(self)

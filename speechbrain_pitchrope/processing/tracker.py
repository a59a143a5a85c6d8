"""What goes into a pitch tracker, and what all trackers share.

Every ``PitchTracker`` is a module called with ``wavs`` [B, N] that returns two tensors
[B, T], T = N // hop + 1: f0 in Hz, 0 where unvoiced, and the probability of voicing,
0 .. 1. Frame t is centred on sample t * hop.
"""

import torch

from speechbrain_pitchrope import inband

MAX_PEAK = 1e5
"""Samples beyond this are no audio, not even 16 bits kept as floats."""


def check_audio(wavs, consumer):
    """Check the type and the shape of audio, which costs nothing.

    Arguments
    ---------
    wavs : torch.Tensor
        Floats of shape [B, N], N >= 1, if all is well.
    consumer : str
        Who asks: the class named in the message.

    Raises
    ------
    ValueError
        If it is no tensor, not of floats, not mono, or empty.
    """
    if not isinstance(wavs, torch.Tensor):
        raise ValueError(
            f"{consumer} found audio of type {type(wavs).__name__}, expected a "
            "torch.Tensor: convert it with torch.from_numpy or torch.tensor"
        )
    if not wavs.is_floating_point():
        raise ValueError(
            f"{consumer} found audio of {wavs.dtype}, expected floats in -1 .. 1: "
            "divide 16-bit samples by 32768"
        )
    if wavs.ndim != 2:
        raise ValueError(
            f"{consumer} found audio of shape {list(wavs.shape)}, expected mono "
            "[batch, samples]: add a batch dimension with wavs[None], average or "
            "select the channels"
        )
    if wavs.numel() == 0:
        raise ValueError(
            f"{consumer} found audio without samples, shape {list(wavs.shape)}: "
            "leave empty recordings out of the manifest"
        )


def check_samples(wavs, consumer):
    """Check the values of audio [B, N], for which the host waits for the device.

    Raises
    ------
    ValueError
        If there are NaN or infinite samples, or samples beyond ``MAX_PEAK``; the
        message says in which rows.
    """
    peaks = wavs.detach().abs().amax(1)
    if (peaks <= MAX_PEAK).all():  # not so for NaN
        return
    rows = (~(peaks <= MAX_PEAK)).nonzero().flatten().tolist()
    found = "NaN or infinite samples"
    if peaks.isfinite().all():
        found = f"samples of up to {peaks.max().item():.2g}"
    raise ValueError(
        f"{consumer} found {found} in rows {rows} of a batch of {len(wavs)}, expected "
        "-1 .. 1: mend the recordings or the augmentation before it"
    )


class PitchTracker(torch.nn.Module):
    """What the trackers share: their frames and their search range.

    Arguments
    ---------
    sample_rate : int
        Samples per second.
    hop_length : float
        Milliseconds from frame to frame; the attribute of that name is in samples.
    f0_min, f0_max : float
        Search range in Hz.

    Raises
    ------
    ValueError
        If the range is empty, or goes beyond the range of any voice that the band of
        harmonics allows for.
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

    def check(self, wavs):
        """Refuse what is not audio, with a ValueError.

        In training the values are checked in the first batches only: see
        ``inband.FirstBatches``.
        """
        check_audio(wavs, type(self).__name__)
        if not torch.is_grad_enabled() or self.first_batches.one_more():
            check_samples(wavs, type(self).__name__)

    def extra_repr(self):
        """The settings, for ``print(module)``."""
        return (
            f"sample_rate={self.sample_rate}, hop_length={self.hop_length} samples, "
            f"f0={self.f0_min:g}..{self.f0_max:g} Hz"
        )

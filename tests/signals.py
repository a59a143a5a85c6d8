"""Signals whose pitch is known, made on the spot."""

import math

import torch

SAMPLE_RATE = 16000

FRONT_END = {
    **{"num_blocks": 2, "num_layers_per_block": 1, "out_channels": (8, 4)},
    **{"kernel_sizes": (3, 3), "strides": (2, 2), "residuals": (False, False)},
}
"""A convolutional front end with the strides of the recipes'."""


def voice(f0_hz, seconds=1.0, sample_rate=SAMPLE_RATE):
    """Harmonics below 4 kHz, -6 dB an octave; f0 is a number or a function of time."""
    time = torch.arange(int(seconds * sample_rate), dtype=torch.float64) / sample_rate
    f0 = f0_hz(time) if callable(f0_hz) else torch.full_like(time, f0_hz)
    phase = 2 * math.pi * f0.cumsum(0) / sample_rate
    harmonics = range(1, int(4000 / f0.max()) + 1)
    wave = sum(torch.sin(k * phase) / k for k in harmonics)
    return (0.3 * wave / wave.abs().max()).float()


def utterance(f0_hz=150.0, seconds=1.6, seed=0):
    """Voice with gaps of faint noise before, between and after, like speech."""
    generator = torch.Generator().manual_seed(seed)
    wave = voice(
        lambda t: f0_hz * 2 ** (0.25 * torch.sin(2 * math.pi * 1.5 * t)), seconds
    )
    gate = torch.zeros_like(wave)
    for start, end in ((0.15, 0.45), (0.55, 0.85)):
        gate[int(start * len(wave)) : int(end * len(wave))] = 1.0
    return gate * wave + 1e-3 * torch.randn(len(wave), generator=generator)


def batch_of(*waves):
    """Zero-padded batch [B, N] and relative lengths [B]."""
    wavs = torch.nn.utils.rnn.pad_sequence(waves, batch_first=True)
    lengths = torch.tensor([len(wave) / wavs.shape[1] for wave in waves])
    return wavs, lengths


def pitch_channels(n_batch, n_frames, seed=0, dtype=torch.float32):
    """Random channels within the ranges of the contract, a third of them unvoiced."""
    generator = torch.Generator().manual_seed(seed)
    uniform = torch.rand(4, n_batch, n_frames, generator=generator, dtype=dtype)
    voicing = (1.5 * uniform[1] - 0.5).clamp(min=0)
    log_f0 = (2 * uniform[0] - 1) * (voicing >= 0.5)
    register = (2 * uniform[2, :, :1] - 1).expand(-1, n_frames)
    return torch.stack((log_f0, voicing, register, 2 * uniform[3] - 1), -1)

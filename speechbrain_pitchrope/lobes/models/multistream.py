"""What waveform and pitch add to the encoder's input: nothing in a new model.

``PitchInput`` adds a small convolution of pitch. ``MultiStream`` adds streams beside
the spectrogram, each brought to the encoder's frames and size, through gates:

    src + tanh(g_waveform) * waveform + tanh(g_pitch) * pitch

The gates g, one number for each dimension, start at zero, so a new model is its
spectrogram alone (the gating of J.-B. Alayrac et al., "Flamingo", arXiv:2204.14198).
The waveform stream takes each frame's samples, which ride between mels and pitch:

    PitchFbank [B, T, n_mels + 160 + 4] -> PitchInputNormalization -> PitchAugmenter
        -> PitchConvolutionFrontEnd [B, T / 4, F + 640 + 4] -> the encoder's MultiStream

So the waveform is replicated, warped, masked, chunked and padded with its frame, and
its filters are part of the model. All streams are causal, so that chunks give what the
whole gives, from a few frames of history; without biases, zeros give zeros.
"""

import math
from itertools import pairwise

import torch
from speechbrain.nnet.CNN import Conv1d
from speechbrain.nnet.containers import ModuleList

from speechbrain_pitchrope import inband

STREAMS = ("spectrogram", "waveform", "pitch")
SAMPLE_RATE = 16000

HOP = 160
"""Samples that ride with a frame of features: 10 ms, its own and no other's."""

MAX_SAMPLE = 2.0
"""Samples are in -1 .. 1; resampling and noise may lead a little beyond."""

N_HOPS = 4
"""Feature frames of an encoder frame."""

WINDOW = 400
"""Length of the waveform's filters in samples: 25 ms, as Fbank's."""

FLOOR = 1e-6
"""Power below which the logarithm flattens; a full-scale sine at a new filter's centre
has 133, so it lies 81 dB below."""

KERNEL_SIZE, LAYERS = 3, 2
"""Of the convolutions of pitch."""


def check_streams(streams):
    """Streams of a model, or a ValueError that says what is wrong with them."""
    streams = (streams,) if isinstance(streams, str) else tuple(streams)
    known = all(name in STREAMS for name in streams)
    if not known or "spectrogram" not in streams or len({*streams}) < len(streams):
        raise ValueError(
            f"streams is {list(streams)}: give spectrogram, and waveform or pitch or "
            "both, each once"
        )
    return streams


def samples_per_frame(streams, n_hops=1):
    """Samples that ride with a frame of n_hops hops: 0 without a waveform stream."""
    return HOP * n_hops if "waveform" in check_streams(streams) else 0


def require_hop(sample_rate, hop_length):
    """Raise a ValueError if a waveform of this rate and hop cannot ride."""
    if (sample_rate, hop_length) != (SAMPLE_RATE, HOP):
        raise ValueError(
            f"the features have a hop of {hop_length} samples at {sample_rate} Hz, and "
            f"a waveform stream takes {HOP} at {SAMPLE_RATE} Hz: resample the "
            "recordings, or choose a variant without that stream"
        )


def frame_samples(wavs, n_frames):
    """Cut waveforms [B, N] into the frames [B, n_frames, 160] that they ride with.

    Frame t holds samples 160 t to 160 t + 159; Fbank's is centred on sample 160 t.
    """
    missing = n_frames * HOP - wavs.shape[1]
    return torch.nn.functional.pad(wavs, (0, missing)).unflatten(1, (n_frames, HOP))


def require_samples(samples, consumer):
    """Raise a ValueError if samples [..., S] were normalised or masked like mels."""
    peak = samples.detach().abs().max().item() if samples.numel() > 0 else 0.0
    if peak > MAX_SAMPLE:
        raise ValueError(
            f"{consumer} found samples up to {peak:.2f}, expected -1 to 1: in the "
            "yaml, give normalize and fea_augment `n_features: !ref <n_mels>`, so that "
            "they leave the waveform alone; and read audio as floats"
        )


class PitchStream(torch.nn.Module):
    """Pitch channels [B, T, 4] to the encoder's size: convolutions and a projection.

    A frame whose channels are four zeros gets zeros whatever its neighbours.
    """

    history = LAYERS * (KERNEL_SIZE - 1)
    """Frames before a frame that its output depends on."""

    def __init__(self, d_model, n_channels):
        super().__init__()
        options = {"padding": "causal", "bias": False, "conv_init": "kaiming"}
        sizes = pairwise((inband.N_CHANNELS, *[n_channels] * LAYERS))
        self.convolutions = ModuleList(
            *(Conv1d(out, KERNEL_SIZE, in_channels=n, **options) for n, out in sizes)
        )
        self.projection = torch.nn.Linear(n_channels, d_model, bias=False)

    def forward(self, channels):
        """[B, T, 4] -> [B, T, d_model]."""
        x = channels
        for layer in self.convolutions.layers:
            x = torch.nn.functional.gelu(layer(x))
        return self.projection(x * inband.present(channels))


class PitchInput(PitchStream):
    """Adds what convolutions make of pitch to the encoder's input.

    The projection starts at zero, and with it the output is the input. Separate front
    ends for spectral and prosodic features did better than one for both in G. Cámbara
    et al., "Voice Quality and Pitch Features in Transformer-Based Speech Recognition",
    arXiv:2112.11391. Here it gets the pitch that attention gets, controls included.
    """

    def __init__(self, d_model, n_channels):
        super().__init__(d_model, n_channels)
        torch.nn.init.zeros_(self.projection.weight)

    def forward(self, src, channels):
        """Add pitch [B, H + T, 4] to the frames [B, T, d_model] that it ends with.

        H frames of history come before them when streaming; H = 0 is the start.
        """
        return src + super().forward(channels)[:, -src.shape[1] :]


class WaveformStream(torch.nn.Module):
    """Samples to the encoder's frames and size, by filters that are learned.

    Pairs of filters (cosine and sine, evenly spaced in mel at the start, as in
    N. Zeghidour et al., "Learning Filterbanks from Raw Speech for Phone Recognition",
    arXiv:1711.01161) give a power each 10 ms, log(1 + power / floor). It is normalised
    over the filters of a frame, which takes away a gain, the same summand in each above
    the floor: no level has to be known. One more convolution makes frames of 40 ms.
    """

    history = math.ceil((N_HOPS * HOP + WINDOW - HOP) / (N_HOPS * HOP))
    """Frames before a frame that its output depends on: 880 samples."""

    def __init__(self, d_model, n_channels, n_filters=40):
        super().__init__()
        options = {"padding": "valid", "bias": False, "stride": HOP, "in_channels": 1}
        self.filters = Conv1d(2 * n_filters, WINDOW, skip_transpose=True, **options)
        with torch.no_grad():
            self.filters.conv.weight.copy_(mel_spaced_filters(n_filters)[:, None])
        options |= {"stride": N_HOPS, "in_channels": n_filters, "conv_init": "kaiming"}
        self.convolution = Conv1d(n_channels, 2 * N_HOPS, **options)
        self.projection = torch.nn.Linear(n_channels, d_model, bias=False)

    def forward(self, samples):
        """[B, T, 640] -> [B, T, d_model]."""
        x = self.log_powers(samples)
        x = torch.nn.functional.layer_norm(x, x.shape[-1:])
        x = torch.nn.functional.gelu(self.convolution(x))
        return self.projection(x) * inband.present(samples)

    def log_powers(self, samples):
        """Log power of each filter and hop, and of 4 hops before: [B, 4 T + 4, F]."""
        past = N_HOPS * HOP + WINDOW - HOP
        wavs = torch.nn.functional.pad(samples.flatten(1), (past, 0))
        x = self.filters(wavs[:, None]).transpose(1, 2)
        x = x.to(torch.promote_types(x.dtype, torch.float32))  # squares of quiet speech
        real, imaginary = x.chunk(2, -1)
        return torch.log1p((real.square() + imaginary.square()) / FLOOR)


def mel_spaced_filters(n_filters):
    """Cosines, then sines, evenly spaced in mel below 8 kHz: [2 * n_filters, 400].

    They are under a Hann window and of unit norm.
    """
    top = math.log1p(SAMPLE_RATE / 2 / 700)
    steps = torch.arange(1, n_filters + 1) / (n_filters + 1)
    centres_hz = 700 * torch.expm1(top * steps)
    time = torch.arange(WINDOW) / SAMPLE_RATE
    angles = 2 * math.pi * centres_hz[:, None] * time
    waves = torch.cat((angles.cos(), angles.sin())) * torch.hann_window(WINDOW)
    return torch.nn.functional.normalize(waves)


class MultiStream(torch.nn.Module):
    """The gated sum of a model's streams, "spectrogram" and "waveform" or "pitch".

    ``n_channels`` is the number of channels of their convolutions.

    Example
    -------
    >>> net = MultiStream(d_model=144)
    >>> src = torch.rand(2, 50, 144)
    >>> samples, channels = torch.rand(2, 50, 640), torch.rand(2, 50, 4)
    >>> torch.equal(net(src, samples, channels), src)
    True
    """

    def __init__(self, d_model, streams=STREAMS, n_channels=32):
        super().__init__()
        kinds = {"waveform": WaveformStream, "pitch": PitchStream}
        names = [name for name in check_streams(streams) if name in kinds]
        nets = {name: kinds[name](d_model, n_channels) for name in names}
        self.learned = torch.nn.ModuleDict(nets)
        self.gates = torch.nn.ParameterDict({k: torch.zeros(d_model) for k in names})
        self.history = max((net.history for net in self.learned.values()), default=0)

    def forward(self, src, samples, channels):
        """Add the streams to what the front end made of the spectrogram.

        ``src`` is [B, T, d_model], samples are [B, H + T, 640], channels [B, H + T, 4],
        with H as in ``PitchInput``. Without a waveform stream, samples are not used.
        """
        inputs = {"waveform": samples, "pitch": channels}
        for name, net in self.learned.items():
            stream = net(inputs[name])[:, -src.shape[1] :]
            src = src + torch.tanh(self.gates[name]) * stream
        return src

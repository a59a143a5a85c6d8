"""Parallel streams of a model, and how a waveform rides in-band beside pitch.

=============== ==============================================================
spectrogram     the mels, through the convolutional front end; always there
waveform        each frame's samples, in-band between the mels and pitch
pitch           the pitch channels, in-band in every model of ours
=============== ==============================================================

    PitchFbank [B, T, n_mels + 160 + 4] -> PitchInputNormalization -> PitchAugmenter
        -> PitchConvolutionFrontEnd [B, T / 4, F + 640 + 4] -> PitchTransformerASR
        -> lobes.models.multistream.MultiStream, at the encoder's input

``streams`` in a variant's file says which there are; a recipe's yaml hands it to the
classes that make, carry and hear them.
"""

import torch

from speechbrain_pitchrope import inband

STREAMS = ("spectrogram", "waveform", "pitch")

SAMPLE_RATE = 16000

HOP = 160
"""Samples that ride with a frame of features: 10 ms, its own and no other's."""

MAX_SAMPLE = 2.0
"""Samples are in -1 .. 1; resampling and noise may lead a little beyond."""


def check_streams(streams):
    """Streams of a model, or a ValueError that says what is wrong with them.

    Example
    -------
    >>> check_streams(["spectrogram", "pitch"])
    ('spectrogram', 'pitch')
    """
    streams = (streams,) if isinstance(streams, str) else tuple(streams)
    known = all(name in STREAMS for name in streams)
    if not known or "spectrogram" not in streams or len({*streams}) < len(streams):
        raise ValueError(
            f"streams is {list(streams)}: give spectrogram, and waveform or pitch or "
            "both, each once"
        )
    return streams


def samples_per_frame(streams, n_hops=1):
    """Samples that ride with a frame of n_hops hops: 0 without a waveform stream.

    Example
    -------
    >>> samples_per_frame(["spectrogram", "waveform"], n_hops=4)
    640
    >>> samples_per_frame(["spectrogram", "pitch"], n_hops=4)
    0
    """
    return HOP * n_hops if "waveform" in check_streams(streams) else 0


def require_hop(sample_rate, hop_length):
    """Raise a ValueError if a waveform of this rate and hop can't ride.

    Example
    -------
    >>> require_hop(16000, 160)
    >>> require_hop(8000, 80)
    Traceback (most recent call last):
    ...
    ValueError: the features have a hop of 80 samples at 8000 Hz, ...
    """
    if (sample_rate, hop_length) != (SAMPLE_RATE, HOP):
        raise ValueError(
            f"the features have a hop of {hop_length} samples at {sample_rate} Hz, and "
            f"a waveform stream takes {HOP} at {SAMPLE_RATE} Hz: resample the "
            "recordings, or choose a variant without that stream"
        )


def frame_samples(wavs, n_frames):
    """Cut waveforms into the frames that they ride with.

    Arguments
    ---------
    wavs : torch.Tensor
        Samples in -1 .. 1, shape [B, N].
    n_frames : int
        N // 160 + 1, as Fbank makes.

    Returns
    -------
    torch.Tensor
        Shape [B, n_frames, 160]: frame t holds samples 160 t to 160 t + 159, with zeros
        behind the last one. Fbank's frame t is centred on sample 160 t.

    Example
    -------
    >>> frame_samples(torch.rand(2, 16000), 101).shape
    torch.Size([2, 101, 160])
    """
    missing = n_frames * HOP - wavs.shape[1]
    return torch.nn.functional.pad(wavs, (0, missing)).unflatten(1, (n_frames, HOP))


def join_frames(samples, n_frames, n_hops):
    """Join n_hops frames to one: [B, T, 160] -> [B, n_frames, n_hops * 160]."""
    missing = n_frames * n_hops - samples.shape[1]
    samples = torch.nn.functional.pad(samples, (0, 0, 0, missing))
    return samples.unflatten(1, (n_frames, n_hops)).flatten(2)


def require_waveform(features, n_features, n_samples, consumer):
    """Check that the waveform rides with the features if and only if it should.

    Arguments
    ---------
    features : torch.Tensor
        Shape [B, T, n_features + n_samples + 4] if all is well.
    n_features : int
        Channels that are neither waveform nor pitch.
    n_samples : int
        Samples of a frame's waveform, 0 without that stream.
    consumer : str
        Who asks: the class named in the message.

    Raises
    ------
    ValueError
        If another number of samples rides, or they are not in -1 .. 1.

    Example
    -------
    >>> require_waveform(torch.zeros(2, 7, 84), 80, 160, "PitchConvolutionFrontEnd")
    Traceback (most recent call last):
    ...
    ValueError: PitchConvolutionFrontEnd found 0 samples of waveform ...
    """
    found = features.shape[-1] - n_features - inband.N_CHANNELS
    if found != n_samples and found >= 0 and found % HOP == 0:
        raise ValueError(
            f"{consumer} found {found} samples of waveform a frame, expected "
            f"{n_samples}: in the yaml, give compute_features, CNN and Transformer the "
            "streams of one variant, and strides that make frames of 40 ms"
        )
    if torch.compiler.is_compiling() or n_samples == 0 or features.numel() == 0:
        return
    samples = features[..., n_features : n_features + n_samples].detach()
    peak = samples.abs().max().item()
    if peak > MAX_SAMPLE:
        raise ValueError(
            f"{consumer} found samples up to {peak:.2f}, expected -1 to 1: in the "
            "yaml, give normalize and fea_augment `n_features: !ref <n_mels>`, so that "
            "they leave the waveform alone; and read audio as floats"
        )

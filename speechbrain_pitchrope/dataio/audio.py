"""Reading any recording for the command line: any sample rate, any channel count."""

import math
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
import torch
import torchaudio

SILENCE_SECONDS = 0.3
"""A long recording is cut in the middle of the quietest stretch of this length."""

LARGEST_STEP = 1000
"""torchaudio keeps a filter for each phase between two rates: of 44,100 Hz, whose ratio
to 16,000 Hz is 441 / 160, they are few; of 44,101 Hz they would take gigabytes."""


def read_mono(path, sample_rate):
    """Samples of a recording, its channels averaged, at the rate asked for.

    Arguments
    ---------
    path : str
        A file that libsndfile reads: WAV, FLAC, OGG, MP3 and others.
    sample_rate : int
        Samples per second to return.

    Returns
    -------
    torch.Tensor
        Shape [N].

    Raises
    ------
    ValueError
        If the file is not there or can't be read, or holds no samples or non-finite
        ones.
    """
    with _opened(path) as file:
        wav = _read(file, path, -1)
        if not len(wav):
            raise ValueError(f"{path} holds no samples, expected speech")
        return _resampled(wav, file.samplerate, sample_rate)


def read_pieces(path, sample_rate, longest):
    """Samples of a recording in pieces, no more of them in memory than two pieces.

    A recording that is no longer than ``longest`` is one piece, as of ``read_mono``. A
    longer one is cut where it is quietest in the second half of each ``longest``
    seconds (``quietest``). The pieces have no overlap and leave nothing out.

    Arguments
    ---------
    path : str
        As of ``read_mono``.
    sample_rate : int
        Samples per second to return.
    longest : float
        Length in seconds that no piece exceeds.

    Yields
    ------
    torch.Tensor
        Shape [N].

    Raises
    ------
    ValueError
        As of ``read_mono``; a broken end is found when it is reached.
    """
    with _opened(path) as file:
        rate = file.samplerate
        capacity = max(1, round(longest * rate))
        # One sample more, to know whether there is more to come.
        held = _read(file, path, capacity + 1)
        if not len(held):
            raise ValueError(f"{path} holds no samples, expected speech")
        while len(held) > capacity:
            cut = capacity // 2 + quietest(held[capacity // 2 : capacity], rate)
            yield _resampled(held[: max(1, cut)], rate, sample_rate)
            held = held[max(1, cut) :]
            held = torch.cat((held, _read(file, path, capacity + 1 - len(held))))
        yield _resampled(held, rate, sample_rate)


def quietest(wav, sample_rate):
    """The middle of the stretch of 0.3 s that has the least power.

    Arguments
    ---------
    wav : torch.Tensor
        Shape [N].
    sample_rate : int
        Samples per second.

    Returns
    -------
    int
        Index of a sample.

    Example
    -------
    >>> quietest(torch.tensor([1.0, 1.0, 0.1, 0.0, 0.1, 1.0]), sample_rate=10)
    3
    """
    width = min(len(wav), max(1, round(SILENCE_SECONDS * sample_rate)))
    energy = np.cumsum(np.pad(np.square(wav.numpy(), dtype=np.float64), (1, 0)))
    return int(np.argmin(energy[width:] - energy[:-width])) + width // 2


@contextmanager
def _opened(path):
    """The recording, with what is not there or libsndfile can't read named."""
    if not Path(path).is_file():
        found = "is a folder" if Path(path).is_dir() else "is not there"
        raise ValueError(f"{path} {found}: expected the file of a recording")
    try:
        with soundfile.SoundFile(path) as file:
            yield file
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path} can't be read as audio: {error}") from error


def _read(file, path, n_samples):
    """The next samples, all if -1, their channels averaged."""
    samples = file.read(n_samples, dtype="float32", always_2d=True)
    wav = torch.from_numpy(samples).mean(1)
    if not wav.isfinite().all():
        raise ValueError(f"{path} holds NaN or infinite samples, expected speech")
    return wav


def _resampled(wav, rate, sample_rate):
    divisor = math.gcd(rate, sample_rate)
    if rate // divisor <= LARGEST_STEP:
        return torchaudio.functional.resample(wav, rate, sample_rate)
    up, down = sample_rate // divisor, rate // divisor
    return torch.from_numpy(scipy.signal.resample_poly(wav.numpy(), up, down))

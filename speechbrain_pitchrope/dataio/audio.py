"""Recordings of any format, sample rate and channel count, read in bounded memory.

Blocks of samples are read from a file, checked, mixed to one channel and resampled;
everything else here is made of those blocks. What is wrong with a file is an
``AudioError``. Formats are known by content, never by name.
"""

import math
import re
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.signal
import soundfile
import torch

BLOCK_VALUES = 1 << 20
"""Samples of all channels together that are read at a time."""

SILENCE_SECONDS = 0.3
"""A long recording is cut in the middle of the quietest stretch of this length."""

SAMPLE_RATES = (1000, 768000)
"""Lowest and highest sample rate in Hz that a header may give."""

LARGEST_SAMPLE = 2.0**31
"""Full scale is 1; some write floats on the scale of 16 or 32 bit integers."""

NO_LENGTH = (1 << 63) - 1
"""Frames that libsndfile gives for a FLAC file without a length."""

TOO_LONG = re.compile(
    r"^ *(?:data|SSND|Data Size|riff|Riff size) *: *(\d+) \(should be (\d+)\)", re.M
)
"""How libsndfile's log notes a header that gives more bytes than the file has."""


class AudioError(ValueError):
    """A recording that can't be used.

    Arguments
    ---------
    path : str
        The file.
    kind : str
        "missing", "empty_file", "unreadable_audio", "truncated_audio", "no_samples",
        "not_finite", "not_audio" or "bad_section".
    detail : str
        What was found, and what to do about it; follows the path in the message.

    Example
    -------
    >>> error = AudioError("a.wav", "no_samples", "holds no samples")
    >>> error.kind, str(error)
    ('no_samples', 'a.wav holds no samples')
    """

    def __init__(self, path, kind, detail):
        super().__init__(f"{path} {detail}")
        self.kind, self.detail = kind, detail


@contextmanager
def open_audio(path):
    """The recording as a ``soundfile.SoundFile``; any name is allowed.

    Arguments
    ---------
    path : str
        A file that libsndfile reads: WAV, FLAC, OGG, MP3 and others.

    Yields
    ------
    soundfile.SoundFile

    Raises
    ------
    AudioError
        If there is no such file or it can't be read.
    """
    path = Path(path)
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "is not there"
        raise AudioError(path, "missing", f"{found}: expected the file of a recording")
    if not path.stat().st_size:
        raise AudioError(path, "empty_file", "is empty: 0 bytes")
    # libsndfile would go by the name if it had one, and ask for the rate of "a.raw".
    with open(path, "rb") as opened:
        try:
            file = soundfile.SoundFile(opened.fileno(), closefd=False)
        except soundfile.LibsndfileError as error:
            reason = error.error_string.rstrip(".")
            raise AudioError(
                path,
                "unreadable_audio",
                f"can't be read as audio (libsndfile: {reason}): if it is a recording, "
                "make it a WAV file, for example with ffmpeg",
            ) from error
        with file:
            if not SAMPLE_RATES[0] <= file.samplerate <= SAMPLE_RATES[1]:
                raise AudioError(
                    path,
                    "unreadable_audio",
                    f"has a sample rate of {file.samplerate} Hz in its header: "
                    f"expected {SAMPLE_RATES[0]} to {SAMPLE_RATES[1]} Hz",
                )
            yield file


def read_blocks(path, sample_rate, start=0.0, end=None, channel=None):
    """Samples of a recording in blocks, of which few are in memory at a time.

    Arguments
    ---------
    path : str
        As in ``open_audio``.
    sample_rate : int
        Samples per second to return.
    start, end : float
        The section to read, in seconds; by default all.
    channel : int, optional
        The channel to read, 1 is the first; by default the average of all.

    Yields
    ------
    numpy.ndarray
        Shape [N], float32. All blocks together are what ``read_mono`` returns.

    Raises
    ------
    AudioError
        If the file can't be read, breaks off, or holds no samples or some that are no
        audio. What lies behind ``end`` is not looked at.
    """
    with open_audio(path) as file:
        mixed = (
            block.mean(1, dtype=np.float32)
            if channel is None
            else block[:, channel - 1]
            for block in _checked_blocks(file, path, start, end, channel)
        )
        yield from _resampled(mixed, file.samplerate, sample_rate)


def read_mono(path, sample_rate, start=0.0, end=None, channel=None):
    """Samples of a recording, its channels averaged, at the rate asked for.

    Arguments
    ---------
    path, sample_rate, start, end, channel
        As in ``read_blocks``.

    Returns
    -------
    torch.Tensor
        Shape [N].

    Raises
    ------
    AudioError
        As in ``read_blocks``.
    """
    blocks = read_blocks(path, sample_rate, start, end, channel)
    return torch.from_numpy(np.concatenate(list(blocks)))


def read_pieces(path, sample_rate, longest, start=0.0, end=None, channel=None):
    """Samples of a recording in pieces that are cut in its pauses.

    A recording that is no longer than ``longest`` is one piece. A longer one is cut
    where it is quietest in the second half of each ``longest`` seconds (``quietest``).
    All pieces together are what ``read_mono`` returns.

    Arguments
    ---------
    path, sample_rate, start, end, channel
        As in ``read_blocks``.
    longest : float
        Length in seconds that no piece exceeds.

    Yields
    ------
    torch.Tensor
        Shape [N].

    Raises
    ------
    AudioError
        As in ``read_blocks``; a broken end is found when it is reached.
    """
    capacity = max(1, round(longest * sample_rate))
    held = np.zeros(0, np.float32)
    for block in read_blocks(path, sample_rate, start, end, channel):
        held = np.concatenate((held, block))
        while len(held) > capacity:
            cut = capacity // 2 + quietest(held[capacity // 2 : capacity], sample_rate)
            cut = max(1, cut)
            yield torch.from_numpy(held[:cut])
            held = held[cut:]
    yield torch.from_numpy(held)


def quietest(wav, sample_rate):
    """The middle of the stretch of 0.3 s that has the least power.

    Arguments
    ---------
    wav : numpy.ndarray
        Shape [N].
    sample_rate : int
        Samples per second.

    Returns
    -------
    int
        Index of a sample.

    Example
    -------
    >>> quietest(np.array([1.0, 1.0, 0.1, 0.0, 0.1, 1.0]), sample_rate=10)
    3
    """
    width = min(len(wav), max(1, round(SILENCE_SECONDS * sample_rate)))
    energy = np.cumsum(np.pad(np.square(wav, dtype=np.float64), (1, 0)))
    return int(np.argmin(energy[width:] - energy[:-width])) + width // 2


class Inspection(NamedTuple):
    """What a look at a recording found; ``fault`` is an ``AudioError`` or None."""

    sample_rate: int
    channels: int
    frames: int
    fault: AudioError | None


def inspect(path, decode=True):
    """Look at a recording: its header, and what is wrong with it.

    Arguments
    ---------
    path : str
        The file.
    decode : bool
        Whether to read it to its end, which finds what the header does not show:
        samples that are missing from a FLAC file, not finite, or all 0 ("silent").

    Returns
    -------
    Inspection
        With zeros for what is not known.
    """
    rate = channels = frames = 0
    try:
        with open_audio(path) as file:
            rate, channels, frames = file.samplerate, file.channels, file.frames
            if frames == NO_LENGTH:
                frames = 0
                raise AudioError(
                    path, "unreadable_audio", "has no length in its header"
                )
            _require_end(file, path, frames)
            # A generator: any() would leave the rest undecoded.
            peaks = [np.abs(b).max() for b in _checked_blocks(file, path) if decode]
            if peaks and not max(peaks):
                raise AudioError(path, "silent", f"holds {frames} samples, all 0")
    except AudioError as error:
        return Inspection(rate, channels, frames, error)
    except OSError as error:
        fault = AudioError(path, "unreadable_audio", f"can't be read: {error.strerror}")
        return Inspection(rate, channels, frames, fault)
    return Inspection(rate, channels, frames, None)


def _checked_blocks(file, path, start=0.0, end=None, channel=None):
    """The section of an open file, checked, in blocks [N, channels]."""
    rate, channels = file.samplerate, file.channels
    if channel is not None and not 1 <= channel <= channels:
        raise AudioError(
            path,
            "bad_section",
            f"has {channels} channel{'s' * (channels > 1)}: there is no channel "
            f"{channel}",
        )
    done, last = round(start * rate), math.inf if end is None else round(end * rate)
    if done:
        if done >= file.frames:
            raise AudioError(
                path,
                "bad_section",
                f"lasts {file.frames / rate:.2f} s: nothing starts at {start:g} s",
            )
        file.seek(done)
    while done < last:
        n_frames = int(min(last - done, BLOCK_VALUES // channels))
        try:
            block = file.read(n_frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _truncated(path, done / rate, file.frames / rate) from error
        if not len(block):
            if not done:
                raise AudioError(path, "no_samples", "holds no samples")
            return _require_end(file, path, done)
        peak = np.abs(block).max()
        if not np.isfinite(peak):
            raise AudioError(path, "not_finite", "holds NaN or infinite samples")
        if peak > LARGEST_SAMPLE:
            raise AudioError(
                path,
                "not_audio",
                f"holds a sample of {peak:.3g}, expected audio between -1 and 1: it is "
                "damaged, or its header gives the wrong sample format",
            )
        yield block
        done += len(block)


def _require_end(file, path, frames):
    """Refuse a file of which there are fewer frames than its header gives."""
    given = 0 if file.frames == NO_LENGTH else file.frames
    if log := TOO_LONG.search(file.extra_info):
        n_bytes, found = map(int, log.groups())
        # Recorders that write into a pipe don't know the length, and give the largest.
        if n_bytes < 0xFFFFFF00 and not 0x7FFF0000 <= n_bytes <= 0x80000000:
            given = max(given, frames * n_bytes / max(1, found))
    elif file.format == "NIST":
        with open(path, "rb") as opened:
            count = re.search(rb"sample_count -i (\d+)", opened.read(1024))
        given = max(given, int(count[1]) if count else 0)
    if frames < given:
        raise _truncated(path, frames / file.samplerate, given / file.samplerate)


def _truncated(path, there, given):
    return AudioError(
        path,
        "truncated_audio",
        f"breaks off after {there:.2f} s, its header gives {given:.2f} s: copy it "
        "anew, or read it up to an earlier end",
    )


def _resampled(blocks, rate, sample_rate):
    """Resample a stream of blocks [N]: exactly as if it were a single one."""
    divisor = math.gcd(rate, sample_rate)
    up, down = sample_rate // divisor, rate // divisor
    if up == down:
        yield from blocks
        return
    # scipy's filter reaches 10 * max(up, down) samples at the rate of both, times up.
    context = down * math.ceil((10 * max(up, down) / up + 1) / down)
    held, behind = np.zeros(0, np.float32), 0
    for block in blocks:
        held = np.concatenate((held, block))
        ready = (len(held) - behind - context) // down * down
        if ready > 0:
            seen = scipy.signal.resample_poly(
                held[: behind + ready + context], up, down
            )
            yield seen[behind * up // down : (behind + ready) * up // down]
            kept = max(0, behind + ready - context)
            held, behind = held[kept:], behind + ready - kept
    yield scipy.signal.resample_poly(held, up, down)[behind * up // down :]

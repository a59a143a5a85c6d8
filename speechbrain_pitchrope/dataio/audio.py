"""Recordings of any format, sample rate and channel count, read in bounded memory.

Blocks of samples are read from a file, checked, mixed to one channel and resampled;
everything else here is made of those blocks. What is wrong with a file is an
``AudioError``. Formats are known by content, never by name.
"""

import math
import os
import re
from contextlib import contextmanager
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

LARGEST_SAMPLE = 2.0**15
"""Full scale is 1; some write floats on the scale of 16 bit integers."""

NO_LENGTH = (1 << 63) - 1
"""Frames that libsndfile gives for a FLAC file without a length."""

LARGEST_PAGE = 65307
"""Bytes of a page of OGG (RFC 3533)."""

TOO_LONG = re.compile(
    r"^ *(?:data|SSND|Data Size|riff|Riff size) *: *(\d+) \(should be (\d+)\)", re.M
)
"""How libsndfile's log notes a header that gives more bytes than the file has."""


class AudioError(ValueError):
    """A recording that can't be used: path and detail, and a word for its fault."""

    def __init__(self, path, kind, detail):
        super().__init__(f"{path} {detail}")
        self.kind, self.detail = kind, detail


@contextmanager
def _open(path):
    """The recording as a ``soundfile.SoundFile``; any name is allowed."""
    try:
        # libsndfile would go by a name, and ask for the rate of "a.raw".
        with (
            open(path, "rb") as opened,
            soundfile.SoundFile(opened.fileno(), closefd=False) as file,
        ):
            low, high = SAMPLE_RATES
            if not low <= file.samplerate <= high:
                detail = (
                    f"has a sample rate of {file.samplerate} Hz in its header: "
                    f"expected {low} to {high} Hz"
                )
                raise AudioError(path, "unreadable_audio", detail)
            yield file
    except OSError as error:
        detail = f"can't be read: {error.strerror}"
        raise AudioError(path, "unreadable_audio", detail) from error
    except soundfile.LibsndfileError as error:
        if not os.path.getsize(path):
            raise AudioError(path, "empty_file", "is empty: 0 bytes") from error
        detail = (
            f"can't be read as audio (libsndfile: {error.error_string}): if it is a "
            "recording, make it a WAV file, for example with ffmpeg"
        )
        raise AudioError(path, "unreadable_audio", detail) from error


def read_mono(path, sample_rate, start=0.0, end=None, channel=None):
    """Samples [N] of a recording at the rate asked for, or an ``AudioError``.

    The section from ``start`` to ``end``, in seconds, is read, and nothing behind it.
    ``channel`` 1 is the first; None is the average of all.
    """
    # An hour is not to be in memory twice, as blocks and as a whole.
    samples = bytearray()
    for block in _read(path, sample_rate, start, end, channel):
        samples += block.tobytes()
    return torch.frombuffer(samples, dtype=torch.float32)


def read_pieces(path, sample_rate, longest, start=0.0, end=None, channel=None):
    """What ``read_mono`` returns, in pieces of ``longest`` seconds at most.

    Each cut is in the middle of the quietest 0.3 s in the second half of ``longest``.
    """
    capacity = max(1, round(longest * sample_rate))
    held = np.zeros(0, np.float32)
    for block in _read(path, sample_rate, start, end, channel):
        held = np.concatenate((held, block))
        while len(held) > capacity:
            half = capacity // 2
            cut = max(1, half + _quietest(held[half:capacity], sample_rate))
            yield torch.from_numpy(held[:cut])
            held = held[cut:]
    yield torch.from_numpy(held)


def _quietest(wav, sample_rate):
    """Index of the middle of the stretch of 0.3 s that has the least power."""
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
    """Look at a recording: its header (0 where unknown), and what is wrong with it.

    Only ``decode`` finds what the header does not show: samples that are missing from a
    FLAC file, not finite, or all 0.
    """
    rate = channels = frames = 0
    fault = None
    try:
        with _open(path) as file:
            rate, channels, frames = file.samplerate, file.channels, file.frames
            if frames == NO_LENGTH:
                frames = 0
                detail = "has no length in its header"
                raise AudioError(path, "unreadable_audio", detail)
            _require_end(file, path, frames)
            blocks = _checked_blocks(file, path) if decode else ()
            peaks = [np.abs(block).max() for block in blocks]
            if peaks and not max(peaks):
                raise AudioError(path, "silent", f"holds {frames} samples, all 0")
    except AudioError as error:
        fault = error
    return Inspection(rate, channels, frames, fault)


def _read(path, sample_rate, start, end, channel):
    """Blocks of samples [N], mixed and resampled: few are in memory at a time."""
    with _open(path) as file:
        mixed = (
            block.mean(1, dtype=np.float32)
            if channel is None
            else block[:, channel - 1]
            for block in _checked_blocks(file, path, start, end, channel)
        )
        yield from _resampled(mixed, file.samplerate, sample_rate)


def _checked_blocks(file, path, start=0.0, end=None, channel=None):
    """The section of an open file, checked, in blocks [N, channels]."""
    rate, channels = file.samplerate, file.channels
    seconds = file.frames / rate
    if channel is not None and not 1 <= channel <= channels:
        detail = f"has {channels} channel(s): {channel} is not one of them"
        raise AudioError(path, "bad_section", detail)
    done, last = round(start * rate), math.inf if end is None else round(end * rate)
    if last <= done or 0 < file.frames <= done:
        until = "on" if end is None else f"to {end:g} s"
        detail = f"lasts {seconds:.2f} s: no sample is from {start:g} s {until}"
        raise AudioError(path, "bad_section", detail)
    try:
        if done:
            file.seek(done)
        while done < last:
            n_frames = int(min(last - done, max(1, BLOCK_VALUES // channels)))
            block = file.read(n_frames, dtype="float32", always_2d=True)
            if not len(block):
                return _require_end(file, path, done)
            _require_audio(block, path)
            yield block
            done += len(block)
    except soundfile.LibsndfileError as error:
        raise _truncated(path, max(done, file.tell()) / rate, seconds) from error


def _require_audio(block, path):
    """Refuse samples that no microphone gives."""
    peak = np.abs(block).max()
    if not np.isfinite(peak):
        raise AudioError(path, "not_finite", "holds NaN or infinite samples")
    if peak > LARGEST_SAMPLE:
        detail = (
            f"holds a sample of {peak:.3g}, expected audio between -1 and 1: it is "
            "damaged, or its header gives the wrong sample format"
        )
        raise AudioError(path, "too_loud", detail)


def _require_end(file, path, frames):
    """Refuse a file of which there are fewer frames than its header gives."""
    if not frames:
        raise AudioError(path, "no_samples", "holds no samples")
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
    elif file.format == "OGG" and not _last_page_is_whole(path):
        raise _truncated(path, frames / file.samplerate)
    if frames < given:
        raise _truncated(path, frames / file.samplerate, given / file.samplerate)


def _last_page_is_whole(path):
    """Whether an OGG file ends with its last page: libsndfile drops half of one."""
    with open(path, "rb") as opened:
        opened.seek(-min(os.path.getsize(path), LARGEST_PAGE), os.SEEK_END)
        page = b"OggS" + opened.read().rpartition(b"OggS")[2]
    n_segments = page[26] if len(page) > 26 else 255
    return len(page) >= 27 + n_segments + sum(page[27 : 27 + n_segments])


def _truncated(path, there, given=None):
    promise = "" if given is None else f", its header gives {given:.2f} s"
    detail = f"breaks off or is damaged after {there:.2f} s{promise}"
    advice = "copy it anew, or read it up to an earlier end"
    return AudioError(path, "truncated_audio", f"{detail}: {advice}")


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

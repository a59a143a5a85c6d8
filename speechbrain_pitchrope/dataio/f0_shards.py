"""f0 contours on disk: three bytes a frame, compressed, some utterances in a file.

A shard is an ordinary npz: the contours one behind the other, and a column for each
thing that is known of an utterance. It is one file, so it is there as a whole or not at
all, and zip's own CRC-32 tells whether it is still what was written. An hour of speech
takes about 0.6 MB, and reading one utterance about a millisecond.
"""

import io
import uuid
import zipfile
import zlib
from typing import NamedTuple

import numpy as np
import torch

from speechbrain_pitchrope.files import write_whole

FLOOR_HZ = 10.0
"""The f0 whose code would be 0, which stands for "unvoiced"."""

STEPS_PER_OCTAVE = 6000
"""Steps of a fifth of a cent: 16 bits then reach from 10 Hz to 19 kHz."""

MAX_VOICING = 255
"""The code of voicing 1."""


def encode(f0_hz, voicing):
    """Round a contour to what is stored.

    f0 is kept in octaves, to the nearest fifth of a cent (off by 0.1 cents at most),
    voicing to the nearest 1/255 (off by 0.002 at most). Which frames are voiced, by
    having an f0 or a voicing of 0.5 or more, does not change.

    Arguments
    ---------
    f0_hz : torch.Tensor
        Shape [T], 0 where unvoiced, else above 10 Hz.
    voicing : torch.Tensor
        Probability of voicing, 0 .. 1, shape [T].

    Returns
    -------
    f0 : numpy.ndarray
        uint16, shape [T].
    voicing : numpy.ndarray
        uint8, shape [T].

    Raises
    ------
    ValueError
        If a value lies outside of what can be stored.

    Example
    -------
    >>> f0_hz, voicing = torch.tensor([0.0, 123.4]), torch.tensor([0.2, 0.6])
    >>> encode(f0_hz, voicing)
    (array([    0, 21752], dtype=uint16), array([ 51, 153], dtype=uint8))
    >>> decode(*encode(f0_hz, voicing))
    (tensor([  0.0000, 123.4...]), tensor([0.2000, 0.6000]))
    """
    f0_hz = f0_hz.detach().cpu().double().numpy()
    voicing = voicing.detach().cpu().double().numpy()
    voiced = f0_hz != 0
    with np.errstate(divide="ignore", invalid="ignore"):  # refused right below
        octaves = np.log2(np.where(voiced, f0_hz, 2 * FLOOR_HZ) / FLOOR_HZ)
    codes = np.rint(STEPS_PER_OCTAVE * octaves)
    possible = (codes >= 1) & (codes <= np.iinfo(np.uint16).max)
    if not possible.all():
        raise ValueError(
            f"found an f0 of {f0_hz[~possible][0]} Hz: expected 0 where unvoiced, and "
            f"else more than {FLOOR_HZ:g} Hz"
        )
    if not ((voicing >= 0) & (voicing <= 1)).all():
        raise ValueError(
            f"found voicing from {voicing.min()} to {voicing.max()}: expected 0 .. 1"
        )
    levels = np.rint(MAX_VOICING * voicing).astype(np.uint8)
    return (codes * voiced).astype(np.uint16), levels


def decode(f0, voicing):
    """What ``encode`` has stored: f0 in Hz and voicing, float32, each [T]."""
    octaves = f0.astype(np.float64) / STEPS_PER_OCTAVE
    f0_hz = np.where(f0 > 0, FLOOR_HZ * np.exp2(octaves), 0.0)
    levels = voicing.astype(np.float64) / MAX_VOICING
    return torch.from_numpy(f0_hz).float(), torch.from_numpy(levels).float()


class Entry(NamedTuple):
    """What is known of one utterance beside its contour: a row of a shard's columns.

    Arguments
    ---------
    id : str
        Of the manifest.
    n_frames : int
        Frames of the contour.
    n_samples : int
        Samples of the audio that was tracked.
    n_bytes : int
        Size of the audio file.
    mtime_ns : int
        When the audio file was changed last.
    sha1 : str
        Digest of the audio file's bytes.
    """

    id: str
    n_frames: int
    n_samples: int
    n_bytes: int
    mtime_ns: int
    sha1: str


def write_shard(folder, entries, contours, path=None):
    """Write a new shard, or all of an old one anew.

    Arguments
    ---------
    folder : pathlib.Path
        Folder of the cache.
    entries : list of Entry
        One for each utterance.
    contours : list of tuple
        What ``encode`` gave for each of them.
    path : pathlib.Path, optional
        The shard to replace. A new one gets a name that no other run will choose.

    Returns
    -------
    pathlib.Path
        Where it was written.
    """
    columns = zip(*entries, strict=True)
    arrays = {
        name: np.array(column)
        for name, column in zip(Entry._fields, columns, strict=True)
    }
    for i, name in enumerate(("f0", "voicing")):
        arrays[name] = np.concatenate([contour[i] for contour in contours])
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    path = path or folder / f"{uuid.uuid4().hex}.npz"
    write_whole(path, content.getvalue())
    return path


def read_entries(path):
    """The utterances of a shard.

    Arguments
    ---------
    path : pathlib.Path
        The shard.

    Returns
    -------
    list of Entry

    Raises
    ------
    ValueError
        If the shard is damaged.
    """
    columns = _read(path, Entry._fields)
    return [Entry(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def read_contours(path):
    """f0 and voicing codes of a whole shard, one utterance behind the other.

    Arguments
    ---------
    path : pathlib.Path
        The shard.

    Returns
    -------
    f0, voicing : numpy.ndarray
        As ``encode`` made them, shape [sum of n_frames].

    Raises
    ------
    ValueError
        If the shard is damaged or gone.
    """
    return _read(path, ("f0", "voicing"))


def _read(path, names):
    try:
        with np.load(path) as shard:
            return [shard[name] for name in names]
    except (EOFError, KeyError, OSError, ValueError, *_ZIP_ERRORS) as error:
        raise ValueError(
            f"{path} is damaged ({error}): build the cache again, and only the "
            "utterances of this file are tracked anew"
        ) from error


_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, NotImplementedError)

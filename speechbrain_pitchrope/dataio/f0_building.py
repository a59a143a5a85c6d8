"""Tracks the f0 of a corpus, in threads, into the folder of an f0 cache.

Trackers spend their time in torch and in pyworld, which let other threads work
meanwhile. What is done is written every minute: an interrupted run loses no more.
"""

import hashlib
import time
from contextlib import contextmanager
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import soundfile
import torch
from speechbrain.dataio.dataio import read_audio
from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from speechbrain_pitchrope.dataio import f0_shards
from speechbrain_pitchrope.dataio.f0_cache import check_tracker, shard_paths

logger = get_logger(__name__)

UTTERANCES_PER_SHARD = 64
SECONDS_PER_SHARD = 60.0
"""A shard is written when it has so many utterances, or took so long."""


def build_f0_cache(
    folder, recordings, tracker, read=read_audio, workers=None, check_audio="changed"
):
    """Track what a cache lacks: everything, the rest, or what has changed.

    An utterance is tracked anew when its audio file has other bytes than it had, or
    when its shard is damaged. What the cache holds beside these recordings stays.

    Two builds of one folder at a time do the work twice.

    Arguments
    ---------
    folder : str or pathlib.Path
        Folder of the cache; made if it is not there.
    recordings : dict
        {utterance ID: path of its audio}, mono, at the tracker's sample rate.
    tracker : torch.nn.Module
        Samples [1, N] -> (f0 in Hz [1, T], voicing [1, T]); used by all threads.
    read : callable
        path -> samples [N], as the recipe reads them.
    workers : int, optional
        Number of threads; as many as there are cores by default. Each holds one
        recording.
    check_audio : str
        ``"changed"``: an audio file whose size and time are as they were is taken to be
        as it was, any other is read to compare its digest. ``"full"`` reads all.

    Raises
    ------
    ValueError
        If the cache is another tracker's, or some recordings can't be tracked; the
        others are in the cache then.
    OSError
        If an audio file is not there.

    Example
    -------
    >>> from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
    >>> folder = getfixture("tmp_path")
    >>> soundfile.write(folder / "a.wav", np.zeros(8000), 16000)
    >>> recordings = {"a": folder / "a.wav"}
    >>> build_f0_cache(folder / "f0", recordings, AutocorrelationPitch())
    >>> sorted(path.suffix for path in (folder / "f0").iterdir())
    ['.json', '.npz']
    """
    if check_audio not in ("changed", "full"):
        raise ValueError(f"check_audio is {check_audio!r}: choose changed or full")
    folder = Path(folder)
    check_tracker(folder, tracker)
    with _threads(workers) as threads:
        known = _check_cache(folder, recordings, threads, check_audio == "full")
        missing = [utterance for utterance in recordings if utterance not in known]
        if len(missing) < len(recordings):
            message = "%s: the f0 of %d utterances is there, that of %d is missing"
            logger.info(message, folder, len(recordings) - len(missing), len(missing))

        def track(utterance):
            try:
                return _track(utterance, Path(recordings[utterance]), tracker, read)
            except (OSError, RuntimeError, ValueError) as error:
                return ValueError(f"{utterance}: {error}")

        results = threads.imap_unordered(track, missing)
        # tqdm shows nothing where stderr is no terminal.
        results = tqdm(results, "tracking f0", len(missing), unit="utt", disable=None)
        faults = _write(folder, results)
    if faults:
        raise ValueError(
            f"{len(faults)} of {len(recordings)} recordings can't be tracked, the "
            "first of them:\n  " + "\n  ".join(map(str, faults[:10]))
        )


@contextmanager
def _threads(workers):
    """A pool of threads, in each of which torch computes with one thread alone."""
    before = torch.get_num_threads()
    with ThreadPool(workers, torch.set_num_threads, (1,)) as pool:
        try:
            yield pool
        finally:
            torch.set_num_threads(before)


def _track(utterance, path, tracker, read):
    """(entry, contour) of one recording."""
    stat = path.stat()
    sha1 = _sha1(path)
    rate = soundfile.info(path).samplerate
    if rate != tracker.sample_rate:
        raise ValueError(
            f"{path} has {rate} Hz, expected the tracker's {tracker.sample_rate} Hz"
        )
    wav = read(str(path))
    if wav.ndim != 1 or not len(wav):
        raise ValueError(f"{path} has shape {list(wav.shape)}, expected mono samples")
    with torch.no_grad():
        f0_hz, voicing = (row[0] for row in tracker(wav[None]))
    entry = f0_shards.Entry(
        utterance, len(f0_hz), len(wav), stat.st_size, stat.st_mtime_ns, sha1
    )
    return entry, f0_shards.encode(f0_hz, voicing)


def _sha1(path):
    return hashlib.sha1(path.read_bytes()).hexdigest()


def _write(folder, results):
    """Write shards as results come in, the last one whatever happens: the faults."""
    faults, waiting, begun = [], [], time.monotonic()
    try:
        for result in results:
            if isinstance(result, ValueError):
                faults.append(result)
                continue
            waiting.append(result)
            late = time.monotonic() > begun + SECONDS_PER_SHARD
            if late or len(waiting) == UTTERANCES_PER_SHARD:
                f0_shards.write_shard(folder, *zip(*waiting, strict=True))
                waiting, begun = [], time.monotonic()
    finally:
        if waiting:
            f0_shards.write_shard(folder, *zip(*waiting, strict=True))
    return faults


def _check_cache(folder, recordings, threads, full):
    """Take out of the cache what is not the f0 of these recordings: who remains."""

    def check(entry):
        """The entry as it should be, None if its contour is out of date."""
        if entry.id not in recordings:
            return entry  # of another split, say
        path = Path(recordings[entry.id])
        stat = path.stat()
        stamps = {"n_bytes": stat.st_size, "mtime_ns": stat.st_mtime_ns}
        if entry == entry._replace(**stamps) and not full:
            return entry
        if stat.st_size != entry.n_bytes or _sha1(path) != entry.sha1:
            return None
        return entry._replace(**stamps)

    known = set()
    for path in tqdm(shard_paths(folder), "checking f0", unit="file", disable=None):
        try:
            entries, codes = f0_shards.read_entries(path), f0_shards.read_contours(path)
        except ValueError as error:
            logger.warning("%s", error)
            path.unlink(missing_ok=True)
            continue
        checked = threads.map(check, entries)
        if checked != entries:
            _replace(path, entries, codes, checked)
        known.update(entry.id for entry in checked if entry is not None)
    return known


def _replace(path, entries, codes, checked):
    """Write a shard again, without the contours that are out of date."""
    ends = np.cumsum([entry.n_frames for entry in entries])[:-1]
    contours = zip(*(np.split(column, ends) for column in codes), strict=True)
    kept = [pair for pair in zip(checked, contours, strict=True) if pair[0] is not None]
    if kept:
        f0_shards.write_shard(path.parent, *zip(*kept, strict=True), path)
    else:
        path.unlink()

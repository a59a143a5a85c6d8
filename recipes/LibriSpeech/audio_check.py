"""Are these recordings what a recipe needs? Measured once each, and kept in a journal.

A file is opened, or decoded to its end, and what is wrong with it is named. What was
found goes to a journal, line by line, so that an interrupted run need not start over.
"""

import contextlib
import json
from multiprocessing.pool import ThreadPool

from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from speechbrain_pitchrope.dataio.audio import inspect

logger = get_logger(__name__)

AUDIO = (".flac", ".wav")
FILES_PER_TASK = 8  # handed to a thread at a time
VERSION = 3  # of the journal; what another version wrote is not used again


def measure_all(data_folder, files, journal, settings, workers):
    """{path: what was found} of the audio files, for ``audio_problems``.

    They are measured in threads, except those that the journal, which has one line of
    JSON for each file measured, shows to be sound. ``files`` is {path from data_folder:
    [bytes, mtime in ns]}; ``settings`` has the check_audio, sample_rate, min_seconds
    and max_seconds of ``prepare_librispeech``.
    """
    decode = settings["check_audio"] == "full"
    seen = {}
    for rel, stamp, found in _read_journal(journal):
        if files.get(rel) == stamp and found["decoded"] >= decode:
            if not audio_problems(found, settings):
                seen[rel] = found
    todo = [rel for rel in files if rel.lower().endswith(AUDIO) and rel not in seen]
    if seen:
        message = "%s: %d files were checked before, %d are left"
        logger.info(message, journal, len(seen), len(todo))

    def task(rel):
        return rel, _measure(data_folder / rel, decode)

    with open(journal, "a", buffering=1) as file, ThreadPool(workers) as pool:
        file.write("\n")  # ends the half line that a killed run may have left
        results = pool.imap_unordered(task, todo, FILES_PER_TASK)
        desc = f"checking {journal.name.partition('.journal')[0]}"
        for rel, found in tqdm(results, desc, len(todo), disable=None):
            file.write(json.dumps([VERSION, rel, files[rel], found]) + "\n")
            seen[rel] = found
    return seen


def _read_journal(journal):
    for line in journal.read_bytes().splitlines() if journal.exists() else ():
        with contextlib.suppress(ValueError):  # blank, or not written to its end
            version, *entry = json.loads(line)
            if version == VERSION:
                yield entry


def _measure(path, decode):
    """Rate and frames of a file, and what is wrong with it whatever the settings."""
    rate, channels, frames, fault = inspect(path, decode)
    faults = [("not_mono", f"{channels} channels")] if channels > 1 else []
    if fault:
        faults += [(fault.kind, fault.detail)]
    return {"rate": rate, "frames": frames, "decoded": decode, "faults": faults}


def audio_problems(found, settings):
    """[(kind, what was found), ...] of a measured file under these settings."""
    problems = [tuple(fault) for fault in found["faults"]]
    rate, expected_rate = found["rate"], settings["sample_rate"]
    if rate and rate != expected_rate:
        problems += [("wrong_sample_rate", f"{rate} Hz")]
    if found["frames"]:
        seconds, longest = found["frames"] / rate, settings["max_seconds"]
        if seconds < settings["min_seconds"]:
            problems += [("too_short", f"{seconds} s")]
        if longest is not None and seconds > longest:
            problems += [("too_long", f"{seconds} s")]
    return problems

"""Groups of utterances: by speaker, or by the pitch register of the speaker."""

import csv
import math
from statistics import median

import numpy as np

LOW_HZ = 130
HIGH_HZ = 180
REGISTERS = (f"below {LOW_HZ} Hz", f"{LOW_HZ}-{HIGH_HZ} Hz", f"above {HIGH_HZ} Hz")


def speaker_of(utterance_id):
    """Speaker of an utterance "speaker-chapter-utterance", as in LibriSpeech.

    Example
    -------
    >>> speaker_of("2428-83699-0009")
    '2428'
    """
    speaker, dash, _ = utterance_id.partition("-")
    if not speaker or not dash:
        raise ValueError(
            f"the utterance id {utterance_id!r} names no speaker, expected "
            "'speaker-chapter-utterance': compare without --by-speaker and --f0"
        )
    return speaker


def by_speaker(ids):
    """Indices of each speaker's utterances; numbers in their order, then names.

    Example
    -------
    >>> by_speaker(["1089-1-0", "84-1-0", "84-1-1"])
    {'84': array([1, 2]), '1089': array([0])}
    """
    speakers = np.array([speaker_of(name) for name in ids])
    order = sorted(set(speakers.tolist()), key=lambda name: (len(name), name))
    return {speaker: np.flatnonzero(speakers == speaker) for speaker in order}


def by_register(ids, f0_hz):
    """Indices of the utterances of each register, by the speakers' f0 in Hz.

    Example
    -------
    >>> by_register(["84-1-0", "61-1-0"], {"84": 200.0, "61": 100.0})
    {'below 130 Hz': array([1]), 'above 180 Hz': array([0])}
    """
    speakers = [speaker_of(name) for name in ids]
    missing = sorted(set(speakers) - f0_hz.keys())
    if missing:
        raise ValueError(
            f"speakers {', '.join(missing[:5])} of the test set have no f0_hz, "
            "expected one for every speaker: add a row for each"
        )
    own_hz = np.array([f0_hz[speaker] for speaker in speakers])
    registers = (own_hz >= LOW_HZ).astype(int) + (own_hz > HIGH_HZ)
    members = {n: np.flatnonzero(registers == i) for i, n in enumerate(REGISTERS)}
    return {name: indices for name, indices in members.items() if indices.size}


def read_speaker_f0(path):
    """Speaker to f0 in Hz, of a CSV with the columns speaker and f0_hz and any others.

    Of several rows of a speaker, such as one a recording, the median is taken.

    Example
    -------
    >>> path = getfixture("tmp_path") / "f0.csv"
    >>> _ = path.write_text("speaker,f0_hz\\n84,205.5\\n2428,112\\n")
    >>> read_speaker_f0(path)
    {'84': 205.5, '2428': 112.0}
    """
    values = {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        columns = rows.fieldnames or []
        if not {"speaker", "f0_hz"} <= set(columns):
            raise ValueError(
                f"{path} has the columns {', '.join(columns) or 'none'}, expected "
                "speaker and f0_hz: name them in its first line"
            )
        for row in rows:
            f0_hz = _positive(row["f0_hz"], f"{path}, line {rows.line_num}")
            values.setdefault(row["speaker"].strip(), []).append(f0_hz)
    return {speaker: median(f0s_hz) for speaker, f0s_hz in values.items()}


def _positive(text, place):
    """A positive, finite number of Hz."""
    try:
        f0_hz = float(text)
    except (TypeError, ValueError):
        f0_hz = math.nan
    if not 0 < f0_hz < math.inf:
        raise ValueError(
            f"{place}: found f0_hz {text!r}, expected a number of Hz above 0: leave "
            "out recordings without voice"
        )
    return f0_hz

"""Which group an utterance belongs to: its speaker, or the speaker's pitch register."""

import csv
import math
from statistics import median

LOW_HZ = 130
HIGH_HZ = 180
REGISTERS = (f"below {LOW_HZ} Hz", f"{LOW_HZ}-{HIGH_HZ} Hz", f"above {HIGH_HZ} Hz")


def speaker_of(utterance_id):
    """Speaker of a LibriSpeech utterance.

    Arguments
    ---------
    utterance_id : str
        "speaker-chapter-utterance".

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the id has another form.

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


def register_of(f0_hz):
    """Pitch register of a speaker.

    Arguments
    ---------
    f0_hz : float
        Median f0 of the speaker in Hz.

    Returns
    -------
    str
        One of ``REGISTERS``.

    Example
    -------
    >>> register_of(110.0), register_of(180.0), register_of(210.0)
    ('below 130 Hz', '130-180 Hz', 'above 180 Hz')
    """
    if f0_hz < LOW_HZ:
        return REGISTERS[0]
    return REGISTERS[1] if f0_hz <= HIGH_HZ else REGISTERS[2]


def read_speaker_f0(path):
    """Read the median f0 of speakers.

    Arguments
    ---------
    path : str or pathlib.Path
        CSV with the columns speaker and f0_hz, and any others. If a speaker has several
        rows, such as one a recording, the median of them is taken.

    Returns
    -------
    dict
        Speaker to f0 in Hz.

    Raises
    ------
    ValueError
        If a column is missing, or an f0 is not a positive number.

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

"""The first lines of a ``wer_<split>.txt`` or ``cer_<split>.txt``: its counts."""

import re
from pathlib import Path
from typing import NamedTuple

COUNTS = (
    r"\[ (?P<errors>\d+) / (?P<words>\d+), (?P<insertions>\d+) ins, "
    r"(?P<deletions>\d+) del, (?P<substitutions>\d+) sub \]"
)
"""How SpeechBrain writes the counts of a file and of an utterance."""

SUMMARY = re.compile(
    rf"%WER (?P<rate>[\d.]+) {COUNTS}\n"
    r"%SER [\d.]+ \[ \d+ / \d+ \]\n"
    r"Scored (?P<utterances>\d+) sentences, 0 not present in hyp\.\n"
)


class Counts(NamedTuple):
    """Errors of an utterance or of a file, by kind.

    Arguments
    ---------
    errors, words : int
        Errors, and words of the reference.
    insertions, deletions, substitutions : int
        The errors by kind.
    """

    errors: int
    words: int
    insertions: int
    deletions: int
    substitutions: int


class Errors(NamedTuple):
    """The first lines of a file that SpeechBrain's ErrorRateStats wrote.

    Arguments
    ---------
    rate : float
        Error rate in percent.
    errors, words : int
        Errors, and words (or characters) of the references.
    insertions, deletions, substitutions : int
        The errors by kind.
    utterances : int
        How many were scored.
    """

    rate: float
    errors: int
    words: int
    insertions: int
    deletions: int
    substitutions: int
    utterances: int

    @property
    def counts(self):
        """The errors by kind, as an utterance has them (Counts)."""
        return Counts(*self[1:6])


def read_errors(path):
    """Read the counts of a ``wer_<split>.txt`` or ``cer_<split>.txt``.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    Errors

    Raises
    ------
    ValueError
        If the file is cut short or of another kind.

    Example
    -------
    >>> path = getfixture("tmp_path") / "wer_test-clean.txt"
    >>> _ = path.write_text(
    ...     "%WER 25.00 [ 1 / 4, 0 ins, 0 del, 1 sub ]\\n%SER 50.00 [ 1 / 2 ]\\n"
    ...     "Scored 2 sentences, 0 not present in hyp.\\n"
    ... )
    >>> read_errors(path).rate
    25.0
    """
    text = Path(path).read_text(encoding="utf-8")
    found = SUMMARY.match(text)
    if not found:
        raise ValueError(
            f"{path} begins with {text[:60]!r}, expected the lines '%WER ...', '%SER "
            "...' and 'Scored ... sentences, 0 not present in hyp.' of SpeechBrain's "
            "ErrorRateStats: run the test again with --test_only"
        )
    rate, *counts = found.groups()
    return Errors(float(rate), *map(int, counts))

"""What SpeechBrain's ErrorRateStats wrote: ``wer_<split>.txt`` and ``cer_<split>.txt``.

Such a file has three summary lines, a legend, and for each utterance a line with its
counts and the alignment: the reference, the operations and the hypothesis, in columns.
"""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

COUNTS = r"\[ (\d+) / (\d+), (\d+) ins, (\d+) del, (\d+) sub \]"
SUMMARY = re.compile(
    rf"%WER ([\d.]+) {COUNTS}\n%SER [\d.]+ \[ \d+ / \d+ \]\n"
    r"Scored (\d+) sentences, 0 not present in hyp\.\n"
)
UTTERANCE = re.compile(rf"={{80}}\n(.+), %WER [\d.]+ {COUNTS}\n(.*)\n(.*)\n(.*)\n")
AGAIN = "it was cut short or edited, run the test again with --test_only"


class Counts(NamedTuple):
    """Errors of an utterance or of a file, words of the reference, errors by kind."""

    errors: int
    words: int
    insertions: int
    deletions: int
    substitutions: int

    def __str__(self):
        """As it is written in the files."""
        return "[ {} / {}, {} ins, {} del, {} sub ]".format(*self)


class Errors(NamedTuple):
    """The first lines of a file: rate in percent, counts, utterances scored."""

    rate: float
    errors: int
    words: int
    insertions: int
    deletions: int
    substitutions: int
    utterances: int


class Column(NamedTuple):
    """A column of an alignment: "=", "I", "D" or "S", and a word or "" of each text."""

    operation: str
    reference: str
    hypothesis: str


class Utterance(NamedTuple):
    """An utterance as it was aligned.

    Arguments
    ---------
    reference, hypothesis : tuple of str
        Words said, and words recognised.
    counts : Counts
        What the alignment amounts to.
    columns : tuple of Column
        The alignment itself.
    """

    reference: tuple
    hypothesis: tuple
    counts: Counts
    columns: tuple


def read_errors(path):
    """The first lines of a ``wer_<split>.txt`` or ``cer_<split>.txt``, as Errors."""
    return _parse_summary(_read(path), path)


def read_utterances(path):
    """Read every utterance of a ``wer_<split>.txt``.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    dict
        Utterance id to Utterance, in the file's order.

    Raises
    ------
    ValueError
        If the file is cut short, of characters or of another kind, names an utterance
        twice, or if alignments and the counts written in the file disagree.

    Example
    -------
    >>> from speechbrain.utils.metric_stats import ErrorRateStats
    >>> stats = ErrorRateStats()
    >>> stats.append(["1-1-0"], predict=[["A", "BOX"]], target=[["THE", "BOX"]])
    >>> path = getfixture("tmp_path") / "wer_test.txt"
    >>> with open(path, "w") as file:
    ...     stats.write_stats(file)
    >>> read_utterances(path)["1-1-0"].hypothesis
    ('A', 'BOX')
    """
    text = _read(path)
    summary = _parse_summary(text, path)
    utterances = {}
    for name, *numbers, reference, operations, hypothesis in UTTERANCE.findall(text):
        utterances[name] = parse_alignment(reference, operations, hypothesis)
        found, written = utterances[name].counts, Counts(*map(int, numbers))
        if found != written:
            raise ValueError(
                f"{path}, utterance {name}: its alignment has {found}, the line of "
                f"counts {written}: {AGAIN}"
            )
    totals = Counts(*(sum(u.counts[i] for u in utterances.values()) for i in range(5)))
    written = Counts(*summary[1:6])
    if (len(utterances), totals) != (summary.utterances, written):
        raise ValueError(
            f"{path} holds {len(utterances)} utterances of one id each, {totals}; its "
            f"first lines say {summary.utterances}, {written}: {AGAIN}"
        )
    words = Counter(word for u in utterances.values() for word in u.reference)
    if "_" in words and max(map(len, words)) == 1:  # as cer_<split>.txt
        raise ValueError(
            f"{path} holds characters, expected words: give the wer_<split>.txt "
            "beside it"
        )
    return utterances


def parse_alignment(reference_line, operations_line, hypothesis_line):
    """Words and counts of an alignment.

    The columns are where the line of operations has its semicolons, and the operations
    tell which cells are empty, so that words may be anything, ``;`` and ``<eps>`` too.

    Example
    -------
    >>> parse_alignment("THE ; <eps>", " =  ;   I  ", "THE ;  BOX ").counts
    Counts(errors=1, words=1, insertions=1, deletions=0, substitutions=0)
    """
    marks = [found.start() for found in re.finditer(";", operations_line)]
    edges = [-2, *marks, len(operations_line) + 1]
    columns = []
    for start, end in pairwise(edges) if operations_line.strip() else ():
        said, operation, heard = (
            line[start + 2 : end - 1 if end in marks else None].strip()
            for line in (reference_line, operations_line, hypothesis_line)
        )
        said = "" if operation == "I" else said
        columns.append(Column(operation, said, "" if operation == "D" else heard))
    reference = tuple(x.reference for x in columns if x.operation != "I")
    hypothesis = tuple(x.hypothesis for x in columns if x.operation != "D")
    kinds = Counter(column.operation for column in columns)
    errors, counts = len(columns) - kinds["="], [kinds[kind] for kind in "IDS"]
    return Utterance(
        reference, hypothesis, Counts(errors, len(reference), *counts), (*columns,)
    )


def _read(path):
    """Text of a file, which is UTF-8."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not text in UTF-8, expected the wer_<split>.txt of a test: "
            "give that file"
        ) from error


def _parse_summary(text, path):
    """The first three lines."""
    found = SUMMARY.match(text)
    if not found:
        raise ValueError(
            f"{path} begins with {text[:60]!r}, expected the lines '%WER ...', '%SER "
            "...' and 'Scored ... sentences, 0 not present in hyp.' of SpeechBrain's "
            f"ErrorRateStats: {AGAIN}"
        )
    rate, *counts = found.groups()
    return Errors(float(rate), *map(int, counts))

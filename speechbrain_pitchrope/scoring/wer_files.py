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
UTTERANCE = re.compile(rf"(.+), %WER [\d.]+ {COUNTS}")
RULE = "\n" + "=" * 80 + "\n"
NOTHING = "<eps>"
AGAIN = "it was cut short or edited, run the test again with --test_only"


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

    def __str__(self):
        """As it is written in the files."""
        return "[ {} / {}, {} ins, {} del, {} sub ]".format(*self)


class Errors(NamedTuple):
    """The first lines of a file.

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


class Column(NamedTuple):
    """One column of an alignment.

    Arguments
    ---------
    operation : str
        "=" for a word that is right, "I" for one inserted, "D" for one deleted and "S"
        for one substituted.
    reference, hypothesis : str
        The word said and the word recognised; empty where there is none.
    """

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
    """Read the first lines of a ``wer_<split>.txt`` or ``cer_<split>.txt``.

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
        twice, or if an alignment and the counts written beside it disagree.

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
    _, *sections = text.removesuffix("\n").split(RULE)
    if not (sections and sections[0].startswith("ALIGNMENTS\n")):
        raise ValueError(
            f"{path} has no section ALIGNMENTS after its first three lines, expected "
            f"an alignment for each utterance: {AGAIN}"
        )
    if not text.endswith("\n"):
        raise ValueError(
            f"{path} ends within the line {text.splitlines()[-1][-60:]!r}, expected a "
            f"line end: {AGAIN}"
        )
    utterances = {}
    for header, *lines in (section.split("\n") for section in sections[1:]):
        found = UTTERANCE.fullmatch(header)
        if not found or len(lines) != 3:
            raise ValueError(
                f"{path} has the line {header[:60]!r} and {len(lines)} lines of "
                "alignment after it, expected '<id>, %WER ... [ e / n, i ins, d del, "
                f"s sub ]' and 3: {AGAIN}"
            )
        name, *written = found.groups()
        if name in utterances:
            raise ValueError(
                f"{path} holds the utterance {name} twice, expected it once: score "
                "each utterance once"
            )
        try:
            utterances[name] = parse_alignment(*lines)
        except ValueError as error:
            raise ValueError(f"{path}, utterance {name}: {error}: {AGAIN}") from error
        _require_equal(
            *(utterances[name].counts, written),
            f"{path}, utterance {name}: its alignment has",
        )
    if len(utterances) != summary.utterances or not utterances:
        raise ValueError(
            f"{path} holds {len(utterances)} utterances, its first lines say "
            f"{summary.utterances}: {AGAIN}"
        )
    totals = map(sum, zip(*(u.counts for u in utterances.values()), strict=True))
    _require_equal(totals, summary[1:6], f"{path}: its utterances have")
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

    Arguments
    ---------
    reference_line, operations_line, hypothesis_line : str
        The alignment in columns, separated by ``" ; "``.

    Returns
    -------
    Utterance

    Raises
    ------
    ValueError
        If the lines do not have the same columns, or an operation is unknown.

    Example
    -------
    >>> parse_alignment("THE ; <eps>", " =  ;   I  ", "THE ;  BOX ").counts
    Counts(errors=1, words=1, insertions=1, deletions=0, substitutions=0)
    """
    marks = [found.start() for found in re.finditer(";", operations_line)]
    rows = [
        _cells(line, marks)
        for line in (operations_line, reference_line, hypothesis_line)
    ]
    columns = []
    for operation, said, heard in zip(*rows, strict=True):
        if not operation and not marks:
            continue  # an utterance without words
        if operation not in ("=", "I", "D", "S"):
            raise ValueError(f"found the operation {operation!r}, expected =, I, D, S")
        empty = {"I": said, "D": heard}.get(operation, NOTHING)
        if empty != NOTHING:
            raise ValueError(
                f"found {empty!r} where {operation} is marked, expected {NOTHING!r}"
            )
        columns.append(
            Column(
                operation,
                "" if operation == "I" else said,
                "" if operation == "D" else heard,
            )
        )
    reference = tuple(x.reference for x in columns if x.operation != "I")
    hypothesis = tuple(x.hypothesis for x in columns if x.operation != "D")
    kinds = Counter(column.operation for column in columns)
    counts = [kinds[kind] for kind in "IDS"]
    return Utterance(
        reference, hypothesis, Counts(sum(counts), len(reference), *counts), (*columns,)
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


def _cells(line, marks):
    """Cut a line at the marks, and take the padding off."""
    for mark in marks:
        if line[mark - 1 : mark + 2].rstrip() != " ;":
            raise ValueError(
                f"found {line[mark - 1 : mark + 2]!r} at character {mark} of {line!r}, "
                "expected the ' ; ' of the line of operations"
            )
    edges = [-2, *marks, len(line) + 1]
    return [line[a + 2 : b - 1].strip() for a, b in pairwise(edges)]


def _require_equal(counts, written, what):
    """Refuse counts other than those that are written."""
    counts, written = Counts(*counts), Counts(*map(int, written))
    if counts != written:
        raise ValueError(f"{what} {counts}, the line of counts {written}: {AGAIN}")

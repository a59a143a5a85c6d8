"""What each utterance was recognised as, from a ``wer_<split>.txt``.

SpeechBrain's ErrorRateStats writes three summary lines, a legend, and for each
utterance a line with its counts and the alignment: the reference, the operations and
the hypothesis, in columns. Here the alignments are read and held against all counts.
"""

import re
from pathlib import Path
from typing import NamedTuple

from speechbrain_pitchrope.scoring.summary import COUNTS, Counts, read_errors

RULE = "\n" + "=" * 80 + "\n"
NOTHING = "<eps>"
HEADER = re.compile(rf"(?P<name>.+), %WER [\d.]+ {COUNTS}")
AGAIN = "run the test again with --test_only"


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
    blocks = _blocks(path)
    utterances = {}
    for block in blocks:
        name, utterance = _parse_block(block, path)
        if name in utterances:
            raise ValueError(
                f"{path} holds the utterance {name} twice, expected it once: score "
                "each utterance once"
            )
        utterances[name] = utterance
    _check_totals(utterances, path)
    _check_words(utterances, path)
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
    operations = _cells(operations_line, operations_line)
    if operations == [""]:
        operations = []
    references = _cells(reference_line, operations_line)
    hypotheses = _cells(hypothesis_line, operations_line)
    columns = []
    for operation, said, heard in zip(operations, references, hypotheses, strict=False):
        _check_column(operation, said, heard)
        columns.append(
            Column(
                operation,
                "" if operation == "I" else said,
                "" if operation == "D" else heard,
            )
        )
    reference = tuple(x.reference for x in columns if x.operation != "I")
    hypothesis = tuple(x.hypothesis for x in columns if x.operation != "D")
    by_kind = [operations.count(kind) for kind in "IDS"]
    counts = Counts(sum(by_kind), len(reference), *by_kind)
    return Utterance(reference, hypothesis, counts, tuple(columns))


def _cells(line, operations_line):
    """Cut a line into the columns of the operations, without their padding."""
    marks = [i for i, character in enumerate(operations_line) if character == ";"]
    for mark in marks:
        if line[mark - 1 : mark + 2].rstrip() != " ;":
            raise ValueError(
                f"found {line[mark - 1 : mark + 2]!r} at character {mark} of {line!r}, "
                "expected the ' ; ' of the line of operations"
            )
    starts = [0, *(mark + 2 for mark in marks)]
    ends = [*(mark - 1 for mark in marks), len(line)]
    return [line[i:j].strip() for i, j in zip(starts, ends, strict=True)]


def _check_column(operation, said, heard):
    """Refuse a column that no alignment has."""
    if operation not in ("=", "I", "D", "S"):
        raise ValueError(f"found the operation {operation!r}, expected =, I, D or S")
    empty = {"I": said, "D": heard}.get(operation, NOTHING)
    if empty != NOTHING:
        raise ValueError(
            f"found {empty!r} where {operation} is marked, expected {NOTHING!r}"
        )


def _blocks(path):
    """Text of each utterance: its line of counts and its alignment."""
    try:
        read_errors(path)
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not text in UTF-8, expected the wer_<split>.txt of a test: "
            "give that file"
        ) from error
    _, *sections = text.removesuffix("\n").split(RULE)
    if not sections or not sections[0].startswith("ALIGNMENTS\n"):
        raise ValueError(
            f"{path} has no section ALIGNMENTS after its first three lines, expected "
            f"an alignment for each utterance: {AGAIN}"
        )
    if not text.endswith("\n"):
        raise ValueError(
            f"{path} ends within the line {text.splitlines()[-1][-60:]!r}, expected a "
            f"line end: it was cut short, {AGAIN}"
        )
    return sections[1:]


def _parse_block(block, path):
    """Id and Utterance of a block, its alignment held against its counts."""
    header, *lines = block.split("\n")
    match = HEADER.fullmatch(header)
    if not match:
        raise ValueError(
            f"{path} has the line {header[:60]!r}, expected '<id>, %WER ... [ e / n, i "
            f"ins, d del, s sub ]': it was cut short or edited, {AGAIN}"
        )
    name, *numbers = match.groups()
    if len(lines) != 3:
        raise ValueError(
            f"{path}, utterance {name}: found {len(lines)} lines of alignment, "
            f"expected 3: it was cut short or edited, {AGAIN}"
        )
    try:
        utterance = parse_alignment(*lines)
    except ValueError as error:
        raise ValueError(
            f"{path}, utterance {name}: {error}: it was cut short or edited, {AGAIN}"
        ) from error
    written = Counts(*map(int, numbers))
    if utterance.counts != written:
        raise ValueError(
            f"{path}, utterance {name}: its alignment has {_spell(utterance.counts)}, "
            f"its line of counts {_spell(written)}: it was cut short or edited, {AGAIN}"
        )
    return name, utterance


def _check_totals(utterances, path):
    """Hold the sums over utterances against the file's first lines."""
    summary = read_errors(path)
    if not utterances:
        raise ValueError(f"{path} holds no utterance, expected at least 1: {AGAIN}")
    if len(utterances) != summary.utterances:
        raise ValueError(
            f"{path} holds {len(utterances)} utterances, its first lines say "
            f"{summary.utterances}; the last is {next(reversed(utterances))}: "
            f"it was cut short or edited, {AGAIN}"
        )
    totals = Counts(
        *map(sum, zip(*(u.counts for u in utterances.values()), strict=True))
    )
    written = summary.counts
    if totals != written:
        raise ValueError(
            f"{path}: its utterances have {_spell(totals)}, its first line "
            f"{_spell(written)}: it was edited, {AGAIN}"
        )


def _check_words(utterances, path):
    """Refuse a file of characters, as ``cer_<split>.txt`` holds them."""
    tokens = {token for u in utterances.values() for token in u.reference}
    if "_" in tokens and max(map(len, tokens)) == 1:
        raise ValueError(
            f"{path} holds characters, expected words: give the wer_<split>.txt "
            "beside it"
        )


def _spell(counts):
    """Counts as they are written in the files."""
    return (
        f"[ {counts.errors} / {counts.words}, {counts.insertions} ins, "
        f"{counts.deletions} del, {counts.substitutions} sub ]"
    )

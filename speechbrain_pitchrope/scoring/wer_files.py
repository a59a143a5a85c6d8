"""What SpeechBrain's ErrorRateStats wrote: ``wer_<split>.txt`` and ``cer_<split>.txt``.

Such a file has three summary lines, a legend, and for each utterance a line with its
counts and the alignment: the reference, the operations and the hypothesis, in columns.
"""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

SUMMARY = re.compile(
    r"%WER [\d.]+ \[ (\d+) / (\d+), (\d+) ins, (\d+) del, (\d+) sub \]\n"
    r"%SER [\d.]+ \[ \d+ / \d+ \]\n"
    r"Scored (\d+) sentences, 0 not present in hyp\.\n"
)
UTTERANCE = re.compile(r"={80}\n(.+), %WER [\d.]+ \[ .+ \]\n(.*)\n(.*)\n(.*)\n")
AGAIN = "it was cut short or edited, run the test again with --test_only"


class Errors(NamedTuple):
    """Counts of an utterance, or of all of a file; words are those of the reference."""

    errors: int
    words: int
    insertions: int
    deletions: int
    substitutions: int
    utterances: int = 1

    @property
    def rate(self):
        """Errors in percent of the words, as the files have it."""
        return round(100 * self.errors / max(self.words, 1), 2)


class Utterance(NamedTuple):
    """An utterance as it was aligned.

    ``columns`` is the alignment: "=", "I", "D" or "S", and a word or "" of each text.
    """

    reference: tuple
    hypothesis: tuple
    counts: Errors
    columns: tuple


def read_errors(path):
    """The first lines of a ``wer_<split>.txt`` or ``cer_<split>.txt``, as Errors."""
    return _read(path)[0]


def read_utterances(path):
    """{id: Utterance} of such a file, in its order; refuses one that is not whole."""
    written, text = _read(path)
    utterances = {
        name: parse_alignment(*lines) for name, *lines in UTTERANCE.findall(text)
    }
    counts = [each.counts for each in utterances.values()]
    found = Errors(*(sum(each[i] for each in counts) for i in range(6)))
    if found != written:
        raise ValueError(
            f"{path} holds {found}, its first lines say {written}: {AGAIN}"
        )
    return utterances


def parse_alignment(reference_line, operations_line, hypothesis_line):
    """Words and counts of an alignment.

    The columns are where the line of operations has its semicolons, and the operations
    tell which cells are empty, so that words may be anything, ``;`` and ``<eps>`` too.
    """
    marks = [found.start() for found in re.finditer(";", operations_line)]
    starts, ends = [0, *(n + 2 for n in marks)], [*(n - 1 for n in marks), None]
    lines = operations_line, reference_line, hypothesis_line
    columns = []
    for cell in map(slice, starts, ends) if operations_line.strip() else ():
        operation, said, recognised = (line[cell].strip() for line in lines)
        said = "" if operation == "I" else said
        columns.append((operation, said, "" if operation == "D" else recognised))
    reference = tuple(said for operation, said, _ in columns if operation != "I")
    hypothesis = tuple(word for operation, _, word in columns if operation != "D")
    kinds = Counter(operation for operation, *_ in columns)
    counts = [len(columns) - kinds["="], len(reference), *(kinds[x] for x in "IDS")]
    return Utterance(reference, hypothesis, Errors(*counts), tuple(columns))


def _read(path):
    """Errors of the first lines, and the whole text."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    found = SUMMARY.match(text)
    if not found:
        raise ValueError(
            f"{path} begins with {text[:60]!r}, expected the lines '%WER ...', '%SER "
            "...' and 'Scored ... sentences, 0 not present in hyp.' of SpeechBrain's "
            f"ErrorRateStats: {AGAIN}"
        )
    return Errors(*map(int, found.groups())), text

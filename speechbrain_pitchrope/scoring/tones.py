"""Errors of tone, counted apart from errors of what carries the tone.

A text is a sequence of units, each a base and a tone. Where tone is a digit, units are
syllables: MA3 is "MA" with "3". Where tone is an accent, units are letters: an "a" with
an acute is "a" with U+0301. Both are scored alike:

- toned errors: insertions, deletions and substitutions of whole units;
- base errors: the same after tones are taken off;
- tone errors: of the units whose base is right, those with another tone.
"""

import re
import unicodedata
from collections import Counter
from typing import NamedTuple

import numpy as np

TONED_SYLLABLE = re.compile(r"(.*[^\W\d_])(\d)")


class ToneErrors(NamedTuple):
    """Errors of a system; arrays are [utterances], in the order of ``ids``, sorted."""

    ids: list
    units: np.ndarray  # syllables, or characters where tone is an accent, as said
    errors: np.ndarray  # insertions, deletions, substitutions of units with tones
    base_errors: np.ndarray  # the same without tones
    matched: np.ndarray  # units with the right base, if that bears a tone somewhere
    tone_errors: np.ndarray  # matched units with another tone
    confusions: Counter  # (tone said, tone recognised; "" for none), of matched units

    @property
    def measures(self):
        """Name to (errors, units): "toned", "base" and "tone"."""
        return {
            "toned": (self.errors, self.units),
            "base": (self.base_errors, self.units),
            "tone": (self.tone_errors, self.matched),
        }


def tone_errors(refs, hyps):
    """Errors of tone and of what carries it, by utterance.

    Units are syllables or letters, whichever of them bear more tones in the references.
    Bases are aligned with the fewest errors; of such alignments that with the most
    right bases counts, and of these that with the fewest tone errors.

    Arguments
    ---------
    refs, hyps : dict
        Utterance id to list of words, said and recognised.

    Returns
    -------
    ToneErrors
        A ValueError if the utterances differ, or the references hold no tone.

    Example
    -------
    >>> errors = tone_errors({"1": ["MA3", "DAO4"]}, {"1": ["MA1", "DAO4", "BO2"]})
    >>> errors.errors, errors.base_errors, errors.tone_errors, errors.matched
    (array([2.]), array([1.]), array([1.]), array([2.]))
    >>> errors.confusions[("3", "1")]
    1
    """
    if different := sorted(refs.keys() ^ hyps.keys()):
        side = "hypotheses" if different[0] in hyps else "references"
        raise ValueError(
            f"{len(different)} utterances are on one side alone, {different[0]} in the "
            f"{side}, expected the same in both: give the texts of one test"
        )
    split = find_split(refs)
    ids = sorted(refs)
    said = {name: split(refs[name]) for name in ids}
    bearers = {base for units in said.values() for base, tone in units if tone}
    rows, confusions = [], Counter()
    for name in ids:
        recognised = split(hyps[name])
        base_errors, pairs = align_bases(said[name], recognised)
        tones = [(a[1], b[1]) for a, b in pairs if a[0] in bearers]
        confusions.update(tones)
        whole = ([(unit, "") for unit in units] for units in (said[name], recognised))
        errors, _ = align_bases(*whole)
        wrong = sum(a != b for a, b in tones)
        rows.append((len(said[name]), errors, base_errors, len(tones), wrong))
    return ToneErrors(ids, *np.array(rows, dtype=float).T, confusions)


def confusion_matrix(confusions, tones=None):
    """Tones, sorted, all that occur if none are given; counts, [said, recognised]."""
    tones = tones or sorted({tone for pair in confusions for tone in pair})
    return tones, np.array([[confusions[(a, b)] for b in tones] for a in tones])


def split_syllables(words):
    """(base, tone) of each word: the tone is its last digit, or empty."""
    found = [(word, TONED_SYLLABLE.fullmatch(word)) for word in words]
    return [match.groups() if match else (word, "") for word, match in found]


def split_characters(words):
    """Characters, spaces among them, each with its combining marks as the tone."""
    units = []
    for character in unicodedata.normalize("NFD", " ".join(words)):
        if unicodedata.combining(character) and units:
            base, tone = units[-1]
            units[-1] = (base, tone + character)
        else:
            units.append((character, ""))
    return units


def find_split(refs):
    """``split_syllables`` or ``split_characters``: what finds more tones."""

    def count(split):
        return sum(tone > "" for words in refs.values() for _, tone in split(words))

    if count(split := max(split_syllables, split_characters, key=count)):
        return split
    raise ValueError(
        f"the reference texts of {len(refs)} utterances hold no tone, expected words "
        "such as MA3 or letters with accents: score them without --tones"
    )


def align_bases(reference, hypothesis):
    """The fewest errors of bases, and [(unit said, unit recognised)] of equal bases."""
    # One number for three aims: an error outweighs all matches, a match all tones.
    match = min(len(reference), len(hypothesis)) + 1
    error = match * match
    costs = [[error * j for j in range(len(hypothesis) + 1)]]
    for i, (base, tone) in enumerate(reference):
        above, row = costs[-1], [error * (i + 1)]
        for j, (other_base, other_tone) in enumerate(hypothesis):
            step = error if base != other_base else (tone != other_tone) - match
            row.append(min(above[j] + step, above[j + 1] + error, row[j] + error))
        costs.append(row)
    pairs = []
    i, j = len(reference), len(hypothesis)
    while i and j:
        if costs[i][j] == costs[i - 1][j] + error:
            i -= 1
        elif costs[i][j] == costs[i][j - 1] + error:
            j -= 1
        else:
            i, j = i - 1, j - 1
            if reference[i][0] == hypothesis[j][0]:
                pairs.append((reference[i], hypothesis[j]))
    # The rest of the cost, matches and tones, is less than one error.
    return -(-costs[-1][-1] // error), pairs[::-1]

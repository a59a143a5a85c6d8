"""A system's errors as arrays, from one error file or from one for each of its seeds.

Files are only put together if they score the same utterances against the same reference
texts; the arrays of all systems then have the same order.
"""

from itertools import zip_longest
from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.scoring.wer_files import read_utterances

MOST_NAMED = 5


class System(NamedTuple):
    """Errors of a system, averaged over its seeds. Arrays are [utterances].

    Arguments
    ---------
    paths : list of str
        The files, one a seed.
    errors, insertions, deletions, substitutions : numpy.ndarray
        Word errors, all and by kind.
    words : numpy.ndarray
        Words of the references.
    character_errors, characters : numpy.ndarray
        Errors and reference length in characters; a space between words is one.
    """

    paths: list
    errors: np.ndarray
    insertions: np.ndarray
    deletions: np.ndarray
    substitutions: np.ndarray
    words: np.ndarray
    character_errors: np.ndarray
    characters: np.ndarray


def read_systems(groups_of_paths):
    """Read systems that scored the same utterances.

    Arguments
    ---------
    groups_of_paths : list of list of str
        For each system, its ``wer_<split>.txt``, one a seed.

    Returns
    -------
    ids : list of str
        The utterances, sorted.
    systems : list of System

    Raises
    ------
    ValueError
        If a file is refused, or differs from the first in utterances or references.

    Example
    -------
    >>> from speechbrain.utils.metric_stats import ErrorRateStats
    >>> stats = ErrorRateStats()
    >>> stats.append(["1-1-0"], predict=[["A", "BOX"]], target=[["THE", "BOX"]])
    >>> path = getfixture("tmp_path") / "wer_test.txt"
    >>> with open(path, "w") as file:
    ...     stats.write_stats(file)
    >>> ids, (system,) = read_systems([[path]])
    >>> ids, system.errors, system.character_errors
    (['1-1-0'], array([1.]), array([3.]))
    """
    first_path = groups_of_paths[0][0]
    first = read_utterances(first_path)
    ids = sorted(first)
    systems = []
    for paths in groups_of_paths:
        seeds = []
        for path in paths:
            utterances = read_utterances(path)
            check_comparable(first_path, first, path, utterances)
            seeds.append(_tabulate([utterances[name] for name in ids]))
        systems.append(System(paths, *np.mean(seeds, axis=0)))
    return ids, systems


def check_comparable(path_a, utterances_a, path_b, utterances_b):
    """Refuse files over different utterances or reference texts.

    Arguments
    ---------
    path_a, path_b : str
        The files' names.
    utterances_a, utterances_b : dict
        What ``read_utterances`` read from them.

    Raises
    ------
    ValueError
        If they differ; it names up to five utterances on each side.

    Example
    -------
    >>> check_comparable("a.txt", {}, "b.txt", {})
    """
    only_a = sorted(utterances_a.keys() - utterances_b.keys())
    only_b = sorted(utterances_b.keys() - utterances_a.keys())
    if only_a or only_b:
        raise ValueError(
            f"{path_a} and {path_b} score different utterances, expected the same: "
            f"only the first has {name_some(only_a)}; only the second has "
            f"{name_some(only_b)}: compare runs over the same test set"
        )
    changed = sorted(
        name
        for name, utterance in utterances_a.items()
        if utterance.reference != utterances_b[name].reference
    )
    if changed:
        words_a, words_b = zip(
            *(
                _first_difference(name, utterances_a, utterances_b)
                for name in changed[:MOST_NAMED]
            ),
            strict=True,
        )
        more = f" and {len(changed) - MOST_NAMED} more" * (len(changed) > MOST_NAMED)
        raise ValueError(
            f"{path_a} and {path_b} have different reference texts, expected the same: "
            f"the first has {', '.join(words_a)}{more}; the second has "
            f"{', '.join(words_b)}{more}: compare runs over the same transcripts"
        )


def name_some(names):
    """Up to five names as a text.

    Arguments
    ---------
    names : list of str
        The names.

    Returns
    -------
    str

    Example
    -------
    >>> name_some(["1", "2", "3", "4", "5", "6"])
    '1, 2, 3, 4, 5 and 1 more'
    """
    if not names:
        return "none"
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def edit_distance(reference, hypothesis):
    """Fewest insertions, deletions and substitutions from one text to another.

    Arguments
    ---------
    reference, hypothesis : str
        The texts, compared character by character.

    Returns
    -------
    int

    Example
    -------
    >>> edit_distance("THE BOAT", "THE BOX")
    2
    """
    if reference == hypothesis:
        return 0
    heard = np.array(list(hypothesis), dtype="U1")
    columns = np.arange(heard.size + 1)
    row = columns
    for i, character in enumerate(reference, start=1):
        kept_or_replaced = row[:-1] + (heard != character)
        row = np.append(i, np.minimum(kept_or_replaced, row[1:] + 1))
        # Insertions run along the row: each costs one more than the cell to its left.
        row = np.minimum.accumulate(row - columns) + columns
    return int(row[-1])


def _tabulate(utterances):
    """Numbers of one file in the order of System's arrays, [7, utterances]."""
    rows = []
    for utterance in utterances:
        counts = utterance.counts
        said, heard = " ".join(utterance.reference), " ".join(utterance.hypothesis)
        rows.append(
            [
                counts.errors,
                counts.insertions,
                counts.deletions,
                counts.substitutions,
                counts.words,
                edit_distance(said, heard),
                len(said),
            ]
        )
    return np.array(rows, dtype=float).T


def _first_difference(name, utterances_a, utterances_b):
    """An utterance's first word that differs, as each file has it."""
    pairs = zip_longest(
        utterances_a[name].reference, utterances_b[name].reference, fillvalue="no word"
    )
    place, a, b = next((i, a, b) for i, (a, b) in enumerate(pairs, 1) if a != b)
    return f"{name} (word {place}: {a})", f"{name} (word {place}: {b})"

"""A system's errors, from one test or from one for each of its seeds.

Tests are only put together if they score the same utterances against the same reference
texts; the arrays of all systems then have the same order.
"""

from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.scoring.tones import average_runs, edit_distance, tone_errors
from speechbrain_pitchrope.scoring.wer_files import read_utterances

MOST_NAMED = 5


class System(NamedTuple):
    """Errors of a system, averaged over its seeds. Arrays are [utterances].

    Arguments
    ---------
    paths : list of pathlib.Path
        The files, one a seed.
    measures : dict
        Name to (errors, reference units): "WER" and "CER", a space between words being
        one character; with tones "toned", "base" and "tone".
    counts : dict
        Name to further counts, such as the errors by kind.
    """

    paths: list
    measures: dict
    counts: dict


def find_tests(path, kinds=("wer",)):
    """The results of tests in a file, or in the output folder of a run.

    ``kinds`` are beginnings of names; the first of which the folder has a file counts.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "wer_test-clean.txt").write_text("")
    >>> [path.name for path in find_tests(folder)]
    ['wer_test-clean.txt']
    """
    path = Path(path)
    if path.is_file():
        return [path]
    for kind in kinds:
        if found := sorted(path.glob(f"{kind}_*.txt")):
            return found
    names = " or ".join(f"{kind}_<split>.txt" for kind in kinds)
    raise ValueError(
        f"{path} {f'holds no {names}' if path.is_dir() else 'does not exist'}: give "
        "the output folder of a train.py that has reached its test, or a file in it"
    )


def split_seeds(name, kinds=("wer",)):
    """The files of a system's seeds: files or output folders, separated by commas.

    A name may have commas itself.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("a,1.txt", "b.txt"):
    ...     _ = (folder / name).write_text("")
    >>> [path.name for path in split_seeds(f"{folder}/a,1.txt,{folder}/b.txt")]
    ['a,1.txt', 'b.txt']
    """
    parts, paths = name.split(","), []
    while parts:
        # The longest name that exists; a name without comma if none does.
        lengths = range(len(parts), 0, -1)
        names = {length: ",".join(parts[:length]) for length in lengths}
        length = next((n for n in lengths if Path(names[n]).exists()), 1)
        found = find_tests(names[length], kinds)
        if len(found) > 1:
            raise ValueError(
                f"{names[length]} holds {len(found)} tests, "
                f"{', '.join(path.name for path in found)}: give one of these files"
            )
        paths += found
        parts = parts[length:]
    return paths


def read_texts(path):
    """What was said in a test, and what was recognised: two of {id: words}.

    Reads ``hyp_<split>.txt`` or ``ref_<split>.txt``, lines of an id and words, and the
    other of them beside it; or ``wer_<split>.txt``.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for kind in ("ref", "hyp"):
    ...     _ = (folder / f"{kind}_test.txt").write_text("1-1-0 MA3 DAO4\\n")
    >>> read_texts(folder / "hyp_test.txt")[0]
    {'1-1-0': ['MA3', 'DAO4']}
    """
    path = Path(path)
    kind, dash, split = path.name.partition("_")
    if kind not in ("ref", "hyp") or not dash:
        scored = read_utterances(path)
        return tuple(
            {name: list(getattr(u, text)) for name, u in scored.items()}
            for text in ("reference", "hypothesis")
        )
    return tuple(_read_lines(path.with_name(f"{x}_{split}")) for x in ("ref", "hyp"))


def _read_lines(path):
    texts = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, *words = line.split() or [""]
        if not name or name in texts:
            raise ValueError(
                f"{path} has the line {line[:60]!r}, expected an utterance id that "
                "comes once, and words: run the test again with --test_only"
            )
        texts[name] = words
    return texts


def read_systems(groups_of_paths):
    """Utterances, sorted, and a System for each list of ``wer_<split>.txt``.

    Example
    -------
    >>> from speechbrain.utils.metric_stats import ErrorRateStats
    >>> stats = ErrorRateStats()
    >>> stats.append(["1-1-0"], predict=[["A", "BOX"]], target=[["THE", "BOX"]])
    >>> path = getfixture("tmp_path") / "wer_test.txt"
    >>> with open(path, "w") as file:
    ...     stats.write_stats(file)
    >>> ids, (system,) = read_systems([[path]])
    >>> ids, system.measures["WER"], system.measures["CER"]
    (['1-1-0'], (array([1.]), array([2.])), (array([3.]), array([7.])))
    """
    first, systems = None, []
    for paths in groups_of_paths:
        seeds = []
        for path in paths:
            utterances = read_utterances(path)
            refs = {name: u.reference for name, u in utterances.items()}
            first = first or (path, refs)
            check_comparable(*first, path, refs)
            seeds.append([_numbers(utterances[name]) for name in sorted(refs)])
        errors, words, *kinds, wrong, characters = np.mean(seeds, axis=0).T
        names = ("ins", "del", "sub")
        systems.append(
            System(
                paths,
                {"WER": (errors, words), "CER": (wrong, characters)},
                {**dict(zip(names, kinds, strict=True)), "words": words},
            )
        )
    return sorted(first[1]), systems


def _numbers(utterance):
    """Word errors, words, errors by kind, character errors and characters."""
    said, heard = (" ".join(text) for text in utterance[:2])
    return [*utterance.counts, edit_distance(said, heard), len(said)]


def read_tone_systems(groups_of_paths):
    """As ``read_systems``, with the errors of tones; files as in ``read_texts``."""
    first, systems = None, []
    for paths in groups_of_paths:
        runs = []
        for path in paths:
            refs, hyps = read_texts(path)
            first = first or (path, refs)
            check_comparable(*first, path, refs)
            runs.append(tone_errors(refs, hyps))
        mean = average_runs(runs)
        counts = {"units": mean.units, "matched": mean.matched}
        systems.append(System(paths, mean.measures, counts))
    return sorted(first[1]), systems


def check_comparable(path_a, refs_a, path_b, refs_b):
    """Refuse tests over other utterances or reference texts; {id: words} of each."""
    only_a, only_b = (
        sorted(a.keys() - b.keys()) for a, b in ((refs_a, refs_b), (refs_b, refs_a))
    )
    if only_a or only_b:
        raise ValueError(
            f"{path_a} and {path_b} score different utterances, expected the same: "
            f"only the first has {name_some(only_a)}; only the second has "
            f"{name_some(only_b)}: compare runs over the same test set"
        )
    changed = []
    for name in sorted(refs_a):
        pairs = zip_longest(refs_a[name], refs_b[name], fillvalue="no word")
        for place, (a, b) in enumerate(pairs, start=1):
            if a != b:
                changed.append(f"{name} (word {place}: {a}, {b})")
                break
    if changed:
        raise ValueError(
            f"{path_a} and {path_b} have different reference texts, expected the same: "
            f"{name_some(changed)}: compare runs over the same transcripts"
        )


def name_some(names):
    """Up to five names as a text.

    Example
    -------
    >>> name_some(["1", "2", "3", "4", "5", "6"])
    '1, 2, 3, 4, 5 and 1 more'
    """
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (", ".join(names[:MOST_NAMED]) or "none") + more

"""A system's errors, from one test or from one for each of its seeds.

Tests are only put together if they score the same utterances against the same reference
texts; the arrays of all systems then have the same order.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.scoring.tones import tone_errors
from speechbrain_pitchrope.scoring.wer_files import read_utterances


class System(NamedTuple):
    """Errors of a system, averaged over its seeds; ``paths`` has a file for each.

    ``measures`` are name to errors and reference units, [2, utterances]: "WER" or
    "CER", or "toned", "base" and "tone". ``counts`` are name to others, [utterances].
    """

    paths: list
    measures: dict
    counts: dict


def find_tests(path, kind="wer"):
    """The results of tests: a file, or those in the output folder of a run."""
    path = Path(path)
    found = [path] if path.is_file() else sorted(path.glob(f"{kind}_*.txt"))
    if not found:
        problem = f"holds no {kind}_<split>.txt" if path.is_dir() else "does not exist"
        raise ValueError(
            f"{path} {problem}: give the output folder of a train.py that has reached "
            "its test, or a file in it"
        )
    return found


def split_seeds(name, kind="wer"):
    """The files of a system's seeds: files or output folders, separated by commas.

    A name may have commas itself: the longest one that exists counts.
    """
    parts = name.split(",")
    lengths = range(len(parts), 0, -1)
    n = next((n for n in lengths if Path(",".join(parts[:n])).exists()), 1)
    first, rest = ",".join(parts[:n]), ",".join(parts[n:])
    found = find_tests(first, kind)
    if len(found) > 1:
        raise ValueError(
            f"{first} holds {len(found)} tests, "
            f"{', '.join(path.name for path in found)}: give one of these files"
        )
    return found + (split_seeds(rest, kind) if rest else [])


def read_texts(path):
    """What was said in a test, and what was recognised: two of {id: words}.

    ``path`` is ``hyp_<split>.txt`` or another file of the test: ``ref_<split>.txt`` and
    ``hyp_<split>.txt`` beside it are read, whose lines are an id and words.
    """
    path, both = Path(path), []
    for kind in ("ref", "hyp"):
        file = path.with_name(f"{kind}_{path.name.partition('_')[2]}")
        both.append({})
        for line in file.read_text(encoding="utf-8").splitlines():
            name, *words = line.split() or [""]
            if not name or name in both[-1]:
                raise ValueError(
                    f"{file} has the line {line[:60]!r}, expected an utterance id that "
                    "comes once, and words: run the test again with --test_only"
                )
            both[-1][name] = words
    return tuple(both)


def read_systems(groups_of_paths, with_tones=False):
    """Utterances, sorted, and a System for each list of files, one a seed."""
    read = _read_tones if with_tones else _read_words
    first, systems = None, []
    for paths in groups_of_paths:
        seeds = []
        for path in paths:
            refs, *numbers = read(path)
            first = first or (path, refs)
            _check_comparable(*first, path, refs)
            seeds.append(numbers)
        systems.append(System(paths, *map(_mean, zip(*seeds, strict=True))))
    return sorted(first[1]), systems


def _read_words(path):
    """References, measures and counts of a ``wer_`` or ``cer_<split>.txt``."""
    utterances = read_utterances(path)
    refs = {name: each.reference for name, each in utterances.items()}
    rows = [utterances[name].counts for name in sorted(refs)]
    errors, *counts = np.array(rows, dtype=float).T[:5]
    measure = "CER" if path.name.startswith("cer_") else "WER"
    named = dict(zip(("words", "ins", "del", "sub"), counts, strict=True))
    return refs, {measure: (errors, named["words"])}, named


def _read_tones(path):
    """References, measures and counts of a test's texts."""
    refs, hyps = read_texts(path)
    scored = tone_errors(refs, hyps)
    return refs, scored.measures, {"units": scored.units, "matched": scored.matched}


def _mean(seeds):
    """The mean of each array of several {name: array}."""
    return {name: np.mean([seed[name] for seed in seeds], axis=0) for name in seeds[0]}


def _check_comparable(path_a, refs_a, path_b, refs_b):
    """Refuse tests over other utterances or reference texts; {id: words} of each."""
    names = sorted(refs_a.keys() | refs_b.keys())
    changed = [name for name in names if refs_a.get(name) != refs_b.get(name)]
    if changed:
        texts = [refs.get(changed[0]) for refs in (refs_a, refs_b)]
        raise ValueError(
            f"{path_a} and {path_b} differ in the references of {len(changed)} of "
            f"{len(names)} utterances, expected the same in both; {changed[0]} has "
            f"{texts[0]} and {texts[1]}: compare runs over the same test set"
        )


def by_speaker(ids):
    """Indices of each speaker's utterances; speakers are sorted, numbers by value.

    The speaker is what stands before the first hyphen of an id, as in LibriSpeech.

    Example
    -------
    >>> by_speaker(["1089-1-0", "84-1-0", "84-1-1"])
    {'84': array([1, 2]), '1089': array([0])}
    """
    without = [name for name in ids if not name.partition("-")[1]]
    if without:
        raise ValueError(
            f"the utterance id {without[0]!r} names no speaker, expected "
            "'speaker-chapter-utterance': compare without --by-speaker"
        )
    speakers = np.array([name.partition("-")[0] for name in ids])
    order = sorted(set(speakers.tolist()), key=lambda name: (len(name), name))
    return {speaker: np.flatnonzero(speakers == speaker) for speaker in order}

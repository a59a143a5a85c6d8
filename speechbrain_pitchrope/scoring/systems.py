"""A system's errors, from one test or from one for each of its seeds.

Tests are only put together if they score the same utterances against the same reference
texts; the arrays of all systems then have the same order.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from speechbrain_pitchrope.files import reading
from speechbrain_pitchrope.scoring.tones import tone_errors
from speechbrain_pitchrope.scoring.wer_files import read_utterances


class System(NamedTuple):
    """Errors of a system, averaged over its seeds; ``paths`` has a file for each.

    ``measures`` are name to errors and reference units, [2, utterances]: "WER" or
    "CER", or "toned", "base" and "tone".
    """

    paths: list
    measures: dict


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
        with reading(file, "give a file of a test with both texts, in UTF-8"):
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        rows = [line.split() for line in lines if line.strip()]
        both.append({name: words for name, *words in rows})
        if len(both[-1]) < len(rows):
            raise ValueError(f"{file} has an utterance twice: run the test again")
    return tuple(both)


def score_tones(path):
    """References and ``ToneErrors`` of a test's texts, as ``read_texts`` finds them."""
    refs, hyps = read_texts(path)
    try:
        return refs, tone_errors(refs, hyps)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_systems(groups_of_paths, with_tones=False):
    """Utterances, sorted, and a System for each list of files, one a seed."""
    read = _read_tones if with_tones else _read_words
    first, systems = None, []
    for paths in groups_of_paths:
        seeds = []
        for path in paths:
            refs, measures = read(path)
            first = first or (path, refs, measures)
            _check_comparable(*first, path, refs, measures)
            seeds.append(measures)
        means = {x: np.mean([seed[x] for seed in seeds], axis=0) for x in seeds[0]}
        systems.append(System(paths, means))
    return sorted(first[1]), systems


def _read_words(path):
    """References and measures of a ``wer_`` or ``cer_<split>.txt``."""
    utterances = read_utterances(path)
    refs = {name: each.reference for name, each in utterances.items()}
    counts = [utterances[name].counts for name in sorted(refs)]
    arrays = np.array([(each.errors, each.words) for each in counts], dtype=float).T
    return refs, {"CER" if path.name.startswith("cer_") else "WER": arrays}


def _read_tones(path):
    """References and measures of a test's texts."""
    refs, errors = score_tones(path)
    return refs, errors.measures


def _check_comparable(path_a, refs_a, measures_a, path_b, refs_b, measures_b):
    """Refuse tests over other utterances or references, or of other measures."""
    both = f"{path_a} and {path_b}"
    if measures_a.keys() != measures_b.keys():
        raise ValueError(f"{both} hold WER and CER: give wer_ files alone, or cer_")
    names = sorted(refs_a.keys() | refs_b.keys())
    changed = [name for name in names if refs_a.get(name) != refs_b.get(name)]
    if changed:
        texts = f"{refs_a.get(changed[0])} and {refs_b.get(changed[0])}"
        raise ValueError(
            f"{both} differ in the references of {len(changed)} of {len(names)} "
            f"utterances, expected the same in both; {changed[0]} has {texts}: compare "
            "runs over the same test set"
        )

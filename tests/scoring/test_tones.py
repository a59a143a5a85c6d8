"""Errors of tone, against SpeechBrain's counts and against exhaustive search."""

import random
import unicodedata

import pytest
from speechbrain.utils.edit_distance import wer_details_for_batch

from speechbrain_pitchrope.scoring.tones import (
    align_bases,
    split_syllables,
    tone_errors,
)


def syllables(seed, utterances=60, bases=("MA", "BO", "DAO")):
    """References and hypotheses of toned syllables, empty ones among them."""
    source = random.Random(seed)

    def speak():
        length = source.randint(0, 6)
        return [source.choice(bases) + source.choice("1234") for _ in range(length)]

    names = [f"{i % 4}-1-{i:04}" for i in range(utterances)]
    return {name: speak() for name in names}, {name: speak() for name in names}


def edits(refs, hyps):
    names = sorted(refs)
    texts = ([texts[name] for name in names] for texts in (refs, hyps))
    return [details["num_edits"] for details in wer_details_for_batch(names, *texts)]


def without_tones(texts):
    return {name: [word[:-1] for word in words] for name, words in texts.items()}


def test_toned_and_base_errors_are_those_of_speechbrain():
    refs, hyps = syllables(0)
    scored = tone_errors(refs, hyps)
    assert scored.errors.tolist() == edits(refs, hyps)
    assert scored.base_errors.tolist() == edits(*map(without_tones, (refs, hyps)))
    assert scored.units.tolist() == [len(refs[name]) for name in sorted(refs)]
    wrong = sum(n for (a, b), n in scored.confusions.items() if a != b)
    assert wrong == scored.tone_errors.sum() > 0
    assert scored.confusions.total() == scored.matched.sum()


def exhaustive(reference, hypothesis):
    """(errors, right bases, tone errors) of the best of all alignments."""
    if not reference or not hypothesis:
        return len(reference) + len(hypothesis), 0, 0
    (base, tone), *reference_rest = reference
    (other, other_tone), *hypothesis_rest = hypothesis
    steps = ((reference_rest, hypothesis_rest, base != other, base == other),)
    steps += ((reference_rest, hypothesis, 1, 0), (reference, hypothesis_rest, 1, 0))
    found = []
    for rest, other_rest, error, right in steps:
        errors, matches, wrong = exhaustive(rest, other_rest)
        wrong += bool(right and tone != other_tone)
        found.append((errors + error, matches + right, wrong))
    return min(found, key=lambda x: (x[0], -x[1], x[2]))


@pytest.mark.parametrize("seed", range(5))
def test_of_all_alignments_the_best_counts(seed):
    refs, hyps = syllables(seed, 20, ("A", "B"))
    for name in refs:
        reference, hypothesis = split_syllables(refs[name]), split_syllables(hyps[name])
        errors, pairs = align_bases(reference, hypothesis)
        assert all(a[0] == b[0] for a, b in pairs)
        wrong = sum(a[1] != b[1] for a, b in pairs)
        assert (errors, len(pairs), wrong) == exhaustive(reference, hypothesis)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_are_scored_as_characters(form):
    def spell(text):
        return {"1": unicodedata.normalize(form, text).split()}

    said, heard = "bísí ɔ́di la h1", "bisí ɔ́di lá h1"
    scored = tone_errors(spell(said), spell(heard))
    assert scored.units == 14
    assert (scored.errors, scored.base_errors) == (2, 0)
    assert (scored.matched, scored.tone_errors) == (4, 1)  # of i, i, ɔ, i: no others


def test_texts_that_can_not_be_scored_are_refused():
    refs = {"1": ["HI"], "2": ["THERE", "42"]}
    with pytest.raises(ValueError, match="2 utterances hold no tone, expected words"):
        tone_errors(refs, refs)
    with pytest.raises(ValueError, match=r"^1 utterances are on .*, 2 in the ref"):
        tone_errors({"1": ["MA1"], "2": ["MA1"]}, {"1": ["MA1"]})

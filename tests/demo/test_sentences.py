import random
import re

import pytest

from speechbrain_pitchrope.demo import sentences
from speechbrain_pitchrope.demo.corpus import plan_utterances
from speechbrain_pitchrope.demo.sentences import MAX_WORDS, MIN_WORDS, draw_sentences

AUXILIARIES = "did can will could should must is was are were has have".split()
HETERONYMS = (
    "bass bow close content desert dove lead live minute object polish present read "
    "record refuse row sow tear use wind wound"
).split()


def draw(seed, **sizes):
    return draw_sentences(random.Random(seed), sizes)


def test_thousands_of_distinct_sentences_that_spell_what_they_sound_like():
    many = draw(7, train=3000)["train"]
    assert len({sentence[:-1] for sentence in many}) == 3000
    for sentence in many:
        assert re.fullmatch(r"[a-z']+( [a-z']+)*[.?]", sentence)
        words = sentence[:-1].split()
        assert MIN_WORDS <= len(words) <= MAX_WORDS
        assert (words[0] in AUXILIARIES) == (sentence[-1] == "?")
    vocabulary = {word for sentence in many for word in sentence[:-1].split()}
    assert len(vocabulary) == 114
    assert not vocabulary.intersection(HETERONYMS)
    assert 0.3 < sum(s[-1] == "?" for s in many) / len(many) < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_splits_share_no_sentence_and_test_words_are_trained(seed):
    splits = {}
    for item in plan_utterances(seed=seed, utterances=768):
        splits.setdefault(item.voice.split, []).append(item.words)
    drawn = [words for split in splits.values() for words in split]
    assert len(set(drawn)) == len(drawn) == 768
    trained = {word for words in splits["train-demo"] for word in words.split()}
    for split in ("dev-demo", "test-demo"):
        assert trained.issuperset(word for w in splits[split] for word in w.split())


def test_the_seed_decides_by_the_portable_method_of_random_alone():
    class Portable:
        random = random.Random(1).random

    one, other = draw(1, train=50, test=5), draw(2, train=50, test=5)
    assert draw_sentences(Portable(), {"train": 50, "test": 5}) == one
    assert not set(one["train"]) & set(other["train"])


@pytest.mark.parametrize("sizes", [{"train": 0, "test": 3}, {"train": 2, "test": 30}])
def test_tiny_splits_are_filled_all_the_same(sizes):
    splits = draw(1, **sizes)
    assert {name: len(drawn) for name, drawn in splits.items()} == sizes


def test_an_exhausted_grammar_is_an_error(monkeypatch):
    monkeypatch.setitem(sentences.RULES, "sentence", ("THE person CAN rest.",))
    monkeypatch.setitem(sentences.RULES, "rest", ("REST", "STAY"))
    people = len(sentences.RULES["person"])
    assert len(draw(1, train=2 * people)["train"]) == 2 * people
    with pytest.raises(ValueError, match=f"after {2 * people} of them"):
        draw(1, train=2 * people + 1)

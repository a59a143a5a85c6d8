import random
import re

import pytest

from speechbrain_pitchrope.demo import sentences
from speechbrain_pitchrope.demo.plan import plan_utterances
from speechbrain_pitchrope.demo.sentences import (
    MAX_WORDS,
    MIN_WORDS,
    VOCABULARY,
    draw_splits,
)

AUXILIARIES = "DID CAN WILL COULD SHOULD MUST IS WAS ARE WERE HAS HAVE".split()
HETERONYMS = (
    "BASS BOW CLOSE CONTENT DESERT DOVE LEAD LIVE MINUTE OBJECT POLISH PRESENT READ "
    "RECORD REFUSE ROW SOW TEAR USE WIND WOUND"
).split()


def draw(seed, **sizes):
    return draw_splits(random.Random(seed), sizes)


@pytest.fixture(scope="module")
def many():
    return draw(7, train=3000)["train"]


def test_thousands_of_distinct_sentences_in_librispeech_style(many):
    assert len({sentence.words for sentence in many}) == 3000
    for sentence in many:
        assert re.fullmatch(r"[A-Z']+( [A-Z']+)*", sentence.words)
        assert MIN_WORDS <= len(sentence.words.split()) <= MAX_WORDS


def test_every_word_is_of_the_vocabulary_and_none_is_a_heteronym(many):
    spoken = {word for sentence in many for word in sentence.words.split()}
    assert spoken == VOCABULARY
    assert 100 <= len(VOCABULARY) <= 150
    assert not VOCABULARY.intersection(HETERONYMS)


def test_questions_begin_with_an_auxiliary_and_statements_do_not(many):
    for sentence in many:
        assert (sentence.words.split()[0] in AUXILIARIES) == sentence.is_question
        assert sentence.prompt[-1] == ("?" if sentence.is_question else ".")
        assert sentence.prompt[:-1].upper() == sentence.words
    assert 0.3 < sum(sentence.is_question for sentence in many) / len(many) < 0.5


@pytest.mark.parametrize("seed", range(5))
def test_splits_share_no_sentence_and_test_words_are_trained(seed):
    splits = {}
    for item in plan_utterances(seed, 768):
        splits.setdefault(item.voice.split, []).append(item.sentence.words)
    sentences = [words for split in splits.values() for words in split]
    assert len(set(sentences)) == len(sentences) == 768
    trained = {word for words in splits["train-demo"] for word in words.split()}
    for split in ("dev-demo", "test-demo"):
        assert trained.issuperset(word for w in splits[split] for word in w.split())


def test_the_seed_decides():
    one, again, other = (draw(seed, train=50, test=5) for seed in (1, 1, 2))
    assert one == again
    assert not set(one["train"]) & set(other["train"])


def test_only_the_portable_method_of_random_is_called():
    class Portable:
        random = random.Random(1).random

    assert draw_splits(Portable(), {"train": 20}) == draw(1, train=20)


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

"""What the corpora say, and that tones are spoken as they are written."""

import itertools
import random
import re

import numpy as np
import pytest
import torch

from speechbrain_pitchrope.demo import texts
from speechbrain_pitchrope.demo.corpus import plan_utterances
from speechbrain_pitchrope.demo.speech import Espeak, resample
from speechbrain_pitchrope.demo.voices import ESPEAK_LANGUAGES
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch

pytest.importorskip("espeakng_loader")

AUXILIARIES = "did can will could should must is was are were has have".split()


def draw(seed, **sizes):
    return texts.draw_sentences(random.Random(seed), sizes)


def test_thousands_of_distinct_sentences_that_spell_what_they_sound_like():
    many = draw(7, train=3000)["train"]
    assert len({sentence[:-1] for sentence in many}) == 3000
    for sentence in many:
        assert re.fullmatch(r"[a-z']+( [a-z']+)*[.?]", sentence)
        words = sentence[:-1].split()
        assert texts.MIN_WORDS <= len(words) <= texts.MAX_WORDS
        assert (words[0] in AUXILIARIES) == (sentence[-1] == "?")
    vocabulary = {word for sentence in many for word in sentence[:-1].split()}
    assert len(vocabulary) == 114
    assert 0.3 < sum(s[-1] == "?" for s in many) / len(many) < 0.5


def test_splits_share_no_sentence_and_test_words_are_trained():
    splits = {}
    for item in plan_utterances(utterances=768):
        splits.setdefault(item.voice.split, []).append(item.words)
    drawn = [words for split in splits.values() for words in split]
    assert len(set(drawn)) == len(drawn) == 768
    trained = {word for words in splits["train-demo"] for word in words.split()}
    for split in ("dev-demo", "test-demo"):
        assert trained.issuperset(word for w in splits[split] for word in w.split())


def test_an_exhausted_grammar_is_an_error(monkeypatch):
    grammar = {"sentence": ["A b RUNS FAR."], "b": ["X", "Y"]}
    monkeypatch.setattr(texts, "GRAMMAR", grammar)
    assert sorted(draw(1, train=2)["train"]) == ["a x runs far.", "a y runs far."]
    with pytest.raises(ValueError, match="no further sentence after 2 of them"):
        draw(1, train=3)


BASES = {"cmn": "da", "yue": "daa"}
MIN_SYLLABLE = 10  # frames; a shorter voiced stretch is no syllable but its onset


def courses(language, variant, tones):
    """Pitch of each syllable at its start, middle and end, in semitones [n, 3]."""
    espeak = Espeak(f"{ESPEAK_LANGUAGES[language]}+{variant}")
    text = " ".join(BASES[language] + tone for tone in tones)
    samples = espeak.speak(text, rate=120, volume=60)
    wavs = torch.from_numpy(np.pad(resample(samples, espeak.sample_rate), 3200))
    f0_hz = AutocorrelationPitch()(wavs[None])[0][0].numpy()
    runs = np.split(f0_hz, np.flatnonzero(np.diff(f0_hz > 0)) + 1)
    syllables = [run for run in runs if run[0] > 0 and len(run) >= MIN_SYLLABLE]
    assert len(syllables) == len(tones)
    parts = [np.quantile(np.arange(len(run)), (0.2, 0.5, 0.9)) for run in syllables]
    pairs = zip(syllables, parts, strict=True)
    return np.stack([12 * np.log2(run[part.astype(int)]) for run, part in pairs])


@pytest.mark.parametrize("variant", ["m3", "f3"])
@pytest.mark.parametrize("language", ["cmn", "yue"])
def test_a_tone_is_the_same_before_and_after_any_other(language, variant):
    never = {("3", "3")} if language == "cmn" else set()
    pairs = sorted(set(itertools.product(texts.TONES[language], repeat=2)) - never)
    spoken = {pair: courses(language, variant, "".join(pair)) for pair in pairs}
    for place in (0, 1):
        of_tone = {
            tone: np.mean([spoken[p][place] for p in pairs if p[place] == tone], 0)
            for tone in texts.TONES[language]
        }
        for pair in pairs:
            course = spoken[pair][place]
            distances = {x: np.abs(course - mean).max() for x, mean in of_tone.items()}
            assert min(distances, key=distances.get) == pair[place], pair


def test_a_third_tone_before_a_third_would_be_spoken_as_a_second():
    name = ESPEAK_LANGUAGES["cmn"] + "+f3"
    written, spoken = (Espeak(name).speak(t) for t in ("ma3 ma3", "ma2 ma3"))
    assert np.array_equal(written, spoken)
    drawn = [texts.draw_syllables(random.Random(seed), "cmn") for seed in range(200)]
    assert not [text for text in drawn if re.search(r"3 \w+3", text)]


@pytest.mark.parametrize("language", ["cmn", "yue"])
def test_the_default_plan_holds_every_syllable_in_every_tone(language):
    parts, styles = {"train": [], "dev": [], "test": []}, {}
    for item in plan_utterances(language):
        parts[item.voice.split.removesuffix(f"-{language}")].append(item.text)
        styles.setdefault(item.voice, set()).add(tuple(item.style.values()))
        assert 3 <= len(item.words.split()) <= 6
    assert [len(part) for part in parts.values()] == [1800, 120, 300]
    expected = {s + t for s in texts.SYLLABLES[language] for t in texts.TONES[language]}
    assert {word for text in parts["train"] for word in text.split()} == expected
    assert not set(parts["train"]).intersection(parts["dev"] + parts["test"])
    for drawn in styles.values():
        assert (np.ptp(np.array(list(drawn)), 0) >= [30, 25, 15]).all()

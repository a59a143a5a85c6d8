"""Which utterances are shown, from the worst to the best."""

from itertools import pairwise
from types import SimpleNamespace

import pytest

from speechbrain_pitchrope.report.recordings import (
    Recordings,
    choose,
    ranked,
    spaced,
)
from speechbrain_pitchrope.scoring.wer_files import read_utterances
from tests.scoring.files import random_utterances, write_wer


@pytest.fixture
def utterances(tmp_path):
    return read_utterances(write_wer(tmp_path / "wer_a.txt", random_utterances(0)))


def rate(counts):
    return counts.errors / max(1, counts.words)


def test_the_worst_come_first(utterances):
    names = ranked(utterances)
    assert sorted(names) == sorted(utterances)
    counts = [utterances[name].counts for name in names]
    order = [(-rate(count), -count.errors) for count in counts]
    assert order == sorted(order)
    assert order[0] < order[-1]


def test_spaced_ones_have_both_ends_and_are_each_once():
    items = list(range(37))
    for count in range(2, 37):
        found = spaced(items, count)
        assert found[0] == 0 and found[-1] == 36
        assert len(set(found)) == count and found == sorted(found)
        gaps = [b - a for a, b in pairwise(found)]
        assert max(gaps) - min(gaps) <= 1
    assert spaced(items, 99) == items
    assert spaced(items, 0) == spaced([], 3) == []


def test_all_splits_are_ranked_together(utterances):
    ids = list(utterances)
    splits = [
        SimpleNamespace(name=name, utterances={x: utterances[x] for x in part})
        for name, part in (("a", ids[::2]), ("b", ids[1::2]))
    ]
    facts = SimpleNamespace(splits=splits, settings={}, missing=[])
    chosen = choose(facts, None, len(ids))
    assert sorted(one.name for one in chosen) == sorted(ids)
    rates = [rate(one.scored.counts) for one in chosen]
    assert rates == [rate(utterances[name].counts) for name in ranked(utterances)]
    assert {one.split for one in chosen} == {"a", "b"}
    assert all(one.scored is utterances[one.name] for one in chosen)


def test_a_corpus_is_where_it_was_or_where_it_is_said_to_be(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("ID,wav\n1-1-0,$data_root/x.wav\n1-1-1\n")
    (tmp_path / "now").mkdir()
    (tmp_path / "now/x.wav").touch()
    monkeypatch.chdir(tmp_path)
    settings = {"manifest_folder": str(tmp_path), "data_folder": "then"}
    moved = Recordings(settings, "now")
    assert moved.names("a") == ["1-1-0"]
    assert moved.find("a", "1-1-0") == tmp_path / "now/x.wav"
    with pytest.raises(ValueError, match=r"then/x\.wav is not there\. .*--data-folder"):
        Recordings(settings).find("a", "1-1-0")
    with pytest.raises(ValueError, match=r"a\.csv has no utterance 1-1-1: "):
        moved.find("a", "1-1-1")

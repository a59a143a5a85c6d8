"""Runs of tones are averaged and compared over the same utterances."""

import sys

import counts
import numpy as np
import pytest
from evidence_runs import Corpus, average_runs, compare_toned

from speechbrain_pitchrope.scoring.tones import tone_errors
from tests.scoring.test_tones import syllables, without_tones


def test_runs_are_averaged_over_those_that_scored_an_utterance():
    refs, hyps = syllables(4, 6)
    _, others = syllables(5, 6)
    some = {name: refs[name] for name in sorted(refs)[:3]}
    others = {name: others[name] for name in some}
    runs = [tone_errors(refs, hyps), tone_errors(some, others)]
    mean = average_runs(runs)
    for field in ("units", "errors", "base_errors", "matched", "tone_errors"):
        whole, part = (getattr(run, field) for run in runs)
        expected = [*(whole[:3] + part) / 2, *whole[3:]]
        np.testing.assert_array_equal(getattr(mean, field), expected)
    assert mean.confusions == runs[0].confusions + runs[1].confusions


def test_only_runs_of_the_same_references_are_compared():
    refs, hyps = syllables(6)
    first, second = tone_errors(refs, hyps), tone_errors(refs, refs)
    pair = compare_toned(first, second)
    assert pair.rate_a == 100 * first.errors.sum() / first.units.sum()
    assert pair.difference == -pair.rate_a
    with pytest.raises(ValueError, match="expected the same references"):
        compare_toned(first, tone_errors({"x": ["MA1"]}, {"x": ["MA1"]}))


@pytest.mark.parametrize("words", [[], ["--words"]])
def test_errors_alone_give_what_the_texts_give(tmp_path, monkeypatch, words):
    texts = syllables(7, 6)
    if words:
        texts = [without_tones(said) for said in texts]
    run, kept = tmp_path / "texts/all/1", tmp_path / "counts/all/1"
    for folder in (run, kept):
        folder.mkdir(parents=True)
        (folder / "done").touch()
    for kind, said in zip(("ref", "hyp"), texts, strict=True):
        lines = (f"{name} {' '.join(text)}\n" for name, text in said.items())
        (run / f"{kind}_test-mb.txt").write_text("".join(lines))
    monkeypatch.setattr(sys, "argv", ["counts.py", str(run), str(kept), *words])
    counts.main()
    units = counts.with_one_tone if words else dict
    whole, part = (
        Corpus(folder.parents[1], units=units).runs["all"]["1"]["test"]
        for folder in (run, kept)
    )
    np.testing.assert_equal(part, whole)
    assert "MA" not in next(kept.glob("*.json")).read_text()

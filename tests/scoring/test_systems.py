"""Putting the tests of a system, and of several systems, together."""

import numpy as np
import pytest

from speechbrain_pitchrope.scoring.systems import (
    find_tests,
    read_systems,
    read_texts,
    read_tone_systems,
    split_seeds,
)
from tests.scoring.files import random_utterances, write_wer


def write_texts(folder, split, **texts):
    """Write ref_<split>.txt and hyp_<split>.txt, {id: text} each."""
    for kind, utterances in texts.items():
        lines = [f"{name} {text}\n" for name, text in utterances.items()]
        (folder / f"{kind}_{split}.txt").write_text("".join(lines))
    return folder / f"hyp_{split}.txt"


def test_a_folder_stands_for_its_tests(tmp_path):
    names = ["wer_test-clean.txt", "wer_test-other.txt"]
    for name in (*names, "cer_test-clean.txt", "hyp_test-clean.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in find_tests(tmp_path)] == names
    found = find_tests(tmp_path, ("hyp", "wer"))
    assert [path.name for path in found] == ["hyp_test-clean.txt"]
    with pytest.raises(ValueError, match=r"holds 2 tests, wer_test-clean\.txt, wer_t"):
        split_seeds(str(tmp_path))


@pytest.mark.parametrize("name", ["", "missing/wer_test.txt"])
def test_where_no_test_is_the_path_is_named(name, tmp_path):
    problem = "does not exist" if name else "holds no ref_<split>.txt or wer_"
    with pytest.raises(ValueError, match=f"{tmp_path / name} {problem}"):
        find_tests(tmp_path / name, ("ref", "wer"))


def test_seeds_are_told_from_names_with_commas(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("lr=1,d=2/1", "lr=1,d=2/2", "rope"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "wer_test.txt").write_text("")
    paths = split_seeds("lr=1,d=2/1,rope,lr=1,d=2/2/wer_test.txt")
    assert [str(path.parent) for path in paths] == ["lr=1,d=2/1", "rope", "lr=1,d=2/2"]
    with pytest.raises(ValueError, match=r"^nowhere does not exist"):
        split_seeds("rope,nowhere,lr=1,d=2/1")


def test_texts_are_the_same_from_every_file(tmp_path):
    said = {"1-1-0": "MA3 DAO4", "1-1-1": "BO1"}
    heard = {"1-1-0": "MA3", "1-1-1": ""}
    hyp = write_texts(tmp_path, "test", ref=said, hyp=heard)
    wer = write_wer(
        tmp_path / "wer_test.txt", {name: (said[name], heard[name]) for name in said}
    )
    for path in (hyp, tmp_path / "ref_test.txt", wer):
        refs, hyps = read_texts(path)
        assert refs == {name: text.split() for name, text in said.items()}
        assert hyps == {name: text.split() for name, text in heard.items()}
    one, other = (read_tone_systems([[path]])[1][0].measures for path in (hyp, wer))
    for name, counts in one.items():
        np.testing.assert_array_equal(counts, other[name])


@pytest.mark.parametrize("line", ["", "1-1-0 DAO4"])
def test_a_text_without_an_id_of_its_own_is_refused(line, tmp_path):
    path = tmp_path / "hyp_test.txt"
    for kind in ("ref", "hyp"):
        (tmp_path / f"{kind}_test.txt").write_text(f"1-1-0 MA3\n{line}\n")
    with pytest.raises(ValueError, match=f"ref_test.txt has the line '{line}', expec"):
        read_texts(path)


def test_pooled_seeds_are_the_mean_of_each(tmp_path):
    first = random_utterances(0)
    second = {
        name: (reference, reference[:-1]) for name, (reference, _) in first.items()
    }
    a = write_wer(tmp_path / "a.txt", first)
    b = write_wer(tmp_path / "b.txt", second)
    _, (one, other, pooled) = read_systems([[a], [b], [a, b]])
    assert (one.measures["WER"][0] != other.measures["WER"][0]).any()
    for kind in ("measures", "counts"):
        for name, mean in getattr(pooled, kind).items():
            numbers = [getattr(system, kind)[name] for system in (one, other)]
            np.testing.assert_array_equal(mean, np.mean(numbers, axis=0))


def test_the_order_in_a_file_does_not_matter(tmp_path):
    utterances = random_utterances(0)
    backwards = dict(reversed(utterances.items()))
    a = write_wer(tmp_path / "a.txt", utterances)
    b = write_wer(tmp_path / "b.txt", backwards)
    ids, (one, other) = read_systems([[a], [b]])
    assert ids == sorted(utterances)
    np.testing.assert_array_equal(one.measures["WER"], other.measures["WER"])


def test_different_utterances_are_named_up_to_five(tmp_path):
    a = write_wer(tmp_path / "a.txt", {f"1-1-{i}": ("A", "A") for i in range(8)})
    b = write_wer(tmp_path / "b.txt", {f"1-1-{i}": ("A", "A") for i in (0, 9)})
    message = (
        r"only the first has 1-1-1, 1-1-2, 1-1-3, 1-1-4, 1-1-5 and 2 more; only the "
        r"second has 1-1-9:"
    )
    for groups in ([[a], [b]], [[a, b]]):
        with pytest.raises(ValueError, match=message):
            read_systems(groups)


def test_different_references_are_named_up_to_five(tmp_path):
    names = [f"1-1-{i}" for i in range(7)]
    a = write_wer(tmp_path / "a.txt", dict.fromkeys(names, ("THE BOAT", "A")))
    b = write_wer(tmp_path / "b.txt", dict.fromkeys(names, ("THE", "A")))
    with pytest.raises(ValueError, match="different reference texts") as refused:
        read_systems([[a], [b]])
    message = str(refused.value)
    assert message.count("(word 2: BOAT, no word)") == 5
    assert "expected the same: 1-1-0 (word" in message and "and 2 more" in message

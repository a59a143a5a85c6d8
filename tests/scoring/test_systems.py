"""Putting the tests of a system, and of several systems, together."""

import numpy as np
import pytest

from speechbrain_pitchrope.scoring import systems
from tests.scoring.files import random_utterances, write_wer


def test_a_folder_stands_for_its_tests(tmp_path):
    with pytest.raises(ValueError, match=f"{tmp_path} holds no wer_<split>.txt"):
        systems.find_tests(tmp_path)
    names = ["wer_test-clean.txt", "wer_test-other.txt"]
    for name in (*names, "cer_test-clean.txt", "hyp_test-clean.txt"):
        (tmp_path / name).write_text("")
    assert [path.name for path in systems.find_tests(tmp_path)] == names
    (texts,) = systems.find_tests(tmp_path, "hyp")
    assert texts.name == "hyp_test-clean.txt"
    with pytest.raises(ValueError, match=r"holds 2 tests, wer_test-clean\.txt, wer_t"):
        systems.split_seeds(str(tmp_path))


def test_seeds_are_told_from_names_with_commas(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("lr=1,d=2/1", "lr=1,d=2/2", "rope"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "wer_test.txt").write_text("")
    paths = systems.split_seeds("lr=1,d=2/1,rope,lr=1,d=2/2/wer_test.txt")
    assert [str(path.parent) for path in paths] == ["lr=1,d=2/1", "rope", "lr=1,d=2/2"]
    with pytest.raises(ValueError, match=r"^nowhere does not exist"):
        systems.split_seeds("rope,nowhere,lr=1,d=2/1")


@pytest.mark.parametrize("name", ["hyp_test.txt", "ref_test.txt", "wer_test.txt"])
def test_texts_are_found_beside_every_file_of_a_test(name, tmp_path):
    (tmp_path / "ref_test.txt").write_text("1-1-0 MA3 DAO4\n1-1-1 BO1\n")
    (tmp_path / "hyp_test.txt").write_text("1-1-0 MA3\n1-1-1 \n")
    said, recognised = systems.read_texts(tmp_path / name)
    assert said == {"1-1-0": ["MA3", "DAO4"], "1-1-1": ["BO1"]}
    assert recognised == {"1-1-0": ["MA3"], "1-1-1": []}
    for text, message in (
        (b"1 MA3\n1 MA3\n", "hyp_test.txt has an utterance twice"),
        (b"2 MA3\n", rf"{name}: 3 utterances are on one side alone, 1-1-0 in the ref"),
        (b"1 M\xc4\n", r"hyp_test.txt can't be read \(UnicodeDecodeError.*in UTF-8"),
    ):
        (tmp_path / "hyp_test.txt").write_bytes(text)
        with pytest.raises(ValueError, match=message):
            systems.score_tones(tmp_path / name)


def test_pooled_seeds_are_the_mean_of_each_in_whatever_order(tmp_path):
    first = random_utterances(0)
    second = {name: (said, said[:-1]) for name, (said, _) in reversed(first.items())}
    a = write_wer(tmp_path / "a.txt", first)
    b = write_wer(tmp_path / "b.txt", second)
    ids, (one, other, pooled) = systems.read_systems([[a], [b], [a, b]])
    assert ids == sorted(first)
    words = [len(first[name][0]) for name in ids]
    assert other.measures["WER"].tolist() == [[min(n, 1) for n in words], words]
    assert (one.measures["WER"][0] != other.measures["WER"][0]).any()
    mean = (one.measures["WER"] + other.measures["WER"]) / 2
    np.testing.assert_array_equal(pooled.measures["WER"], mean)


def test_tests_of_other_references_are_refused(tmp_path):
    boat = {"1-1-0": "THE BOAT", "1-1-1": "A", "1-1-2": "B"}
    for other, message in (
        ({"1-1-1": "A"}, r"2 of 3 utterances.*; 1-1-0 has .*'BOAT'.* and None: comp"),
        (boat | {"1-1-0": "THE"}, r"1 of 3 .*'BOAT'.* and .*'THE'"),
        (boat, "hold WER and CER: give wer_ files alone"),
    ):
        paths = []
        for file, said in (("a", boat), ("cer_b" if other is boat else "b", other)):
            utterances = {each: (text, "A") for each, text in said.items()}
            paths.append(write_wer(tmp_path / file, utterances))
        for groups in ([[path] for path in paths], [paths]):
            with pytest.raises(ValueError, match=message):
                systems.read_systems(groups)

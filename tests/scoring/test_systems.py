"""Putting error files together."""

import random

import numpy as np
import pytest
from speechbrain.utils.edit_distance import wer_details_for_batch

from speechbrain_pitchrope.scoring.systems import edit_distance, read_systems
from tests.scoring.files import random_utterances, write_wer


def test_edit_distance_is_that_of_speechbrain():
    source = random.Random(0)
    for _ in range(300):
        said, heard = (
            "".join(source.choices("AB É", k=source.randint(0, 12))) for _ in range(2)
        )
        (details,) = wer_details_for_batch(["1"], [list(said)], [list(heard)])
        assert edit_distance(said, heard) == details["num_edits"]


def test_pooled_seeds_are_the_mean_of_each(tmp_path):
    first = random_utterances(0)
    second = {
        name: (reference, reference[:-1]) for name, (reference, _) in first.items()
    }
    a = write_wer(tmp_path / "a.txt", first)
    b = write_wer(tmp_path / "b.txt", second)
    _, (one, other, pooled) = read_systems([[a], [b], [a, b]])
    assert one.errors.sum() != other.errors.sum()
    for field in one._fields[1:]:
        mean = (getattr(one, field) + getattr(other, field)) / 2
        np.testing.assert_array_equal(getattr(pooled, field), mean)


def test_the_order_in_a_file_does_not_matter(tmp_path):
    utterances = random_utterances(0)
    backwards = dict(reversed(utterances.items()))
    a = write_wer(tmp_path / "a.txt", utterances)
    b = write_wer(tmp_path / "b.txt", backwards)
    ids, (one, other) = read_systems([[a], [b]])
    assert ids == sorted(utterances)
    np.testing.assert_array_equal(one.errors, other.errors)


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
    first, second = str(refused.value).split("the first has ")[1].split("the second")
    assert first.startswith("1-1-0 (word 2: BOAT), 1-1-1 (word 2: BOAT)")
    assert first.count("word 2: BOAT") == second.count("word 2: no word") == 5
    assert "and 2 more" in first and "and 2 more" in second

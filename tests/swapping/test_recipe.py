"""What is found on the features' way in a recipe."""

import pytest

from speechbrain_pitchrope.substitutes import (
    ASR_SUBSTITUTES,
    AUGMENTER,
    FRONT_END,
    QUANTIZER,
    SUBSTITUTES,
)
from speechbrain_pitchrope.swapping.document import parse
from speechbrain_pitchrope.swapping.recipe import added_argument, find_entries
from speechbrain_pitchrope.swapping.rewrite import swap
from tests.swapping import recipes


def keys(text):
    return {entry.row.entry: entry.key for entry in find_entries(parse(text))}


def test_entries_are_found_under_any_key():
    assert keys(recipes.JOINT) == {row.entry: row.entry for row in ASR_SUBSTITUTES}
    assert keys(recipes.OTHER_KEYS)["fea_augment"] == "masking"
    assert keys(recipes.NORMALIZE_IN_MODULES)["normalize"] == "modules[normalize]"


@pytest.mark.parametrize("key", ["wav_augment", "noise"])
def test_an_augmenter_of_waveforms_is_none_of_ours(key):
    text = recipes.WAVE_AUGMENTATION.format(key=key)
    assert find_entries(parse(text)) == []


@pytest.mark.parametrize(("key", "found"), [("wav_augment", 0), ("fea_augment", 1)])
def test_an_augmenter_that_tells_nothing_is_judged_by_its_key(key, found):
    assert len(find_entries(parse(f"{key}: !new:{AUGMENTER.upstream}"))) == found


@pytest.mark.parametrize("text", recipes.FAMILIES.values(), ids=recipes.FAMILIES)
def test_entries_keep_their_place_when_swapped(text):
    before, after = (find_entries(parse(each)) for each in (text, swap(text)))
    assert [(entry.key, entry.row) for entry in before] == [
        (entry.key, entry.row) for entry in after
    ]
    assert not any(entry.swapped for entry in before)
    assert all(entry.swapped for entry in after)


def test_every_row_of_the_table_is_in_one_of_the_families():
    found = {
        entry.row
        for text in recipes.FAMILIES.values()
        for entry in find_entries(parse(text))
    }
    assert found == set(SUBSTITUTES)


@pytest.mark.parametrize("text", recipes.FAMILIES.values(), ids=recipes.FAMILIES)
def test_a_front_end_is_told_of_masking_where_there_is_a_quantiser(text):
    entries = find_entries(parse(text))
    masked = any(entry.row is QUANTIZER for entry in entries)
    (front_end,) = (entry for entry in entries if entry.row is FRONT_END)
    expected = "noise_masking" if masked else None
    assert added_argument(front_end, entries) == expected

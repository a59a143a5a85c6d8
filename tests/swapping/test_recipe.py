"""What is found on the features' way in a recipe."""

import pytest

from speechbrain_pitchrope.names import (
    ASR_SUBSTITUTES,
    AUGMENTER,
    FBANK,
    FRONT_END,
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


@pytest.mark.parametrize(("key", "found"), [("wav_augment", 0), ("fea_augment", 1)])
def test_its_key_counts_inside_of_another_entry_too(key, found):
    text = f"modules:\n    {key}: !new:{AUGMENTER.upstream}\n"
    assert len(find_entries(parse(text))) == found


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


@pytest.mark.parametrize("family", recipes.FAMILIES)
def test_arguments_are_added_where_they_are_needed(family):
    document = parse(recipes.FAMILIES[family])
    entries = find_entries(document)
    found = {
        entry.row: added_argument(document, entries, entry)
        for entry in entries
        if entry.row in (FBANK, FRONT_END)
    }
    masked, streams = family == "pretraining", family == "streaming"
    assert found == {
        FRONT_END: ("noise_masking", "True") if masked else (None, None),
        FBANK: ("pitch_level", "window") if streams else (None, None),
    }


@pytest.mark.parametrize(
    ("norm_type", "streams"),
    [("global", True), ("batch", False), ("!ref <kind>", False), (None, True)],
)
def test_a_normaliser_of_whole_utterances_does_not_stream(norm_type, streams):
    line = f"    norm_type: {norm_type}\n" if norm_type else "    std_norm: True\n"
    text = recipes.STREAMING.replace("    norm_type: global\n", line)
    document = parse(text + "kind: sentence\n")
    entries = find_entries(document)
    (fbank,) = (entry for entry in entries if entry.row is FBANK)
    assert (added_argument(document, entries, fbank)[0] == "pitch_level") == streams

"""What is found in a recipe, and the table of names."""

import inspect
from pydoc import locate

import pytest
from speechbrain.augment import codec, freq_domain, time_domain

from speechbrain_pitchrope.augment.augmenter import PitchAugmenter
from speechbrain_pitchrope.names import (
    ASR_SUBSTITUTES,
    AUGMENTER,
    FBANK,
    FRONT_END,
    SUBSTITUTES,
)
from speechbrain_pitchrope.swapping.document import parse
from speechbrain_pitchrope.swapping.recipe import (
    added_argument,
    domain,
    find_entries,
    set_aside,
    works_on_waves,
)
from speechbrain_pitchrope.swapping.rewrite import swap
from tests.swapping import recipes

WAVES = "speechbrain.augment.time_domain.AddNoise"
FEATURES = "speechbrain.augment.freq_domain.Warping"
EITHER = "speechbrain.augment.freq_domain.RandomShift"


@pytest.mark.parametrize("row", SUBSTITUTES, ids=lambda row: row.entry)
def test_each_class_is_a_subclass_of_what_it_replaces(row):
    upstream, ours = locate(row.upstream), locate(row.ours)
    assert issubclass(ours, upstream)
    assert ours.__name__ == "Pitch" + upstream.__name__


def classes(module):
    return [
        cls
        for cls in vars(module).values()
        if inspect.isclass(cls) and cls.__module__ == module.__name__
    ]


@pytest.mark.parametrize("cls", [*classes(time_domain), *classes(codec)])
def test_what_works_on_waves(cls):
    assert domain(f"{cls.__module__}.{cls.__qualname__}") == "waves"


@pytest.mark.parametrize("cls", classes(freq_domain))
def test_what_works_on_features_is_what_pitch_can_follow(cls):
    """A swap lets no augmentation through that PitchAugmenter would refuse."""
    assert domain(f"{cls.__module__}.{cls.__qualname__}") in ("features", "either")
    PitchAugmenter(augmentations=[cls()])


@pytest.mark.parametrize("key", ["wav_augment", "fea_augment", "noise"])
@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([WAVES, EITHER, "my.Own"], True),
        ([FEATURES, "my.Own"], False),
        ([FEATURES, WAVES], False),
    ],
)
def test_the_key_does_not_matter_where_the_augmentations_decide(paths, key, expected):
    assert works_on_waves(paths, key) is expected


@pytest.mark.parametrize("paths", [[], [EITHER], ["my.Own"]])
def test_the_key_decides_where_they_leave_it_open(paths):
    assert works_on_waves(paths, "wav_augment")
    assert not works_on_waves(paths, "fea_augment")


def keys(text):
    return {entry.row.entry: entry.key for entry in find_entries(parse(text))}


def test_entries_are_found_under_any_key():
    assert keys(recipes.JOINT) == {row.entry: row.entry for row in ASR_SUBSTITUTES}
    assert keys(recipes.OTHER_KEYS)["fea_augment"] == "masking"
    assert keys(recipes.NORMALIZE_IN_MODULES)["normalize"] == "modules[normalize]"


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


def level(text):
    document = parse(text)
    entries = find_entries(document)
    (fbank,) = (entry for entry in entries if entry.row is FBANK)
    return added_argument(document, entries, fbank)


@pytest.mark.parametrize(
    ("switch", "extractor", "added"),
    [
        ("streaming: False\n", False, None),
        ("streaming: !ref <on>\non: false\n", False, None),
        ("streaming: True\n", False, "window"),
        ("streaming: False\n", True, "window"),
    ],
)
def test_a_chunk_sampler_that_is_turned_off_does_not_stream(switch, extractor, added):
    text = recipes.STREAMING
    if not extractor:
        text = text[: text.index("fea_streaming_extractor")]
    assert level(text + switch)[1] == added


@pytest.mark.parametrize(
    ("line", "added"),
    [("    causal: True\n", "window"), ("", "window"), ("    causal: False\n", None)],
)
def test_a_causal_model_does_not_know_the_utterances_level(line, added):
    """Without the argument, SpeechBrain's transformers are causal."""
    text = recipes.NO_ATTENTION_TYPE.replace("    causal: False\n", line)
    assert level(text)[1] == added


SECOND = """\
speaker_features: !new:speechbrain.lobes.features.Fbank {n_mels: 80}
speaker_normalize: !new:speechbrain.processing.features.InputNormalization
"""


def test_a_second_fbank_and_its_normaliser_stay():
    document = parse(recipes.JOINT + SECOND)
    assert [entry.key for entry, _ in set_aside(document)] == [
        "speaker_features",
        "speaker_normalize",
    ]
    swapped = swap(recipes.JOINT + SECOND)
    assert swapped == swap(recipes.JOINT) + SECOND


@pytest.mark.parametrize(("width", "stays"), [(16, True), (60, False), ("!ref <x>", 0)])
def test_a_quantiser_of_other_frames_stays(width, stays):
    second = (
        "LayerQuantizer: !new:speechbrain.nnet.quantisers.RandomProjectionQuantizer\n"
        f"    input_dim: {width}\n"
    )
    document = parse(recipes.PRETRAINING + second)
    assert [entry.key for entry, _ in set_aside(document)] == (
        ["LayerQuantizer"] if stays else []
    )

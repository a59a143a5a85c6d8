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
from speechbrain_pitchrope.swapping.recipe import Recipe, domain, works_on_waves
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


@pytest.mark.parametrize("module", [time_domain, codec, freq_domain])
def test_the_domain_of_each_augmentation_is_known(module):
    """A swap lets no augmentation through that PitchAugmenter would refuse."""
    for _, cls in inspect.getmembers(module, inspect.isclass):
        if cls.__module__ == module.__name__:
            found = domain(f"{cls.__module__}.{cls.__qualname__}")
            if module is freq_domain:
                assert found in ("features", "either")
                PitchAugmenter(augmentations=[cls()])
            else:
                assert found == "waves"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([WAVES, EITHER, "my.Own"], ("wav_augment", "fea_augment", "noise")),
        ([FEATURES, "my.Own"], ()),
        ([FEATURES, WAVES], ()),
        ([], ("wav_augment",)),
        ([EITHER], ("wav_augment",)),
        (["my.Own"], ("wav_augment",)),
    ],
)
def test_the_key_decides_only_where_the_augmentations_do_not(paths, expected):
    for key in ("wav_augment", "fea_augment", "noise"):
        assert works_on_waves(paths, key) is (key in expected)
        listed = "".join(f"        - !new:{path}\n" for path in paths)
        text = f"{key}: !new:{AUGMENTER.upstream}\n    x: 1\n    augmentations:\n"
        assert bool(Recipe(text + listed).entries) is (key not in expected)


def keys(text):
    return {entry.row.entry: entry.key for entry in Recipe(text).entries}


def test_entries_are_found_under_any_key():
    assert keys(recipes.JOINT) == {row.entry: row.entry for row in ASR_SUBSTITUTES}
    assert keys(recipes.OTHER_KEYS)["fea_augment"] == "masking"
    assert keys(recipes.NORMALIZE_IN_MODULES)["normalize"] == "modules[normalize]"


@pytest.mark.parametrize("text", recipes.FAMILIES.values(), ids=recipes.FAMILIES)
def test_entries_keep_their_place_when_swapped(text):
    before, after = (Recipe(each).entries for each in (text, swap(text)))
    assert [(e.key, e.row) for e in before] == [(e.key, e.row) for e in after]
    assert not any(entry.swapped for entry in before)
    assert all(entry.swapped for entry in after)


def test_every_row_of_the_table_is_in_one_of_the_families():
    texts = recipes.FAMILIES.values()
    found = {entry.row for text in texts for entry in Recipe(text).entries}
    assert found == set(SUBSTITUTES)


def added(text, row):
    recipe = Recipe(text)
    (entry,) = recipe.of(row)
    return recipe.added(entry)


@pytest.mark.parametrize("family", recipes.FAMILIES)
def test_arguments_are_added_where_they_are_needed(family):
    masked, streams = family == "pretraining", family == "streaming"
    text = recipes.FAMILIES[family]
    assert added(text, FRONT_END) == ({"noise_masking": True} if masked else {})
    assert added(text, FBANK) == ({"pitch_level": "window"} if streams else {})


NO_EXTRACTOR = recipes.STREAMING[: recipes.STREAMING.index("fea_streaming_extractor")]
GLOBAL, CAUSAL = "    norm_type: global\n", "    causal: False\n"


@pytest.mark.parametrize(
    ("text", "streams"),
    [
        (recipes.STREAMING.replace(GLOBAL, "    norm_type: batch\n"), False),
        (recipes.STREAMING.replace(GLOBAL, "    norm_type: !ref <kind>\n"), False),
        (recipes.STREAMING.replace(GLOBAL, "    std_norm: True\n"), True),
        (NO_EXTRACTOR, True),
        (NO_EXTRACTOR + "streaming: False\n", False),
        (NO_EXTRACTOR + "streaming: !ref <on>\non: false\n", False),
        (NO_EXTRACTOR + "streaming: True\n", True),
        (recipes.STREAMING + "streaming: False\n", True),
        (recipes.NO_ATTENTION_TYPE.replace(CAUSAL, "    causal: True\n"), True),
        (recipes.NO_ATTENTION_TYPE.replace(CAUSAL, ""), True),
    ],
)
def test_pitch_takes_no_level_that_the_model_can_not_know(text, streams):
    """A normaliser of whole utterances does not stream; no ``causal`` means True."""
    assert bool(added(text + "kind: sentence\n", FBANK)) is streams


SECOND = """\
speaker_features: !new:speechbrain.lobes.features.Fbank {n_mels: 80}
speaker_normalize: !new:speechbrain.processing.features.InputNormalization
"""


def aside(text):
    recipe = Recipe(text)
    return [entry.key for entry in recipe.classes if id(entry.node) in recipe.aside]


def test_a_second_fbank_and_its_normaliser_stay():
    text = recipes.JOINT + SECOND
    assert aside(text) == ["speaker_features", "speaker_normalize"]
    assert swap(text) == swap(recipes.JOINT) + SECOND


@pytest.mark.parametrize(("width", "stays"), [(16, True), (60, False), ("!ref <x>", 0)])
def test_a_quantiser_of_other_frames_stays(width, stays):
    second = (
        "LayerQuantizer: !new:speechbrain.nnet.quantisers.RandomProjectionQuantizer\n"
        f"    input_dim: {width}\n"
    )
    assert aside(recipes.PRETRAINING + second) == ["LayerQuantizer"] * stays

"""What is found in a recipe's yaml, and the table of names."""

import inspect
from pydoc import locate

import pytest
from speechbrain.augment import codec, freq_domain, time_domain

from speechbrain_pitchrope.augment.augmenter import PitchAugmenter
from speechbrain_pitchrope.names import ASR_SUBSTITUTES, AUGMENTER, FBANK, SUBSTITUTES
from speechbrain_pitchrope.swapping.recipe import Document, Recipe, domain
from speechbrain_pitchrope.swapping.rewrite import swap
from tests.swapping import recipes

WAVES = "speechbrain.augment.time_domain.AddNoise"
FEATURES = "speechbrain.augment.freq_domain.Warping"
EITHER = "speechbrain.augment.freq_domain.RandomShift"


def test_references_lead_to_what_they_name():
    document = Document(
        "y: !ref <z[w]>\nz: {w: !copy <v>}\nv: 3\n"
        "sum: !ref <v> + 1\nnowhere: !ref <u>\none: !ref <two>\ntwo: !ref <one>\n"
    )
    assert document.resolve(document.at("y")).value == "3"
    for key in ("sum", "nowhere", "one"):
        assert document.resolve(document.at(key)) is None


def test_values_of_included_files_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    included = "n: !ref <m>\nm: 80\nmore: !include:b.yaml\n"
    (tmp_path / "sub/data.yaml").write_text(included)
    (tmp_path / "sub/b.yaml").write_text("k: {x: 3}\n")
    text = "data: !include:sub/data.yaml\nm: 1\na:\n    x: !ref <data[n]>\n"
    document = Document(text, tmp_path)
    assert document.resolve(document.at("a[x]")).value == "80"
    assert document.at("data[more][k][x]").value == "3"
    assert Document(text).at("data[n]") is None


@pytest.mark.parametrize("content", [None, "a: [1,\nb: 2}\n"])
def test_an_included_file_that_cannot_be_read_is_named(tmp_path, content):
    if content:
        (tmp_path / "data.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"line 1 includes .*data\.yaml, which can't"):
        Recipe("d: !include:data.yaml\na: !new:b.C\n", tmp_path)


def test_other_files_are_refused():
    for text, fault in (
        ("a: [1,\nb: 2}\n", "not yaml: line 2, column 5: .*, expected ',' or ']'"),
        ("a: !new:b.C\n---\nd: 1\n", "not yaml: line 2, column 1: expected a single"),
        ("a: 1\nb: c\x01\n", "not yaml: unacceptable character #x0001"),
        ("a: " + 500 * "[" + 500 * "]", "not yaml: maximum recursion depth"),
        ("a: 1\nb: [{c: 2, c: 3}]\n", "line 2: the mapping .* has the key `c` more"),
        ("- !new:a.B\n", "not a SpeechBrain recipe's yaml: expected a mapping"),
        ("a: 1\nb: [2]\n", "with at least one entry !new:some.Class"),
    ):
        with pytest.raises(ValueError, match=fault):
            Recipe(text)


def test_what_entries_refer_to_is_needed_and_no_more():
    recipe = Recipe(
        "loose: !new:a.B\nbase: &base {x: 1}\nleaf: !new:a.D\nlast: 5\n"
        "size: !ref <base[x]> * <factor>\nfactor: 2\n"
        f"net: !new:{FBANK.upstream}\n    y: [!ref <size>, !copy <leaf.attr>]\n"
    )
    assert recipe.not_needed() == {"loose", "last"}


@pytest.mark.parametrize("row", SUBSTITUTES, ids=lambda row: row.entry)
def test_each_class_is_a_subclass_of_what_it_replaces(row):
    upstream, ours = locate(row.upstream), locate(row.ours)
    assert issubclass(ours, upstream)
    assert ours.__name__ == "Pitch" + upstream.__name__


@pytest.mark.parametrize("module", [time_domain, codec, freq_domain])
def test_the_domain_of_each_augmentation_is_known(module):
    """A swap lets no augmentation through that PitchAugmenter would refuse."""
    for _, cls in inspect.getmembers(module, inspect.isclass):
        found = domain(f"{module.__name__}.{cls.__qualname__}")
        if cls.__module__ != module.__name__:
            continue
        assert (found == "waves") == (module is not freq_domain) and found != "unknown"
        if module is freq_domain:
            PitchAugmenter(augmentations=[cls()])


def test_augmenters_of_waveforms_stay():
    """The key decides only where the augmentations leave it open."""
    for paths, expected in (
        ([WAVES, EITHER, "my.Own"], ("wav_augment", "fea_augment", "noise")),
        ([FEATURES, "my.Own"], ()),
        ([FEATURES, WAVES], ()),
        ([], ("wav_augment",)),
        ([EITHER], ("wav_augment",)),
        (["my.Own"], ("wav_augment",)),
    ):
        listed = "".join(f"        - !new:{path}\n" for path in paths)
        for key in ("wav_augment", "fea_augment", "noise"):
            text = f"{key}: !new:{AUGMENTER.upstream}\n    x: 1\n    augmentations:\n"
            found = bool(Recipe(text + listed).entries)
            assert found is (key not in expected), (key, paths)


def test_entries_are_found_under_any_key():
    def keys(text):
        return {entry.row.entry: entry.key for entry in Recipe(text).entries}

    assert keys(recipes.JOINT) == {row.entry: row.entry for row in ASR_SUBSTITUTES}
    assert keys(recipes.OTHER_KEYS)["fea_augment"] == "masking"
    assert keys(recipes.NORMALIZE_IN_MODULES)["normalize"] == "modules[normalize]"


NO_EXTRACTOR = recipes.STREAMING[: recipes.STREAMING.index("fea_streaming_extractor")]
GLOBAL, CAUSAL = "    norm_type: global\n", "    causal: False\n"


def test_pitch_takes_no_level_that_the_model_can_not_know():
    """A normaliser of whole utterances does not stream; no ``causal`` means True."""
    for text, streams in (
        (recipes.STREAMING.replace(GLOBAL, "    norm_type: batch\n"), False),
        (recipes.STREAMING.replace(GLOBAL, "    norm_type: !ref <kind>\n"), False),
        (NO_EXTRACTOR, True),
        (NO_EXTRACTOR + "streaming: False\n", False),
        (NO_EXTRACTOR + "streaming: !ref <on>\non: false\n", False),
        (recipes.STREAMING + "streaming: False\n", True),
        (recipes.NO_ATTENTION_TYPE.replace(CAUSAL, "    causal: True\n"), True),
        (recipes.NO_ATTENTION_TYPE.replace(CAUSAL, ""), True),
    ):
        recipe = Recipe(text + "kind: sentence\n")
        (entry,) = recipe.of(FBANK)
        expected = {"pitch_level": "window"} if streams else {}
        assert recipe.added(entry) == expected, text


def aside(text):
    return [entry.key for entry in Recipe(text).classes if entry.aside]


def test_a_second_fbank_and_its_normaliser_stay():
    second = (
        "speaker_features: !new:speechbrain.lobes.features.Fbank {n_mels: 80}\n"
        "speaker: !new:speechbrain.processing.features.InputNormalization\n"
    )
    text = recipes.JOINT + second
    assert aside(text) == ["speaker_features", "speaker"]
    assert swap(text) == swap(recipes.JOINT) + second


@pytest.mark.parametrize(("width", "stays"), [(16, True), (60, False), ("!ref <x>", 0)])
def test_a_quantiser_of_other_frames_stays(width, stays):
    second = (
        "LayerQuantizer: !new:speechbrain.nnet.quantisers.RandomProjectionQuantizer\n"
        f"    input_dim: {width}\n"
    )
    assert aside(recipes.PRETRAINING + second) == ["LayerQuantizer"] * stays

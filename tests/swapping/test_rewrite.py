"""Recipes swapped: what changes, and that nothing else does."""

import random
import re
from pydoc import locate

import pytest
from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope.cli.swap import difference
from speechbrain_pitchrope.names import SUBSTITUTES, TRANSFORMER, TRANSLATOR
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.swapping.document import parse
from speechbrain_pitchrope.swapping.recipe import find_entries
from speechbrain_pitchrope.swapping.rewrite import swap
from speechbrain_pitchrope.variants import load_variant
from tests.swapping import recipes

UPSTREAM, OURS = "!new:speechbrain.", "!new:speechbrain_pitchrope."
FBANK = (
    f"-compute_features: {UPSTREAM}lobes.features.Fbank # 100 frames a second",
    f"+compute_features: {OURS}lobes.features.PitchFbank # 100 frames a second",
)
NORMALIZE = (
    f"-normalize: {UPSTREAM}processing.features.InputNormalization",
    f"+normalize: {OURS}processing.features.PitchInputNormalization",
)
CNN = (
    f"-CNN: {UPSTREAM}lobes.models.convolution.ConvolutionFrontEnd",
    f"+CNN: {OURS}lobes.models.convolution.PitchConvolutionFrontEnd",
)
MODEL = (
    f"-Transformer: !new:{TRANSFORMER.upstream} #",
    f"+Transformer: !new:{TRANSFORMER.ours} #",
)
LOADER = "+    pitch_attention: !apply:speechbrain_pitchrope.variants.load_variant"
BY_KEY = f"{LOADER} [!ref <variant>]"
VARIANT = "+variant: all"


def augmenter(key):
    return (
        f"-{key}: {UPSTREAM}augment.augmenter.Augmenter",
        f"+{key}: {OURS}augment.augmenter.PitchAugmenter",
    )


WRITTEN = (
    "-    attention_type: RelPosMHAXL",
    "+    attention_type: RoPEMHA",
)
MASKED = "+    noise_masking: True"
DIFFERENCES = {
    "joint": [
        *(VARIANT, *FBANK, *NORMALIZE, *augmenter("fea_augment"), *CNN, *MODEL),
        *(*WRITTEN, BY_KEY),
    ],
    "ctc": [
        VARIANT,
        "-attention_type: \"RelPosMHAXL\"   # or 'regularMHA'",
        "+attention_type: \"RoPEMHA\"   # or 'regularMHA'",
        *(*FBANK, *NORMALIZE, *CNN, *MODEL, BY_KEY),
    ],
    "no_attention_type": [VARIANT, *FBANK, *NORMALIZE, *CNN, *MODEL, BY_KEY],
    "other_keys": [
        *(*FBANK, *NORMALIZE, *augmenter("masking"), *CNN, *MODEL),
        f"{LOADER} [all]",
    ],
    "normalize_in_modules": [
        *(VARIANT, *FBANK, *augmenter("fea_augment"), *CNN, *MODEL, *WRITTEN, BY_KEY),
        *(line[0] + "    " + line[1:] for line in NORMALIZE),
    ],
    "transducer": [
        *(VARIANT, *FBANK, *NORMALIZE, *augmenter("fea_augment"), *CNN, *MODEL, BY_KEY),
    ],
    "streaming": [
        VARIANT,
        *FBANK,
        "+    pitch_level: window",
        *(*NORMALIZE, *augmenter("fea_augment"), *CNN, *MODEL, BY_KEY),
        f"-fea_streaming_extractor: {UPSTREAM}lobes.features.StreamingFeatureWrapper",
        f"+fea_streaming_extractor: {OURS}lobes.streaming.PitchStreamingFeatureWrapper",
    ],
    "pretraining": [
        *(VARIANT, *FBANK, *NORMALIZE, *CNN, MASKED, *MODEL, *WRITTEN, BY_KEY),
        f"-Quantizer: {UPSTREAM}nnet.quantisers.RandomProjectionQuantizer",
        f"+Quantizer: {OURS}nnet.quantisers.PitchRandomProjectionQuantizer",
    ],
    "translation": [
        VARIANT,
        '-attention_type: "regularMHA" # "RelPosMHAXL" or "regularMHA"',
        FBANK[0],  # the line behind it: a diff has them together
        '+attention_type: "RoPEMHA" # "RelPosMHAXL" or "regularMHA"',
        *(FBANK[1], *NORMALIZE, *CNN),
        f"-Transformer: !new:{TRANSLATOR.upstream} #",
        f"+Transformer: !new:{TRANSLATOR.ours} #",
        BY_KEY,
    ],
    "hypermixing": [
        *(VARIANT, *FBANK, *NORMALIZE, *augmenter("fea_augment"), *CNN, *MODEL),
        "-    attention_type: hypermixing",
        "+    attention_type: RoPEMHA",
        BY_KEY,
    ],
}


ADDED = (
    r"(variant: \w+|pitch_attention: !apply:[^\r\n]*|noise_masking: True"
    r"|pitch_level: window)"
)
KIND = "RelPosMHAXL|regularMHA|hypermixing"


def only_what_must(text, swapped):
    """Whether names, the attention type and added lines are all that differs."""
    back = swapped.replace("\r\n", "\n")
    for row in SUBSTITUTES:
        back = back.replace(row.ours, row.upstream)
    back = re.sub(rf"[ ]*{ADDED}\n|\n[ ]*{ADDED}\Z", "", back)
    expected = re.sub(KIND, "RoPEMHA", text.replace("\r\n", "\n"), count=1)
    return back == expected and swapped.count("\r") >= text.count("\r")


def changes(before, after):
    return [
        line
        for line in difference(before, after)[2:]
        if line[0] in "+-" and line[:2] != "@@"
    ]


families = pytest.mark.parametrize("family", recipes.FAMILIES)


@families
def test_only_what_must_change_changes(family):
    text = recipes.FAMILIES[family]
    assert changes(text, swap(text)) == DIFFERENCES[family]


@families
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_line_ends_stay(family, line_break):
    text = recipes.FAMILIES[family].replace("\n", line_break)
    swapped = swap(text, "theta")
    assert swapped.count("\n") == swapped.count(line_break)
    assert only_what_must(text, swapped)


@families
def test_the_swapped_recipe_builds_our_classes(family):
    swapped = swap(recipes.FAMILIES[family])
    hparams = load_hyperpyyaml(swapped, {"data_folder": "audio"})
    entries = find_entries(parse(swapped))
    assert len(entries) >= 4
    for entry in entries:
        value = hparams
        for part in entry.key.rstrip("]").split("["):
            value = value[part]
        assert type(value) is locate(entry.row.ours)
    layer = hparams["Transformer"].encoder.layers[0]
    assert type(layer.mha_layer) is PitchRoPEMHA


def test_the_command_line_chooses_the_variant():
    swapped = swap(recipes.JOINT, "theta")
    overrides = {"data_folder": "audio"}
    net = load_hyperpyyaml(swapped, overrides)["Transformer"]
    rope = load_hyperpyyaml(swapped, {**overrides, "variant": "rope"})["Transformer"]
    assert load_variant("theta") != load_variant("rope")
    assert len(list(net.parameters())) > len(list(rope.parameters()))


def test_a_variant_with_a_waveform_stream_is_refused():
    with pytest.raises(ValueError, match="'multistream' has a waveform stream"):
        swap(recipes.JOINT, "multistream")


def test_a_shared_attention_type_is_changed_for_the_encoder_alone():
    text = recipes.CTC + "decoder: {attention_type: !ref <attention_type>}\n"
    swapped = swap(text)
    assert '\nattention_type: "RelPosMHAXL"   # or' in swapped
    assert "\n    attention_type: RoPEMHA\n" in swapped


def test_an_attention_type_by_anchor_keeps_the_anchor():
    text = recipes.CTC.replace('type: "Rel', 'type: &kind "Rel').replace(
        "!ref <attention_type>", "*kind"
    )
    swapped = swap(text)
    assert '\nattention_type: &kind "RoPEMHA"' in swapped
    assert only_what_must(text, swapped)


def test_an_attention_type_by_merge_is_overridden():
    text = recipes.NO_ATTENTION_TYPE.replace(
        "    input_size: 10\n", "    <<: *kind\n    input_size: 10\n"
    ).replace("sizes:", "kind: &kind {attention_type: RelPosMHAXL}\nsizes:")
    swapped = swap(text)
    added = [line for line in changes(text, swapped) if line.startswith("+    ")]
    assert added == ["+    attention_type: RoPEMHA", BY_KEY]


@pytest.mark.parametrize("kept", ["seed: 12 # of all\n", ""])
def test_without_a_seed_the_variant_leads(kept):
    start = recipes.JOINT.index("seed:")
    end = recipes.JOINT.index("output_folder:")
    text = recipes.JOINT[:start] + kept + recipes.JOINT[end:].replace("/<seed>", "")
    swapped = swap(text)
    assert swapped.startswith(text[:start] + kept + "variant: all\n")
    assert only_what_must(text, swapped)


def test_a_seed_by_anchor_does_not_draw_the_variant_into_its_block():
    text = "common:\n    seed: &seed 12\n    more: 1\n" + recipes.JOINT.replace(
        "seed: 12 # of all\n__set", "seed: *seed\n__no"
    )
    swapped = swap(text)
    assert "variant: all\ncommon:\n" in swapped
    assert only_what_must(text, swapped)


def test_without_a_last_line_break():
    text = recipes.JOINT.rstrip("\n")
    assert only_what_must(text, swap(text))
    bare = text[text.index("compute_features") :]
    assert only_what_must(bare, swap(bare))


def indented(text):
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))


def mixed(text):
    """Every other line ends as on Windows: an editor has added to a file of another."""
    return "".join(
        line.replace("\n", "\r\n") if i % 2 else line
        for i, line in enumerate(text.splitlines(keepends=True))
    )


WITHOUT_SEED = recipes.JOINT[recipes.JOINT.index("sizes:") :].replace(
    "<output_folder>", "<sizes[nhead]>"
)
LAYOUTS = {
    "indented": indented(recipes.JOINT),
    "mark of byte order": "\ufeff" + WITHOUT_SEED,
    "mark of byte order and seed": "\ufeffseed: 12\n" + WITHOUT_SEED,
    "mark of byte order, indented": "\ufeff" + indented(WITHOUT_SEED),
    "anchor before the class": recipes.JOINT.replace("CNN: !new", "CNN: &cnn !new"),
    "anchor behind the class": recipes.JOINT.replace("FrontEnd\n", "FrontEnd &cnn\n"),
    "class on its own line": recipes.JOINT.replace("\nCNN: !", "\nCNN:\n    !"),
    "class in brackets": recipes.JOINT.replace(
        "!new:speechbrain.lobes.features.Fbank",
        "!<!new:speechbrain.lobes.features.Fbank>",
    ),
    "start and end of a document": f"---\n{recipes.JOINT}...\n",
    "mixed line ends, line before": mixed(recipes.PRETRAINING),
    "mixed line ends, line behind": mixed(recipes.JOINT),
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_however_it_is_laid_out(text):
    swapped = swap(text)
    assert only_what_must(text, swapped)
    overrides = {"data_folder": "audio"} if "data_folder" in text else {}
    hparams = load_hyperpyyaml(swapped, overrides)
    assert hparams["variant"] == "all"
    for entry in find_entries(parse(swapped)):
        assert type(hparams[entry.key]) is locate(entry.row.ours)


def test_the_right_one_of_two_is_renamed():
    """The class of the first stands before where the parser says that it begins."""
    text = recipes.JOINT.replace("FrontEnd\n", "FrontEnd &cnn\n") + recipes.MODEL[
        : recipes.MODEL.index("\nTransformer")
    ].replace("CNN", "second")
    assert text.count("ConvolutionFrontEnd") == 2
    swapped = swap(text)
    assert swapped.count("PitchConvolutionFrontEnd") == 2
    assert only_what_must(text, swapped)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("Fbank", "F%62ank", "line 9: write the class as `!new:speechbrain.lobes"),
        (
            "    attention_type: RelPosMHAXL",
            "    ? attention_type\n    : RelPosMHAXL",
            r"the result would be faulty \(not yaml: line 41.*one `name: value` a line",
        ),
    ],
)
def test_a_layout_that_can_not_be_kept_is_refused(before, after, fault):
    with pytest.raises(ValueError, match=fault):
        swap(recipes.JOINT.replace(before, after))


def test_swapping_twice_is_refused():
    with pytest.raises(ValueError, match="swapped already: its classes"):
        swap(swap(recipes.JOINT))


def test_an_attention_type_that_is_no_name_is_refused():
    text = recipes.JOINT.replace("type: RelPosMHAXL", "type: [RelPosMHAXL]")
    with pytest.raises(ValueError, match=r"attention_type \(line \d+\) is '\[Rel"):
        swap(text)


@pytest.mark.parametrize("tag", ["!apply:os.mkdir", "!new:os.mkdir"])
def test_nothing_of_the_yaml_is_run(tmp_path, tag):
    made = tmp_path / "made"
    text = f"{recipes.CTC}mine: {tag} [{made}]\nmore: !apply:os.mkdir [{made}2]\n"
    swap(text)
    assert not list(tmp_path.iterdir())


def broken(text, seed):
    """A text with a few faults of a careless editor."""
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 3)):
        i, j = sorted(rng.randrange(len(text)) for _ in range(2))
        text = rng.choice(
            [
                text[:i] + text[i + rng.randint(1, 30) :],
                text[:i] + rng.choice("\t:{}[]!&*<>'\"#-|?%@\r\x00\ufeff") + text[i:],
                text[:i] + text[j:],
                text[:j] + text[i:],
                text[:i],
            ]
        )
    return text


@families
def test_broken_files_are_swapped_or_refused(family):
    for seed in range(15):
        text = broken(recipes.FAMILIES[family], f"{family} {seed}")
        try:
            swapped = swap(text)
        except ValueError as error:
            assert str(error)
        else:
            assert swapped != text

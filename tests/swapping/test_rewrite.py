"""Recipes swapped: what changes, and that nothing else does."""

import random
import re
from pydoc import locate

import pytest
from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope.cli.swap import difference
from speechbrain_pitchrope.names import FRONT_END, SUBSTITUTES, TRANSFORMER
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.swapping.recipe import Recipe
from speechbrain_pitchrope.swapping.rewrite import swap
from speechbrain_pitchrope.variants import load_variant
from tests.swapping import recipes

LOADER = "    pitch_attention: !apply:speechbrain_pitchrope.variants.load_variant"
BY_KEY = f"{LOADER} [!ref <variant>]"
ADDITIONS = {
    "other_keys": [f"{LOADER} [all]"],
    "streaming": ["variant: all", "    pitch_level: window", BY_KEY],
    "pretraining": ["variant: all", "    noise_masking: True", BY_KEY],
}
ADDED = (
    r"(variant: \w+|pitch_attention: !apply:[^\r\n]*|noise_masking: True"
    r"|pitch_level: window)"
)
KIND = "RelPosMHAXL|regularMHA|hypermixing|!ref <attention_type>"


def only_what_must(text, swapped):
    """Whether names, the attention type and added lines are all that differs."""
    back = swapped.replace("\r\n", "\n")
    for row in SUBSTITUTES:
        back = back.replace(row.ours, row.upstream)
    back = re.sub(rf"[ ]*{ADDED}\n|\n[ ]*{ADDED}\Z", "", back)
    expected = text.replace("\r\n", "\n")
    expected = re.sub(rf"(  attention_type: )({KIND})", r"\1RoPEMHA", expected)
    return back == expected and swapped.count("\r") >= text.count("\r")


def added(text, swapped):
    """The lines of the swapped text that have no like in the other."""
    names = {row.ours: row.upstream for row in SUBSTITUTES}
    plain = re.sub("|".join(names), lambda found: names[found[0]], swapped)
    kinds = re.sub(rf"(  attention_type: )({KIND})", r"\1RoPEMHA", text)
    return [line[1:] for line in difference(kinds, plain)[2:] if line.startswith("+")]


families = pytest.mark.parametrize("family", recipes.FAMILIES)


@families
def test_only_what_must_change_changes(family):
    text = recipes.FAMILIES[family]
    swapped = swap(text)
    assert only_what_must(text, swapped)
    assert added(text, swapped) == ADDITIONS.get(family, ["variant: all", BY_KEY])


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
    entries = Recipe(swapped).entries
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


def test_an_attention_type_by_anchor_is_changed_for_the_encoder_alone():
    text = recipes.CTC.replace('type: "Rel', 'type: &kind "Rel').replace(
        "!ref <attention_type>", "*kind"
    )
    swapped = swap(text)
    assert '\nattention_type: &kind "RelPosMHAXL"' in swapped
    assert "\n    attention_type: RoPEMHA\n" in swapped


def test_an_attention_type_by_merge_is_overridden():
    text = recipes.NO_ATTENTION_TYPE.replace(
        "    input_size: 10\n", "    <<: *kind\n    input_size: 10\n"
    ).replace("sizes:", "kind: &kind {attention_type: RelPosMHAXL}\nsizes:")
    swapped = swap(text)
    expected = ["variant: all", BY_KEY, "    attention_type: RoPEMHA"]
    assert added(text, swapped) == expected


def indented(text):
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))


WITHOUT_SEED = recipes.JOINT[recipes.JOINT.index("sizes:") :].replace(
    "<output_folder>", "<sizes[nhead]>"
)
LAYOUTS = {
    "indented": indented(recipes.JOINT),
    "no last line break": recipes.JOINT.rstrip("\n"),
    "mark of byte order": "\ufeff" + WITHOUT_SEED,
    "mark of byte order, indented": "\ufeff" + indented(WITHOUT_SEED),
    "anchor before the class": recipes.JOINT.replace("CNN: !new", "CNN: &cnn !new"),
    "anchor behind the class": recipes.JOINT.replace("FrontEnd\n", "FrontEnd &cnn\n"),
    "class on its own line": recipes.JOINT.replace("\nCNN: !", "\nCNN:\n    !"),
    "class in brackets": recipes.JOINT.replace(
        "!new:speechbrain.lobes.features.Fbank",
        "!<!new:speechbrain.lobes.features.Fbank>",
    ),
    "start and end of a document": f"---\n{recipes.JOINT}...\n",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS)
def test_however_it_is_laid_out(text):
    swapped = swap(text)
    assert only_what_must(text, swapped)
    overrides = {"data_folder": "audio"} if "data_folder" in text else {}
    hparams = load_hyperpyyaml(swapped, overrides)
    assert hparams["variant"] == "all"
    for entry in Recipe(swapped).entries:
        assert type(hparams[entry.key]) is locate(entry.row.ours)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (
            "Fbank",
            "F%62ank",
            r"`compute_features` \(line 9\): write the class as `!new:speechb",
        ),
        (
            "CNN: !new:speechbrain.lobes.models.convolution.ConvolutionFrontEnd",
            "CNN: !new:speechbrain.lobes.models.convolution.ConvolutionFront%45nd",
            r"the result would be faulty \(.*one `name: value` a line",
        ),
    ],
)
def test_a_layout_that_can_not_be_kept_is_refused(before, after, fault):
    with pytest.raises(ValueError, match=fault):
        text = recipes.JOINT.replace(before, after)
        second = recipes.MODEL[: recipes.MODEL.index("\nTransformer")]
        swap(text + second.replace("CNN", "second") * (before[:3] == "CNN"))


def test_an_attention_type_that_is_no_name_is_refused():
    text = recipes.JOINT.replace("type: RelPosMHAXL", "type: [RelPosMHAXL]")
    with pytest.raises(
        ValueError, match=r"`Transformer` \(line \d+\) has an attention_type t"
    ):
        swap(text)


@pytest.mark.parametrize("row", [FRONT_END, TRANSFORMER])
def test_arguments_in_braces_are_refused(row):
    pattern = rf"({row.upstream.rpartition('.')[2]})(?: #)?\n(?:    .*\n)*"
    braces = re.sub(pattern, r"\1 {causal: False}\n", recipes.PRETRAINING, count=1)
    if row is FRONT_END:
        braces = braces.replace("causal: False}", "input_shape: [8, 10, 20]}")
    with pytest.raises(ValueError, match=rf"`{row.entry}` .* not name its arguments"):
        swap(braces)


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

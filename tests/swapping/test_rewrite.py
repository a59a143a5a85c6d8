"""Recipes swapped: what changes, and that nothing else does."""

import random
import re
from pydoc import locate
from textwrap import indent

import pytest
from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope.cli.swap import difference
from speechbrain_pitchrope.names import FRONT_END, SUBSTITUTES, TRANSFORMER
from speechbrain_pitchrope.swapping.recipe import Recipe
from speechbrain_pitchrope.swapping.rewrite import beyond_names, swap
from speechbrain_pitchrope.variants import load_variant
from tests.swapping import recipes

LOADER = "+    pitch_attention: !apply:speechbrain_pitchrope.variants.load_variant"
BY_KEY = f"{LOADER} [!ref <variant>]"
KIND = r"(  attention_type: )(RelPosMHAXL|regularMHA|hypermixing|!ref <\w+>|\*kind)"


def changes(text, swapped):
    """What differs but names of classes and the encoder's attention_type."""
    names = {row.ours: row.upstream for row in SUBSTITUTES}
    plain = re.sub("|".join(names), lambda found: names[found[0]], swapped)
    rotary = re.sub(KIND, r"\1RoPEMHA", text)
    diff = difference(rotary.lstrip("\ufeff"), plain.lstrip("\ufeff"))
    return [line for line in diff[2:] if line[0] in "+-"]


families = pytest.mark.parametrize("family", recipes.FAMILIES)
ADDITIONS = {
    "other_keys": [f"{LOADER} [all]"],
    "streaming": ["+variant: all", "+    pitch_level: window", BY_KEY],
    "pretraining": ["+variant: all", "+    noise_masking: True", BY_KEY],
}


@families
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_only_what_must_change_changes(family, line_break):
    text = recipes.FAMILIES[family].replace("\n", line_break)
    swapped = swap(text)
    assert changes(text, swapped) == ADDITIONS.get(family, ["+variant: all", BY_KEY])
    assert swapped.count("\n") == swapped.count(line_break)
    before, after = (Recipe(each).entries for each in (text, swapped))
    assert [(e.key, e.row) for e in before] == [(e.key, e.row) for e in after]
    assert not any(e.swapped for e in before) and all(e.swapped for e in after)


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


@pytest.mark.parametrize("kind", ["!ref <attention_type>", "*kind"])
def test_a_shared_attention_type_is_changed_for_the_encoder_alone(kind):
    text = recipes.CTC.replace('type: "Rel', 'type: &kind "Rel')
    swapped = swap(text.replace("!ref <attention_type>", kind))
    assert '\nattention_type: &kind "RelPosMHAXL"' in swapped
    assert "\n    attention_type: RoPEMHA\n" in swapped


def test_an_attention_type_by_merge_is_seen_and_overridden():
    merged = recipes.NO_ATTENTION_TYPE.replace(
        "    input_size: 10\n", "    <<: *kind\n    input_size: 10\n"
    ).replace("sizes:", "kind: &kind {attention_type: hypermixing}\nsizes:")
    expected = ["+variant: all", BY_KEY, "+    attention_type: RoPEMHA"]
    assert changes(merged, swap(merged)) == expected
    assert "attention_type: hypermixing becomes" in beyond_names(merged)[0]


WITHOUT_SEED = recipes.JOINT[recipes.JOINT.index("sizes:") :].replace(
    "<output_folder>", "<sizes[nhead]>"
)
LAYOUTS = {
    "indented": indent(recipes.JOINT, "  "),
    "no last line break": recipes.JOINT.rstrip("\n"),
    "mark of byte order": "\ufeff" + WITHOUT_SEED,
    "mark of byte order, indented": "\ufeff" + indent(WITHOUT_SEED, "  "),
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
    added = [line.split() for line in changes(text, swapped)]
    assert [words[-1] for words in added] == ["all", "<variant>]"]
    overrides = {"data_folder": "audio"} if "data_folder" in text else {}
    hparams = load_hyperpyyaml(swapped, overrides)
    assert hparams["variant"] == "all"
    for entry in Recipe(swapped).entries:
        assert type(hparams[entry.key]) is locate(entry.row.ours)


SECOND = recipes.model()[: recipes.model().index("\nTransformer")]


def test_a_layout_that_can_not_be_kept_is_refused():
    for old, new, fault in (
        ("Fbank", "F%62ank", r"`compute_features` \(line 9\): write the class as `!n"),
        ("FrontEnd", "Front%45nd", r"result would be faulty \(.*one `name: value` a"),
        ("RelPosMHAXL", "[RelPosMHAXL]", r"`Transformer` .* has an attention_type t"),
    ):
        text = recipes.JOINT.replace(old, new) + SECOND.replace("CNN", "second")
        with pytest.raises(ValueError, match=fault):
            swap(text)


@pytest.mark.parametrize("row", [FRONT_END, TRANSFORMER])
def test_arguments_in_braces_are_refused(row):
    pattern = rf"({row.upstream.rpartition('.')[2]})(?: #)?\n(?:    .*\n)*"
    braces = re.sub(pattern, r"\1 {causal: False}\n", recipes.PRETRAINING, count=1)
    if row is FRONT_END:
        braces = braces.replace("causal: False}", "input_shape: [8, 10, 20]}")
    with pytest.raises(ValueError, match=rf"`{row.entry}` .* not name its arguments"):
        swap(braces)


def broken(text, rng):
    """A text with a fault of a careless editor."""
    i, j = sorted(rng.randrange(len(text)) for _ in range(2))
    put_in = rng.choice("\t:{}[]!&*<>'\"#-|?%@\r\x00\ufeff")
    behind = text[i + rng.randint(1, 30) :], put_in + text[i:], text[j:], ""
    return rng.choice([text[:j] + text[i:], *(text[:i] + rest for rest in behind)])


@families
def test_broken_files_are_swapped_or_refused(family):
    rng = random.Random(family)
    for n_faults in [1, 2, 3] * 5:
        text = recipes.FAMILIES[family]
        for _ in range(n_faults):
            text = broken(text, rng)
        try:
            assert swap(text) != text
        except ValueError as error:
            assert str(error)

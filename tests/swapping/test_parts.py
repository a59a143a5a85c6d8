"""Of a swapped recipe, only what the encoder needs is built."""

from pydoc import locate

import pytest

from speechbrain_pitchrope.names import dotted_path
from speechbrain_pitchrope.swapping.document import parse
from speechbrain_pitchrope.swapping.parts import build, needed_yaml
from speechbrain_pitchrope.swapping.recipe import find_entries
from speechbrain_pitchrope.swapping.rewrite import swap
from tests.swapping import recipes

families = pytest.mark.parametrize("family", recipes.FAMILIES)


@families
def test_everything_that_carries_pitch_is_built(family):
    swapped = swap(recipes.FAMILIES[family])
    parts = build(needed_yaml(swapped))
    built = {dotted_path(type(part)) for part in parts if part is not None}
    assert {entry.row.ours for entry in find_entries(parse(swapped))} <= built
    chunked = family in ("transducer", "streaming")
    assert (parts.wrapper is not None) == (chunked or family == "pretraining")
    assert (parts.chunks is not None) == chunked


def test_a_wrapper_wraps_the_transformer_that_is_checked():
    parts = build(needed_yaml(swap(recipes.TRANSDUCER)))
    assert parts.wrapper.transformer is parts.transformer


@families
def test_nothing_else_is_built(family):
    """What is downloaded, or not installed, must not be in the way."""
    text = recipes.FAMILIES[family] + (
        "lm: !new:not.installed.LM\n"
        "    path: !PLACEHOLDER\n"
        "pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer\n"
        "    collect_in: !ref <data_folder>\n"
    )
    needed = needed_yaml(swap(text))
    assert "not.installed" not in needed and "Pretrainer" not in needed
    assert locate("not.installed") is None
    build(needed)


def test_settings_of_masking_are_the_recipes():
    text = recipes.PRETRAINING.replace("mask_length: 4", "mask_length: 8")
    masking = build(needed_yaml(swap(text))).masking
    assert (masking["mask_length"], masking["mask_prob"]) == (8, 0.15)


def test_a_placeholder_that_is_needed_is_named():
    text = recipes.JOINT.replace("n_mels: 20", "n_mels: !PLACEHOLDER")
    with pytest.raises(ValueError, match=r"`compute_features\[n_mels\]`, which is !PL"):
        needed_yaml(swap(text))

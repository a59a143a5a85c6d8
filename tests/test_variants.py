"""Variants by name."""

import pytest

from speechbrain_pitchrope.controls import CONTROLS
from speechbrain_pitchrope.variants import (
    claim_output_folder,
    load_streams,
    load_variant,
    variant_names,
)
from tests.lobes.models.transformer.small_models import D_MODEL, LENGTHS, build, inputs


@pytest.mark.parametrize("name", [*variant_names(), *(f"all+{x}" for x in CONTROLS)])
def test_each_variant_builds_and_runs(name):
    encoded = build(name).encode(inputs(name), LENGTHS)
    assert encoded.shape == (3, 20, D_MODEL)
    assert encoded.isfinite().all()


def test_variants_with_more_than_attention_are_variant_all_and_that():
    for name in CONTROLS:
        assert load_variant(f"all+{name}") == load_variant("all") | {"control": name}
    assert load_variant("all_input") == load_variant("all") | {"pitch_input": 32}
    streams = {"streams": load_streams("multistream")}
    assert load_variant("multistream") == load_variant("all") | streams


def test_single_variants_switch_one_thing_on():
    for switch, names in {
        "theta": ("theta", "phase"),
        "similarity": ("similarity", "gaussian", "even_cosines", "odd_cosines"),
        "radius": ("radius",),
        "pitch_input": ("input",),
    }.items():
        for name in names:
            on = [key for key, form in load_variant(name).items() if form != "none"]
            assert on == [switch]


@pytest.mark.parametrize("name", ["al", None, "theta+loud", "rope+", "+shuffled_f0"])
def test_unknown_variants_and_controls_name_the_known_ones(name):
    with pytest.raises(ValueError, match=r"no variant.*all, .*theta.*shuffled_f0"):
        load_variant(name)


def test_output_folder_belongs_to_one_variant(tmp_path):
    for _ in range(2):
        claim_output_folder(tmp_path / "run", "theta", load_variant("theta"))
    with pytest.raises(ValueError, match="holds a run of variant 'theta'"):
        claim_output_folder(tmp_path / "run", "all", load_variant("all"))

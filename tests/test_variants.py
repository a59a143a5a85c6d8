"""Variants by name."""

import pytest
import torch

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.variants import (
    claim_output_folder,
    load_variant,
    variant_names,
)


@pytest.mark.parametrize("name", variant_names())
def test_each_variant_builds_and_runs(name):
    net = PitchRoPEMHA(16, 2, **load_variant(name))
    x = torch.randn(1, 5, 16)
    assert net(x, x, x, pos_embs=torch.zeros(1, 5, 4))[0].shape == x.shape


def test_single_variants_switch_one_thing_on():
    for name in ("theta", "similarity", "radius"):
        on = [key for key, form in load_variant(name).items() if form != "none"]
        assert on == [name]


def test_unknown_variant_names_the_known_ones():
    with pytest.raises(ValueError, match=r"no variant 'al'.*rope, similarity, theta"):
        load_variant("al")


def test_output_folder_belongs_to_one_variant(tmp_path):
    claim_output_folder(tmp_path / "run", "theta", load_variant("theta"))
    claim_output_folder(tmp_path / "run", "theta", load_variant("theta"))
    with pytest.raises(ValueError, match="holds a run of variant 'theta'"):
        claim_output_folder(tmp_path / "run", "all", load_variant("all"))

"""The recipe's yaml files: complete, no dead keys, as large as their headers say."""

import re

import pytest
from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope.names import ASR_SUBSTITUTES
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from tests.recipes.conftest import RECIPE

NAMES = ("conformer_large", "conformer_mini", "conformer_small")
CODE = "".join(path.read_text() for path in RECIPE.glob("*.py"))

# Read by speechbrain.Brain itself, under these names, or run as the file is loaded.
OF_THE_BRAIN = {
    *("precision", "max_grad_norm", "grad_accumulation_factor", "__set_seed"),
    *("skip_nonfinite_grads", "ckpt_interval_minutes"),
}


@pytest.mark.parametrize("name", NAMES)
def test_every_top_level_key_is_used(name):
    text = (RECIPE / f"hparams/{name}.yaml").read_text()
    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert len(keys) == len(set(keys)) > 50
    unused = {key for key in keys if f"<{key}>" not in text}
    used = {key for key in keys if re.search(rf'hparams\.{key}\b|[\[(]"{key}"', CODE)}
    assert unused - used <= OF_THE_BRAIN | {"output_neurons"}


@pytest.mark.parametrize("name", NAMES)
def test_header_tells_the_number_of_parameters(name, tmp_path):
    """And every class that carries pitch is ours."""
    text = (RECIPE / f"hparams/{name}.yaml").read_text()
    folders = {"data_folder": "data", "output_folder": str(tmp_path)}
    hparams = load_hyperpyyaml(text, folders)
    counts = [0, 0]
    for key, parameter in hparams["model"].named_parameters():
        ours = key.rpartition(".")[2] in PitchRoPEMHA.PITCH_PARAMETERS
        counts[ours] += parameter.numel()
    header = re.search(r"# Parameters .*: ([\d,]+) of RoPE, and ([\d,]+) ", text)
    assert tuple(f"{count:,}" for count in counts) == header.groups()
    for row in ASR_SUBSTITUTES:
        cls = type(hparams[row.entry])
        assert f"{cls.__module__}.{cls.__qualname__}" == row.ours

"""The recipe's yaml files: complete, no dead keys, as large as their headers say."""

import re

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope.names import ASR_SUBSTITUTES
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from tests.recipes.conftest import RECIPE
from tests.signals import batch_of, utterance

NAMES = ("conformer_large", "conformer_mini", "conformer_small")
CODE = "".join(path.read_text() for path in RECIPE.glob("*.py"))

# Read by speechbrain.Brain itself, under these names, or run as the file is loaded.
OF_THE_BRAIN = {
    *("precision", "max_grad_norm", "grad_accumulation_factor", "__set_seed"),
    *("skip_nonfinite_grads", "ckpt_interval_minutes"),
}


def load(name, folder, **overrides):
    """The objects of a recipe's file."""
    overrides = {"data_folder": "data", "output_folder": str(folder), **overrides}
    with open(RECIPE / f"hparams/{name}.yaml") as stream:
        return load_hyperpyyaml(stream, overrides)


@pytest.mark.parametrize("name", NAMES)
def test_every_top_level_key_is_used(name):
    text = (RECIPE / f"hparams/{name}.yaml").read_text()
    keys = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert len(keys) == len(set(keys)) > 50
    unused = {
        key
        for key in keys
        if f"<{key}>" not in text
        and not re.search(rf'hparams\.{key}\b|[\[(]"{key}"', CODE)
    }
    assert unused <= OF_THE_BRAIN | {"output_neurons"}


@pytest.mark.parametrize("name", NAMES)
def test_header_tells_the_number_of_parameters(name, tmp_path):
    """And every class that carries pitch is ours."""
    hparams = load(name, tmp_path)
    counts = [0, 0]
    for key, parameter in hparams["model"].named_parameters():
        ours = key.rpartition(".")[2] in PitchRoPEMHA.PITCH_PARAMETERS
        counts[ours] += parameter.numel()
    header = re.search(
        r"# Parameters .*: ([\d,]+) of RoPE, and ([\d,]+) ",
        (RECIPE / f"hparams/{name}.yaml").read_text(),
    )
    assert header, "no header line 'Parameters'"
    assert tuple(f"{count:,}" for count in counts) == header.groups()
    for row in ASR_SUBSTITUTES:
        cls = type(hparams[row.entry])
        assert f"{cls.__module__}.{cls.__qualname__}" == row.ours


@pytest.mark.parametrize("name", NAMES)
def test_streams_start_as_the_spectrogram_alone(name, tmp_path):
    """From the waveform to the encoder, with augmentation, by the variant alone."""
    wavs, lengths = batch_of(utterance(120.0), utterance(240.0, seconds=1.2))
    outputs = {}
    for variant in ("all", "multistream"):
        hparams = load(name, tmp_path, variant=variant, num_encoder_layers=2)
        torch.manual_seed(0)
        features = hparams["normalize"](hparams["compute_features"](wavs), lengths)
        features, lens = hparams["fea_augment"](features, lengths)
        outputs[variant] = hparams["Transformer"].encode(hparams["CNN"](features), lens)
    assert outputs["all"].isfinite().all()
    assert torch.equal(outputs["multistream"], outputs["all"])

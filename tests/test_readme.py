"""What the README shows works: its yaml, its Python, its commands."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope.cli import COMMANDS
from speechbrain_pitchrope.nnet import rotary, similarity
from speechbrain_pitchrope.variants import variant_names
from tests.signals import batch_of, utterance

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_yaml_makes_a_model_that_runs():
    (text,) = blocks("yaml")
    hparams = load_hyperpyyaml(text)
    wavs, lengths = batch_of(utterance(120.0), utterance(240.0, seconds=1.2))
    features = hparams["compute_features"](wavs)
    source = hparams["CNN"](hparams["normalize"](features, lengths))
    encoded, _ = hparams["Transformer"](source, None, lengths)
    assert encoded.shape == (2, source.shape[1], 144)
    assert encoded.isfinite().all()


@pytest.mark.parametrize("code", blocks("python"))
def test_python(code):
    torch.manual_seed(0)
    exec(code, {})


def test_formulas_are_those_of_the_code():
    """Each line of the README's formulas stands in a module's docstring."""
    formulas = README.split("## The three formulas")[1].split("\n## ")[0]
    lines = [line.strip() for line in formulas.splitlines() if line.startswith(" " * 7)]
    documented = " ".join((rotary.__doc__ + similarity.__doc__).split())
    assert len(lines) == 5
    for line in lines:
        assert " ".join(line.split()) in documented


def commands():
    """Every command of the README's shell blocks, without comments."""
    text = "\n".join(blocks("bash")).replace("\\\n", " ")
    return [
        words
        for line in text.splitlines()
        if (words := shlex.split(line, comments=True))
    ]


def test_commands_exist():
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    found = set()
    folder = ROOT
    for words in commands():
        found.add(words[0])
        if words[0] == "make":
            assert words[1] in targets
        elif words[0] == "pitchrope":
            assert words[1] in COMMANDS
        elif words[0] == "cd":
            folder = ROOT / words[1]
        elif words[0] in ("python", "torchrun"):
            script = next(word for word in words[1:] if word.endswith(".py"))
            assert (folder / script).is_file()
            assert (folder / words[words.index(script) + 1]).is_file()
            if "--variant" in words:
                assert words[words.index("--variant") + 1] in variant_names()
    assert {"make", "pitchrope", "python", "torchrun"} <= found


def test_links_within_the_repository_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target

"""What READMEs and docs show works: their yaml, Python, commands and figures."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from PIL import Image

from speechbrain_pitchrope.cli import COMMANDS, make_parser
from speechbrain_pitchrope.nnet import rotary, similarity
from speechbrain_pitchrope.variants import load_variant
from tests.signals import batch_of, utterance

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCS = sorted(ROOT.glob("docs/*.md"))
READMES = [ROOT / "README.md", *sorted(ROOT.glob("recipes/*/README.md"))]


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_yaml_makes_a_model_that_runs():
    (text,) = blocks("yaml")
    hparams = load_hyperpyyaml(text)
    wavs, lengths = batch_of(utterance(120.0), utterance(240.0, seconds=1.2))
    features = hparams["compute_features"](wavs)
    normalized = hparams["normalize"](features, lengths)
    features, lengths = hparams["fea_augment"](normalized, lengths)
    source = hparams["CNN"](features)
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


def test_tracker_of_the_recipes_readme():
    (text,) = blocks("yaml", (ROOT / "recipes/LibriSpeech/README.md").read_text())
    f0_hz, _ = load_hyperpyyaml(text)["pitch_tracker"](utterance(120.0)[None])
    assert f0_hz[f0_hz > 0].median() == pytest.approx(120, rel=0.2)


def commands(path):
    """Every command of a README's shell blocks, without comments."""
    text = "\n".join(blocks("bash", path.read_text())).replace("\\\n", " ")
    return [words for line in text.splitlines() if (words := shlex.split(line, True))]


def parsed(words):
    """The arguments of a pitchrope command, as after the shell's a{b,c} -> ab ac."""
    expanded = []
    for word in words[1:]:
        start, *choices, end = re.split(r"{(.*)}", word) if "{" in word else (word, "")
        expanded += [start + x + end for x in ",".join(choices).split(",")]
    return make_parser({words[1]: COMMANDS[words[1]]}).parse_args(expanded)


@pytest.mark.parametrize("path", [*READMES, *DOCS], ids=lambda path: path.name)
def test_commands_and_links_lead_somewhere(path):
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    found, folder = set(), ROOT
    for words in commands(path):
        found.add(words[0])
        if words[0] == "make":
            assert words[1] in targets
        elif words[0] == "pitchrope":
            parsed(words)
        elif words[0] == "cd":
            folder = ROOT / words[1]
        elif "train.py" in words and path in READMES:
            _, hparams, *options = words[words.index("train.py") :]
            assert (folder / "train.py").is_file()
            if "--variant" in options:
                variant = options[options.index("--variant") + 1]
                assert variant == "$variant" or load_variant(variant)
            text = (folder / hparams).read_text()
            for base in re.findall(r"^overrides_of: (.+)", text, re.M):
                text += (folder / hparams).with_name(base).read_text()
            keys = re.findall(r"^(\w+):", text, re.M)
            flags = [word[2:] for word in options if word.startswith("--")]
            assert {*flags} <= {*keys, "device", "test_only"}
    assert {"pitchrope", "python"} <= found or path not in READMES
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_images_of_the_gallery_are_made_by_the_commands_above_them_and_small():
    gallery = (ROOT / "docs/gallery.md").read_text()
    figures = set()
    pattern = r"```bash\n([^`]*)```\n\n!\[[^\]]+\]\(([^)]+)\)"
    for command, image in re.findall(pattern, gallery):
        args = parsed(shlex.split(command.replace("\\\n", " ")))
        assert (args.command, args.out) == ("plot", image)
        assert image == f"{args.figure}.png"
        figures.add(args.figure)
        assert (ROOT / "docs" / image).stat().st_size < 150_000, image
        with Image.open(ROOT / "docs" / image) as opened:
            assert opened.info["dpi"] == pytest.approx((150, 150), 0.01)
    assert figures == {"pitch", "rotation", "similarity", "attention", "training"}

"""The command that swaps a recipe's yaml."""

import argparse
import os
import re
from pathlib import Path

import pytest

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.cli.swap import OWN_FOLDER, add_arguments, difference
from speechbrain_pitchrope.names import SUBSTITUTES
from speechbrain_pitchrope.swapping.check import check
from speechbrain_pitchrope.swapping.rewrite import beyond_names, swap
from tests.swapping.recipes import JOINT


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(JOINT)
    return path


def run(*arguments):
    return main(["swap", *map(str, arguments)])


def test_the_input_stays_and_the_output_is_swapped(recipe, tmp_path, capsys):
    text = JOINT.replace("\n", "\r\n")
    recipe.write_bytes(text.encode())
    out = tmp_path / "new" / "swapped.yaml"
    assert run(recipe, out, "--variant", "radius", "--diff", "--check") == 0
    assert recipe.read_bytes() == text.encode()
    swapped = swap(text, "radius")
    assert out.read_bytes() == swapped.encode()
    assert capsys.readouterr().out.splitlines() == [
        *difference(text, swapped, str(recipe), str(out)),
        f"{out}: 6 lines replaced by 8",
        f"beyond the names of classes, in {recipe}:",
        *(f"  - {note}" for note in beyond_names(text)),
        "checked, forward and backward:",
        *(f"  - {line}" for line in check(swapped)),
        OWN_FOLDER,
    ]


@pytest.mark.parametrize("check", [[], ["--check"]])
def test_only_a_check_runs_what_the_yaml_names(recipe, tmp_path, check):
    made = tmp_path / "made"
    text = JOINT.replace("d_ffn: 32", f"d_ffn: !apply:{__name__}.touch [{made}]")
    recipe.write_text(text)
    assert run(recipe, tmp_path / "out.yaml", *check) == 0
    assert made.exists() == bool(check)


def touch(path):
    Path(path).touch()
    return 32


def test_what_includes_files_is_written_beside_them(recipe, tmp_path, refused):
    (tmp_path / "data.yaml").write_text("n_mels: 20\n")
    text = JOINT.replace("n_mels: 20", "n_mels: !ref <data[n_mels]>")
    recipe.write_text(f"data: !include:data.yaml\n{text}")
    told = refused("swap", recipe, tmp_path / "new/out.yaml")
    assert f"write the output to {tmp_path}" in told
    assert run(recipe, tmp_path / "out.yaml", "--check") == 0


def test_output_is_overwritten_only_by_force(recipe, tmp_path, refused):
    out = tmp_path / "out.yaml"
    out.write_text("mine")
    assert "out.yaml exists: give another output" in refused("swap", recipe, out)
    assert out.read_text() == "mine"
    assert run(recipe, out, "--force") == 0
    assert out.read_text() == swap(JOINT)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_input_folders_and_devices_stay(recipe, tmp_path, refused, force):
    """A device would be replaced by a file, for all who use it."""
    (tmp_path / "link.yaml").symlink_to(recipe)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = set(tmp_path.rglob("*"))
    for out, fault in (
        ("folder/../recipe.yaml", "is the input"),
        ("link.yaml", "is the input"),
        ("folder", "is no regular file"),
        ("pipe", "is no regular file"),
        ("recipe.yaml/out.yaml", "recipe.yaml"),
    ):
        assert fault in refused("swap", recipe, tmp_path / out, *force)
    assert recipe.read_text() == JOINT
    assert (tmp_path / "pipe").is_fifo() and set(tmp_path.rglob("*")) == before


REFUSED = {
    "missing": (None, "recipe.yaml is no file: give the yaml of a recipe"),
    "not UTF-8": (b"a: 1\nb: \xff\n", "recipe.yaml: 'utf-8' codec can't decode byte"),
    "no recipe": (b"a: 1\n", "recipe.yaml: not a SpeechBrain recipe's yaml"),
    "swapped": (swap(JOINT).encode(), "recipe.yaml: swapped already"),
    "check": (
        JOINT.replace("input_size: 10", "input_size: 40").encode(),
        "recipe.yaml: the check failed at encoder: ValueError",
    ),
}


@pytest.mark.parametrize(("content", "fault"), REFUSED.values(), ids=REFUSED)
def test_nothing_is_written_on_refusal(recipe, tmp_path, refused, content, fault):
    recipe.unlink()
    if content is not None:
        recipe.write_bytes(content)
    before = set(tmp_path.iterdir())
    assert fault in refused("swap", recipe, tmp_path / "new/out.yaml", "--check")
    assert set(tmp_path.iterdir()) == before


GUIDE = (Path(__file__).parents[2] / "docs/swap.md").read_text()


def test_the_guide_has_the_table_of_names_and_each_option():
    for row in SUBSTITUTES:
        upstream = row.upstream.removeprefix("speechbrain.")
        ours = row.ours.removeprefix("speechbrain_pitchrope.")
        assert f"| `{row.entry}` | `{upstream}` | `{ours}` |" in GUIDE
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = {name for name in parser._option_string_actions if name[:2] == "--"}
    assert options - {"--help"} == set(re.findall(r"^\| `(--\w+)", GUIDE, re.M))
    told = " ".join(parser.format_help().split())
    assert "This runs code that the yaml names" in told


def test_the_guides_example_is_what_a_swap_does():
    diff = GUIDE.split("```diff\n")[1].split("```")[0].splitlines()[2:]
    removed, added = ([d[1:] for d in diff if d.startswith(sign)] for sign in "-+")
    names = {row.ours: row.upstream for row in SUBSTITUTES}
    kept = [re.sub("|".join(names), lambda x: names[x[0]], line) for line in added]
    new = [line.split(":")[0].strip() for line in kept if line not in removed]
    assert new == ["variant", "pitch_attention"]
    assert [line for line in kept if line in removed] == removed


def test_the_guide_trains_with_what_it_swapped():
    swapped = {*re.findall(r"^pitchrope swap hparams/\S+ (hparams/\S+)", GUIDE, re.M)}
    trained = {*re.findall(r"^python train.py (\S+)", GUIDE, re.M)}
    assert trained and trained <= swapped

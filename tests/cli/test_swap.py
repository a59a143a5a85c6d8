"""The command that swaps a recipe's yaml."""

import argparse
import os
import re
import shlex
from pathlib import Path

import pytest

from speechbrain_pitchrope.cli import COMMANDS, main, make_parser
from speechbrain_pitchrope.cli.swap import add_arguments
from speechbrain_pitchrope.names import SUBSTITUTES
from speechbrain_pitchrope.swapping.check import check
from speechbrain_pitchrope.swapping.notes import beyond_names
from speechbrain_pitchrope.swapping.rewrite import swap
from tests.swapping.recipes import CTC, JOINT

NOTES = ["beyond the names of classes:", *(f"  - {n}" for n in beyond_names(JOINT))]


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(JOINT)
    return path


def run(*arguments):
    return main(["swap", *map(str, arguments)])


def test_the_input_stays_and_the_output_is_swapped(recipe, tmp_path, capsys):
    swapped = tmp_path / "new" / "swapped.yaml"
    assert run(recipe, swapped, "--variant", "theta") == 0
    assert swapped.read_text() == swap(JOINT, "theta")
    assert capsys.readouterr().out.splitlines() == [
        f"{swapped}: 6 lines replaced by 8",
        *NOTES,
    ]
    assert recipe.read_text() == JOINT


def test_line_ends_stay(recipe, tmp_path):
    recipe.write_bytes(CTC.replace("\n", "\r\n").encode())
    assert run(recipe, tmp_path / "out.yaml") == 0
    data = (tmp_path / "out.yaml").read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") > 0


def test_diff_is_printed_first(recipe, tmp_path, capsys):
    out = tmp_path / "out.yaml"
    assert run(recipe, out, "--diff") == 0
    lines = capsys.readouterr().out.splitlines()
    count = lines.index(f"{out}: 6 lines replaced by 8")
    assert lines[:2] == [f"--- {recipe}", f"+++ {out}"]
    assert "-    attention_type: RelPosMHAXL" in lines
    assert [sum(line[0] == s for line in lines[2:count]) for s in "-+"] == [6, 8]


def test_a_check_is_told(recipe, tmp_path, capsys):
    out = tmp_path / "out.yaml"
    assert run(recipe, out, "--check", "--variant", "radius") == 0
    swapped = swap(JOINT, "radius")
    assert out.read_text() == swapped
    lines = capsys.readouterr().out.splitlines()
    assert lines[-len(check(swapped)) - 1 :] == [
        "checked, forward and backward:",
        *(f"  - {line}" for line in check(swapped)),
    ]


def test_a_failed_check_leaves_no_file(recipe, tmp_path, capsys):
    recipe.write_text(JOINT.replace("input_size: 10", "input_size: 40"))
    assert run(recipe, tmp_path / "new" / "out.yaml", "--check") == 1
    captured = capsys.readouterr()
    assert f"swap: {recipe}: the check failed at encoder: ValueError" in captured.err
    assert captured.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["recipe.yaml"]


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


def test_what_includes_files_is_written_beside_them(recipe, tmp_path, capsys):
    (tmp_path / "data.yaml").write_text("n_mels: 20\n")
    text = JOINT.replace("n_mels: 20", "n_mels: !ref <data[n_mels]>")
    recipe.write_text(f"data: !include:data.yaml\n{text}")
    assert run(recipe, tmp_path / "new/out.yaml") == 1
    assert f"write the output to {tmp_path}" in capsys.readouterr().err
    assert run(recipe, tmp_path / "out.yaml", "--check") == 0


def test_output_is_overwritten_only_by_force(recipe, tmp_path, capsys):
    out = tmp_path / "out.yaml"
    out.write_text("mine")
    assert run(recipe, out) == 1
    assert "out.yaml exists: give another output" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert run(recipe, out, "--force") == 0
    assert out.read_text() == swap(JOINT)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_the_input_is_never_overwritten(recipe, tmp_path, capsys, force):
    (tmp_path / "link.yaml").symlink_to(recipe)
    for out in (recipe, tmp_path / "x" / ".." / "recipe.yaml", tmp_path / "link.yaml"):
        (tmp_path / "x").mkdir(exist_ok=True)
        assert run(recipe, out, *force) == 1
        assert "is the input: give another output" in capsys.readouterr().err
    assert recipe.read_text() == JOINT


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "recipe.yaml is not there: give the yaml of a recipe"),
        (b"a: [1,\nb: 2}\n", "recipe.yaml: not yaml: line 2, column 5: while"),
        (b"a: 1\nb: \xff\n", "recipe.yaml: not yaml: line 2: not UTF-8"),
        (b"a: 1\n", "recipe.yaml: not a SpeechBrain recipe's yaml"),
        (b"a: 1\n\tb: 2\n", "recipe.yaml: not yaml: line 2, column 1: while"),
        (
            JOINT.encode() + b"seed: 3\n",
            "line 3: the mapping that begins here has the key `seed`",
        ),
        (b"a: !new:torch.nn.ReLU\n", "recipe.yaml: it can't be swapped:\n  - no entry"),
        (swap(JOINT).encode(), "recipe.yaml: swapped already"),
    ],
    ids=[
        *("missing", "not yaml", "not utf-8", "not a recipe", "tab", "twice"),
        *("no Fbank", "swapped"),
    ],
)
def test_nothing_is_written_on_refusal(recipe, tmp_path, capsys, content, fault):
    recipe.unlink()
    if content is not None:
        recipe.write_bytes(content)
    before = set(tmp_path.iterdir())
    assert run(recipe, tmp_path / "new" / "out.yaml") == 1
    captured = capsys.readouterr()
    assert fault in captured.err
    assert captured.out == ""
    assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_only_files_are_written_over(recipe, tmp_path, capsys, force):
    """A device would be replaced by a file, for all who use it."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, kind in (("folder", "a folder"), ("pipe", "no regular file")):
        out = tmp_path / name
        assert run(recipe, out, *force) == 1
        assert capsys.readouterr().err == (
            f"pitchrope swap: {out} is {kind}: give the name of a yaml to write\n"
        )
    assert (tmp_path / "pipe").is_fifo()
    assert not list((tmp_path / "folder").iterdir())


def test_what_cannot_be_written_is_told(recipe, capsys):
    assert run(recipe, recipe / "out.yaml") == 1
    assert "recipe.yaml/out.yaml can't be written: " in capsys.readouterr().err


GUIDE = (Path(__file__).parents[2] / "docs/swap.md").read_text()


def test_the_guide_has_the_table_of_names():
    upstream, ours = "speechbrain.", "speechbrain_pitchrope."
    for row in SUBSTITUTES:
        names = row.upstream.removeprefix(upstream), row.ours.removeprefix(ours)
        assert f"| `{row.entry}` | `{names[0]}` | `{names[1]}` |" in GUIDE


def test_the_guide_has_each_option():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = {name for name in parser._option_string_actions if name[:2] == "--"}
    told = " ".join(parser.format_help().split())
    assert "This runs code that the yaml names" in told
    assert options - {"--help"} == set(re.findall(r"^\| `(--\w+)", GUIDE, re.M))


def test_the_guides_example_is_what_a_swap_does():
    diff = GUIDE.split("```diff\n")[1].split("```")[0].splitlines()[2:]
    removed, added = (
        [line[1:] for line in diff if line.startswith(sign)] for sign in "-+"
    )
    renames = {f"!new:{row.upstream}": f"!new:{row.ours}" for row in SUBSTITUTES}
    new = re.compile(
        r"variant: all|    pitch_attention: !apply:speechbrain_pitchrope\."
    )
    kept = [line for line in added if not new.match(line)]
    assert len(added) - len(kept) == 2
    for before, after in zip(removed, kept, strict=True):
        name = re.search(r"!new:\S+", before)[0]
        assert before.replace(name, renames[name]) == after


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.M | re.S)


def commands():
    """Every command of the guide's shell blocks, without comments."""
    for block in blocks("bash"):
        for line in block.replace("\\\n", " ").splitlines():
            yield shlex.split(line, comments=True)


def test_the_guides_commands_parse():
    swapped, found = set(), 0
    for words in commands():
        if words[:1] == ["pitchrope"]:
            name = words[1]
            args = make_parser({name: COMMANDS[name]}).parse_args(words[1:])
            if name == "swap":
                assert args.input.parent == args.output.parent == Path("hparams")
                swapped.add(str(args.output))
            found += 1
        elif words[:1] == ["python"]:
            assert words[1] == "train.py" and words[2] in swapped
    assert found >= 5

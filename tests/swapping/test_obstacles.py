"""What is said of recipes: why they are refused, and what a swap of them changes."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from speechbrain_pitchrope.names import ASR_SUBSTITUTES
from speechbrain_pitchrope.swapping.recipe import SENTENCES
from speechbrain_pitchrope.swapping.rewrite import beyond_names, swap
from tests.swapping import recipes

CASES = YAML(typ="safe", pure=True).load(Path(__file__).with_name("cases.yaml"))


def make(of="joint", old="", new="", before="", **_):
    """The text of a case; TRANSFORMER is the class with its arguments."""
    text = recipes.FAMILIES[of]
    if old == "TRANSFORMER":
        (old,) = re.findall(r"Transformer: !new:([^#]*#\n(?:    .*\n)*)", text)
    assert old in text
    return before + text.replace(old, new)


def refusal(text):
    """The lines of the reason why a recipe is refused."""
    with pytest.raises(ValueError) as error:
        swap(text)
    return str(error.value).split("\n")


def check_sentences(found, case):
    """Each of the patterns is in its sentence, and names the line of its entry."""
    lines = make(**case).splitlines()
    for sentence, pattern in zip(found, case["says"], strict=True):
        assert re.search(pattern.replace("LINE", r" \(line \d+\)"), sentence)
        for key, number in re.findall(r"`([^`]*)` \(line (\d+)\)", sentence):
            assert key.strip("]").split("[")[-1] in lines[int(number) - 1]


def cases(kind):
    return pytest.mark.parametrize("case", CASES[kind].values(), ids=CASES[kind])


@cases("refused")
def test_refusals_name_each_reason(case):
    first, *lines = refusal(make(**case))
    assert first == "it can't be swapped:"
    check_sentences(lines, case)


@cases("ported")
def test_what_the_installed_speechbrain_lacks_is_listed_alone(case):
    first, *lines = refusal(make(**case))
    assert "port it first" in first
    check_sentences(lines, case)


@cases("noted")
def test_what_changes_beyond_names_is_told(case):
    swap(make(**case))
    check_sentences(beyond_names(make(**case)), case)


@pytest.mark.parametrize("left", ASR_SUBSTITUTES, ids=lambda row: row.entry)
def test_a_half_swapped_recipe_is_refused(left):
    text = recipes.JOINT
    for row in ASR_SUBSTITUTES:
        if row is not left:
            text = text.replace(f"!new:{row.upstream}", f"!new:{row.ours}")
    first, line = refusal(text)
    assert first.startswith("half swapped")
    assert f"`{left.entry}`" in line and line.endswith(left.ours)


def test_every_sentence_is_used():
    package = Path(swap.__code__.co_filename).parent
    code = "".join(path.read_text(encoding="utf-8") for path in package.glob("*.py"))
    assert {name for name in SENTENCES if f'"{name}"' not in code} == set()

"""Positions in a yaml file, and edits by them."""

import pytest

from speechbrain_pitchrope.swapping.document import Edit, class_of, parse
from tests.swapping.recipes import FAMILIES


@pytest.mark.parametrize("text", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_each_class_stands_where_its_position_says(text, line_break):
    document = parse(text.replace("\n", line_break))
    tagged = [node for _, node in document.walk() if class_of(node)]
    assert len(tagged) == text.count("!new:")
    for node in tagged:
        rest = document.text[node.start_mark.index :]
        assert rest.startswith(f"!new:{class_of(node)}")


def test_edits_change_only_their_characters():
    document = parse("a: !new:b.C # d\n")
    edits = [Edit(8, 11, "x.YZ"), Edit(0, 1, "aa"), Edit(0, 1, "aa")]
    assert document.edited(edits) == "aa: !new:x.YZ # d\n"


def test_references_lead_to_what_they_name():
    document = parse(
        "x: !new:a.B\ny: !ref <z[w]>\nz: {w: !copy <v>}\nv: 3\n"
        "sum: !ref <v> + 1\nnowhere: !ref <u>\none: !ref <two>\ntwo: !ref <one>\n"
    )
    assert document.resolve(document.at("y")).value == "3"
    for key in ("sum", "nowhere", "one"):
        assert document.resolve(document.at(key)) is None


def test_what_is_referred_to_or_anchored_is_needed_and_no_more():
    document = parse(
        "loose: !new:a.B\nbase: &base {x: 1}\n"
        "size: !ref <base[x]> * <factor>\nfactor: 2\n"
        "net: !new:a.C\n    <<: *base\n    y: [!ref <size>, !copy <leaf.attr>]\n"
        "leaf: !new:a.D\nlast: 5\n"
    )
    needed = document.needed_by(["net", "none"])
    assert needed == {"net", "base", "size", "factor", "leaf"}


def test_a_merge_may_stand_twice():
    parse("a: &a {x: 1}\nd: !new:b.C\n    <<: *a\n    x: 1\n    <<: *a\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1,\nb: 2}\n", "not yaml: line 2, column 5: .*, expected ',' or ']'"),
        ("a: b: !new:c.D\n", "not yaml: line 1, column 5: mapping values"),
        ("a: !new:b.C\n---\nd: 1\n", "not yaml: line 2, column 1: expected a single"),
        ("a: !new:b.C\nd: *e\n", "not yaml: line 2, column 4: found undefined alias"),
        ("a: 1\nb: c\x01\n", "not yaml: unacceptable character #x0001"),
        ("a: !new:b.C\nd: 2\na: 3\n", "line 1: the mapping .* has the key `a` 2 times"),
        ("a: 1\nb: [{c: 2, c: 3}]\n", "line 2: the mapping .* has the key `c` 2 times"),
        ("a: " + 3000 * "[" + 3000 * "]", "it is nested too deeply"),
        ("- !new:a.B\n", "its top level is a sequence, expected a mapping"),
        ("", "its top level is nothing"),
        ("a: 1\nb: [2]\n", "no entry is !new:some.Class"),
    ],
)
def test_other_files_are_refused(text, fault):
    with pytest.raises(ValueError, match=fault):
        parse(text)


def test_values_of_included_files_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/data.yaml").write_text(
        "n: !ref <m>\nm: 80\nmore: !include:b.yaml\n"
    )
    (tmp_path / "sub/b.yaml").write_text("k: {x: 3}\n")
    text = "data: !include:sub/data.yaml\nm: 1\na: !new:b.C\n    x: !ref <data[n]>\n"
    document = parse(text, tmp_path)
    assert document.resolve(document.at("a[x]")).value == "80"
    assert document.at("data[more][k][x]").value == "3"
    assert parse(text).at("data[n]") is None


@pytest.mark.parametrize("content", [None, "a: [1,\nb: 2}\n"])
def test_an_included_file_that_cannot_be_read_is_named(tmp_path, content):
    if content:
        (tmp_path / "data.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"line 1 includes .*data\.yaml, which can't"):
        parse("d: !include:data.yaml\na: !new:b.C\n", tmp_path)

"""Positions in a yaml file, and edits by them."""

import pytest

from speechbrain_pitchrope.swapping.document import (
    Edit,
    argument,
    class_of,
    parse,
)
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
        lines = document.text.split(line_break)
        assert class_of(node) in lines[document.line(node) - 1]


def test_edits_change_only_their_characters():
    document = parse("a: !new:b.C # d\n")
    edits = [Edit(8, 11, "x.YZ"), Edit(0, 1, "aa"), Edit(0, 1, "aa")]
    assert document.edited(edits) == "aa: !new:x.YZ # d\n"


def test_references_lead_to_what_they_name():
    document = parse(
        "x: !new:a.B\ny: !ref <z[w]>\nz: {w: !copy <v>}\nv: 3\n"
        "sum: !ref <v> + 1\nnowhere: !ref <u>\none: !ref <two>\ntwo: !ref <one>\n"
    )

    def resolved(key):
        return document.resolve(argument(document.root, key))

    assert resolved("y").value == "3"
    assert resolved("sum") is None
    assert resolved("nowhere") is None
    assert resolved("one") is None


@pytest.mark.parametrize("text", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_an_excerpt_of_all_keys_is_the_text(text, line_break):
    document = parse(text.replace("\n", line_break))
    keys = [key.value for key, _ in document.root.value]
    assert document.excerpt(keys) == document.text


def test_an_excerpt_has_what_is_referred_to_and_no_more():
    document = parse(
        "# head\nloose: !new:a.B # 1\nbase: &base {x: 1} # 2\n"
        "size: !ref <base[x]> * <factor> # 3\nfactor: 2\n"
        "net: !new:a.C # 4\n    <<: *base\n    y: [!ref <size>, !copy <leaf.attr>]\n"
        "leaf: !new:a.D\nlast: 5 # of all\n"
    )
    excerpt = document.excerpt(["net", "none"])
    assert excerpt == document.text.replace("loose: !new:a.B # 1\n", "").replace(
        "last: 5 # of all\n", ""
    )


def test_a_merge_may_stand_twice_and_so_may_a_name():
    parse("a: &a {x: 1}\nd: !new:b.C\n    <<: *a\n    x: 1\ne: {x: 2}\n'1': 3\n1: 4\n")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1,\nb: 2}\n", "not yaml: line 2, column 5: expected ',' or ']'"),
        ("a: b: !new:c.D\n", "not yaml: line 1, column 5: mapping values"),
        (
            "a: !new:b.C\n---\nd: 1\n",
            "not yaml: line 2, column 1: expected a single document in the stream, but "
            "found another document",
        ),
        ("a: !new:b.C\rd: 1\r", r"its lines end in \\r alone, expected \\n or \\r\\n"),
        ("a: !new:b.C\nd: *e\n", "not yaml: line 2, column 4: found undefined alias"),
        ("a: 1\nb: c\x01\n", r"not yaml: line 2, column 5: character '\\x01' is not"),
        ("a: 1\n\x00", "not yaml: line 2, column 1: character"),
        ("a: !new:b.C\nd: 2\na: 3\n", "line 3, column 1: the key `a` stands on line 1"),
        ("a: !new:b.C\n    d: 2\n    d: 2\n", "line 3, column 5: the key `d` stands"),
        (
            "a: [{b: 1, c: 2, c: 3}]\n",
            "line 1, column 18: the key `c` stands on line 1",
        ),
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

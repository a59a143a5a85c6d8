"""Texts are escaped wherever they go in."""

import pytest

from speechbrain_pitchrope.report import markup
from speechbrain_pitchrope.report.alignment import alignment
from speechbrain_pitchrope.report.pictures import Picture
from speechbrain_pitchrope.scoring.wer_files import parse_alignment
from tests.page import read_page

AWKWARD = '<b x="1">&amp;\'</b>'
PICTURE = Picture("data:,", 10, 10, AWKWARD, AWKWARD, (0.1, 0.9, 0, 2))
UTTERANCE = parse_alignment(
    f"{AWKWARD} ; A", f"{'S':^{len(AWKWARD)}} ; =", f"{AWKWARD[:-1]}] ; A"
)


@pytest.mark.parametrize(
    "content",
    [
        markup.text(AWKWARD),
        markup.paragraph(AWKWARD, class_=AWKWARD),
        markup.section("name", AWKWARD),
        markup.scroller(AWKWARD),
        markup.table(AWKWARD, [AWKWARD], [[AWKWARD]]),
        markup.details(AWKWARD),
        markup.figure(PICTURE),
        markup.player("data:,", AWKWARD),
        alignment(UTTERANCE),
    ],
)
def test_awkward_texts_come_back_as_they_were(content, tmp_path):
    (tmp_path / "page.html").write_text(content)
    page = read_page(tmp_path / "page.html")
    assert not page.all("b")
    values = [value for e in page.everything() for value in e.attributes.values()]
    assert any(AWKWARD in (value or "") for value in [page.text, *values])


def test_columns_of_numbers_stand_to_the_right(tmp_path):
    rows = [["all", "1,030", "0.5 %", "1e-3"], ["rope", "-", "12", "a"]]
    (tmp_path / "page.html").write_text(markup.table("numbers", "ABCD", rows))
    page = read_page(tmp_path / "page.html")
    for row in page.all("tr"):
        classes = [cell.attributes.get("class") for cell in row.children]
        assert classes == [None, "number", "number", None]
    assert [row.children[0].tag for row in page.one("tbody").all("tr")] == ["th", "th"]


def test_attributes():
    assert markup.element("a", a=True, b=False, c=None, d_="1") == '<a a d="1"></a>'
    assert markup.element("img", alt="x") == '<img alt="x">'

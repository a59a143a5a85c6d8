"""The page of a report shows what the run's files hold, and needs no other file."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile
from PIL import Image

from speechbrain_pitchrope.cli.report import write_report
from speechbrain_pitchrope.nnet.summary import learned_pitch
from speechbrain_pitchrope.runs.trained import load_trained
from speechbrain_pitchrope.scoring.wer_files import read_errors
from tests.made_tested_runs import SPLITS
from tests.page import read_page, rows_of, section

ALL = {name: texts for split in SPLITS.values() for name, texts in split.items()}


@pytest.fixture(scope="module")
def written(tested):
    """The page of that run with three utterances, and what was in the folder before."""
    folder, _ = tested
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    report = write_report(folder)
    assert report.missing == []
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert after.keys() - before.keys() == {folder / "report.html"}
    assert before.items() <= after.items()
    return report.path


@pytest.fixture(scope="module")
def page(written):
    return read_page(written)


def content(uri):
    """What a data URI holds, and of which type it says that is."""
    mime, encoded = re.fullmatch(r"data:([a-z/]+);base64,(.*)", uri).groups()
    return mime, base64.b64decode(encoded, validate=True)


def test_nothing_is_fetched_from_anywhere(written, page):
    """All that a browser loads is in the file; links lead to places on the page."""
    text = written.read_text()
    assert "http" not in re.sub(r"base64,[^\"]*|http-equiv", "", text)
    assert not re.search(r"@import|url\(", page.one("style").text)
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; ")
    names = {
        element["id"] for element in page.everything() if "id" in element.attributes
    }
    links = [link["href"] for link in page.all("a")]
    assert {f"#{name}" for name in ("errors", "settings", "learned")} <= set(links)
    assert {link[1:] for link in links} <= names
    for element in page.everything():
        for name in ("src", "srcset", "data", "action", "poster"):
            assert element.attributes.get(name, "data:").startswith("data:")
    assert written.stat().st_size < 3e6


def test_each_thing_has_a_name(page):
    assert page.one("html")["lang"] == "en"
    assert page.one("title").text == page.one("h1").text + " (variant all)"
    ids = [e["id"] for e in page.everything() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    for image in page.all("img"):
        assert len(image["alt"]) > 40
        assert image["width"].isdigit() and image["height"].isdigit()
    assert all(figure.one("figcaption").text for figure in page.all("figure"))
    assert all(table.one("caption").text for table in page.all("table"))
    assert all(sound["aria-label"].startswith("Play ") for sound in page.all("audio"))
    assert all(region["aria-label"] for region in page.all(role="region"))
    assert {cell["scope"] for cell in page.all("th")} == {"col", "row"}
    levels = [int(e.tag[1]) for e in page.everything() if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert max(np.diff(levels)) == 1  # no level is left out


def test_error_rates_are_those_of_the_files(tested, page):
    table = section(page, "errors").one("table")
    found = {row[0]: row[1:] for row in rows_of(table)}
    assert list(found) == list(SPLITS)
    for split, row in found.items():
        wer = read_errors(tested[0] / f"wer_{split}.txt")
        cer = read_errors(tested[0] / f"cer_{split}.txt")
        wrong = sum(said != heard for said, heard in SPLITS[split].values())
        counts = (wer.insertions, wer.deletions, wer.substitutions, wer.words)
        assert row[:2] == [f"{wer.rate:.2f}", f"{cer.rate:.2f}"]
        assert [*map(int, row[2:])] == [*counts, wer.utterances, wrong]


def test_the_worst_are_aligned_reference_over_hypothesis(page):
    lists = section(page, "errors").all("ol")
    names = [[item.one("b").text for item in one.all("li")] for one in lists]
    assert names == [["1-1-1", "2-1-0"], ["3-1-0", "3-1-1"]]
    for item in [item for one in lists for item in one.all("li")]:
        said, heard = ALL[item.one("b").text]
        _, *columns = item.one("div", class_="alignment").children
        over = [column.one(class_="said").text for column in columns]
        under = [column.one(class_="heard").text for column in columns]
        assert [word for word in over if word != "\u2013"] == said.split()
        assert [word for word in under if word != "\u2013"] == heard.split()
        # A letter marks each error, so that no colour is needed.
        for column, above, below in zip(columns, over, under, strict=True):
            kinds = {"\u2013" + below: "I", above + "\u2013": "D", above + above: ""}
            letter = "".join(mark.text for mark in column.all("abbr"))
            assert letter == kinds.get(above + below, "S")
        unseen = item.one(class_="unseen").text
        assert unseen.startswith(f"Said: {said}. Recognised: {heard or 'nothing'}.")


def test_utterances_run_from_the_worst_to_the_best(page):
    """Of both splits together: 100, 33, 25, 25 and 0 % of the words are wrong."""
    titles = [article.one("h3").text for article in page.all("article")]
    assert titles == ["3-1-0, of test-b", "2-1-0, of test-a", "1-1-0, of test-a"]


def test_figures_are_images_of_the_size_they_say(page):
    for article in page.all("article"):
        images = [figure.one("img") for figure in article.all("figure")]
        starts = [image["alt"].split()[0] for image in images]
        assert starts == ["Waveform,", "4", "Four", "Attention"]
        for image in images:
            mime, png = content(image["src"])
            assert mime == "image/png"
            picture = Image.open(io.BytesIO(png))
            picture.load()
            shape = picture.width / picture.height
            assert shape == pytest.approx(
                int(image["width"]) / int(image["height"]), rel=0.01
            )
    content(section(page, "training").one("img")["src"])


def test_sounds_are_the_recordings(tested, page):
    for article in page.all("article"):
        name, split = re.fullmatch(r"(\S+), of (\S+)", article.one("h3").text).groups()
        mime, sound = content(article.one("audio")["src"])
        assert mime in ("audio/mpeg", "audio/flac", "audio/wav")
        found, rate = soundfile.read(io.BytesIO(sound))
        expected, _ = soundfile.read(tested[1] / split / f"{name}.wav")
        assert rate == 16000 and len(found) == len(expected)
        assert np.corrcoef(found, expected)[0, 1] > 0.95


def test_marks_follow_the_time_axis_of_pitch_and_rotation(page):
    """From the left end to the right one of the panels, in seconds."""
    for article in page.all("article"):
        frames = article.all("div", class_="frame")
        times = [frame.attributes.get("data-time") for frame in frames]
        assert times[2:] == [None, None]
        for time in times[:2]:
            left, right, start, end = map(float, time.split())
            assert 0 < left < 0.2 and 0.85 < right < 1
            assert start == 0 and end == pytest.approx(1.2, abs=0.05)


def test_what_was_learned_is_the_models_table(tested, page):
    run = load_trained(tested[0])
    _, *expected = learned_pitch(run.hparams["model"]).splitlines()
    rows = rows_of(section(page, "learned").one("table"))
    assert rows == [line.split()[:7] for line in expected]


def test_captions_name_the_head_that_uses_pitch_most(page):
    rows = rows_of(section(page, "learned").one("table"))
    captions = [caption.text for caption in page.all("figcaption")]
    for name, column in (("|a|", 2), ("beta", 3)):
        layer, head, *_ = max(rows, key=lambda row: abs(float(row[column])))
        told = f"layer {layer}, head {head}, which has the largest {name}"
        assert sum(told in caption for caption in captions) == len(page.all("article"))


def test_the_course_of_training_is_there_in_numbers_too(page):
    table = section(page, "training").one("table")
    header = [cell.text for cell in table.one("thead").all("th")]
    rows = [dict(zip(header, row, strict=True)) for row in rows_of(table)]
    assert [row["valid WER"] for row in rows] == ["81.4", "44.94"]
    assert [row["pitch rate"] for row in rows] == ["0.012", "0.025"]
    assert "valid loss 12" in section(page, "training").one("img")["alt"]


def test_settings_are_the_runs(tested, page):
    rows = dict(rows_of(section(page, "settings").one("table")))
    assert rows["variant"] == "all"
    assert rows["attention: theta"] == "phase"
    assert rows["test splits"] == "test-a, test-b"
    assert rows["corpus"] == str(tested[1])
    text = (tested[0] / "hyperparams.yaml").read_text()
    assert section(page, "settings").one("pre").children == [text]


def test_words_and_names_are_texts_and_no_markup(page):
    assert page.one("h1").text.endswith("/a <b> & c")
    assert "<i>" in section(page, "errors").text
    assert {element.tag for element in page.everything()}.isdisjoint({"i", "eps"})

"""``pitchrope report``: its page shows what the files hold, and what is missing."""

import base64
import io
import re
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile
from PIL import Image

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.figures import training
from speechbrain_pitchrope.figures.style import new_canvas
from speechbrain_pitchrope.nnet.summary import learned_table
from speechbrain_pitchrope.report import figures, report_run
from speechbrain_pitchrope.runs.trained import load_trained
from speechbrain_pitchrope.scoring.wer_files import read_errors
from tests.made_runs import LOG, SPLITS, damage, half, make_tested_run, replaced
from tests.made_swapped_runs import make_swapped_run

ALL = {name: texts for split in SPLITS.values() for name, texts in split.items()}


def section(page, name):
    return page.find(f".//section[@id='{name}']")


def text_of(element):
    return " ".join("".join(element.itertext()).split())


def texts(element, path):
    return [text_of(found) for found in element.findall(f".//{path}")]


def rows_of(table):
    return [[text_of(cell) for cell in row] for row in table.find("tbody")]


@pytest.fixture(scope="module")
def written(tested):
    """The page of that run with three utterances, and nothing else is written."""
    before = {path: path.stat().st_mtime_ns for path in tested[0].rglob("*.*")}
    report_run(tested[0])
    after = {path: path.stat().st_mtime_ns for path in tested[0].rglob("*.*")}
    path = tested[0] / "report.html"
    assert after == before | {path: after[path]}
    return path


@pytest.fixture(scope="module")
def page(written):
    """A page is well-formed XML."""
    return ElementTree.parse(written).getroot()


@pytest.fixture
def folder(tested, tmp_path, monkeypatch):
    """A copy of the run to be damaged, and reported with empty figures of pitch."""
    monkeypatch.setattr(figures, "FIGURES", {"pitch": ()})
    monkeypatch.setattr(figures.drawing, "pitch_figure", lambda *_: new_canvas((1, 1)))
    monkeypatch.setattr(training, "training_figure", lambda logs: new_canvas((1, 1)))
    ignored = shutil.ignore_patterns("*.html")
    shutil.copytree(tested[0], tmp_path / "run", ignore=ignored)
    return tmp_path / "run"


def report(folder, *arguments):
    """Exit code and page of a report."""
    out = folder.parent / "report.html"
    code = main(["report", str(folder), "--out", str(out), "--force", *arguments])
    return code, ElementTree.parse(out).getroot()


def content(uri):
    """What a data URI holds, and of which type it says that is."""
    mime, encoded = re.fullmatch(r"data:([a-z/]+);base64,(.*)", uri).groups()
    return mime, io.BytesIO(base64.b64decode(encoded, validate=True))


def test_nothing_is_missing_and_nothing_is_fetched(written, page):
    """All that a browser loads is in the file; links lead to places on the page."""
    assert section(page, "missing") is None
    text = written.read_text()
    assert "http" not in re.sub(r"base64,[^\"]*|http-equiv", "", text)
    assert not re.search(r"@import|url\(", page.find(".//style").text)
    policy = page.find(".//meta[@http-equiv='Content-Security-Policy']")
    assert policy.get("content").startswith("default-src 'none'; ")
    names = [element.get("id") for element in page.findall(".//*[@id]")]
    links = {link.get("href")[1:] for link in page.iter("a")}
    assert {"errors", "settings", "learned"} <= links <= set(names)
    assert len(names) == len(set(names))
    for element in page.iter():
        for name in ("src", "srcset", "data", "action", "poster"):
            assert element.get(name, "data:").startswith("data:")
    assert written.stat().st_size < 3e6
    # Neither a name nor a transcript can bring a script into the page.
    assert page.find(".//h1").text.endswith("/a <b> & c")
    assert "<script>" in text_of(section(page, "errors"))
    tags = [element.tag for element in page.iter()]
    assert tags.count("script") == 1 and {"i", "eps"}.isdisjoint(tags)
    # Each thing has a name.
    assert page.find(".//title").text == page.find(".//h1").text + " (variant all)"
    assert all(len(image.get("alt")) > 40 for image in page.iter("img"))


def test_error_rates_are_those_of_the_files(tested, page):
    table = section(page, "errors").find(".//table")
    rows = {row[0]: row[1:] for row in rows_of(table)}
    assert list(rows) == list(SPLITS)
    for split, row in rows.items():
        wer = read_errors(tested[0] / f"wer_{split}.txt")
        cer = read_errors(tested[0] / f"cer_{split}.txt")
        wrong = sum(said != heard for said, heard in SPLITS[split].values())
        counts = (wer.insertions, wer.deletions, wer.substitutions, wer.words)
        assert row[:2] == [f"{wer.rate:.2f}", f"{cer.rate:.2f}"]
        assert [*map(int, row[2:])] == [*counts, wer.utterances, wrong]


def test_the_worst_are_aligned_reference_over_hypothesis(page):
    items = section(page, "errors").findall(".//ol/li")
    names = [text_of(item.find(".//b")) for item in items]
    assert names == ["1-1-1", "2-1-0", "3-1-0", "3-1-1"]
    for name, item in zip(names, items, strict=True):
        said, heard = ALL[name]
        over = texts(item, "span[@class='said']")[1:]
        under = texts(item, "span[@class='heard']")[1:]
        assert " ".join(over).replace(" -", "") == said
        assert " ".join(under).replace("-", "").split() == heard.split()
        # A letter marks each error, so that no colour is needed.
        wrong = [pair for pair in zip(over, under, strict=True) if len({*pair}) > 1]
        kinds = ["I" if a == "-" else "D" if b == "-" else "S" for a, b in wrong]
        assert texts(item, "abbr") == kinds
        (unseen,) = texts(item, "p[@class='unseen']")
        assert unseen.startswith(f"Said: {said}. Recognised: {heard or 'nothing'}.")


def test_utterances_have_their_figures_and_sounds(tested, page):
    """From the worst to the best of both splits."""
    titles = texts(page, "article/h3")
    assert titles == ["3-1-0, of test-b", "2-1-0, of test-a", "1-1-0, of test-a"]
    for article in page.iter("article"):
        name, split = text_of(article.find("h3")).split(", of ")
        images = article.findall("figure//img")
        starts = [image.get("alt").split()[0] for image in images]
        assert starts == ["Waveform,", "Rotary", "Four", "Attention"]
        for image in images:
            mime, png = content(image.get("src"))
            assert (mime, Image.open(png).format) == ("image/png", "PNG")
        mime, sound = content(article.find("audio").get("src"))
        found, rate = soundfile.read(sound)
        expected, _ = soundfile.read(tested[1] / split / f"{name}.wav")
        assert (mime, rate, len(found)) == ("audio/mpeg", 16000, len(expected))
        assert np.corrcoef(found, expected)[0, 1] > 0.95


def test_tables_are_those_of_the_run(tested, page):
    """What was learned, the course of the training, and the settings."""
    columns, expected = learned_table(load_trained(tested[0]).hparams["Transformer"])
    rows = rows_of(section(page, "learned").find(".//table"))
    assert rows == [
        [f"{x:.3f}" if isinstance(x, float) else str(x) for x in row[:-1]]
        for row in expected
    ]
    captions = texts(page, "figcaption")
    for column in ("max |c|", "max |B|"):
        layer, head, _ = figures.strongest_head((columns, expected), [column])
        told = f"layer {layer}, head {head}, which has the largest {column[4:]}"
        assert sum(told in caption for caption in captions) == 3
    training, settings = section(page, "training"), section(page, "settings")
    place = texts(training, "thead//th").index("valid WER")
    rows = rows_of(training.find(".//table"))
    assert [row[place] for row in rows] == ["81.4", "44.94"]
    assert "valid loss 12" in training.find(".//img").get("alt")
    rows = dict(rows_of(settings.find(".//table")))
    assert (rows["variant"], rows["attention: theta"]) == ("all", "offset")
    assert rows["test_splits"] == "test-a, test-b"
    yaml = (tested[0] / "hyperparams.yaml").read_text()
    assert text_of(settings.find(".//pre")) == " ".join(yaml.split())


def test_recordings_are_found_from_any_folder(tested, folder, monkeypatch):
    """A relative path is the caller's, or leads on from a folder of the run's path."""
    yaml = folder / "hyperparams.yaml"
    yaml.write_text(yaml.read_text().replace(str(tested[1]), "corpus"))
    code, page = report(folder, "--utterances", "2")
    assert code == 1
    told = text_of(section(page, "missing"))
    for name in ("3-1-0", "1-1-0"):
        gone = rf"corpus/test-./{name}\.wav is not there.*--data-folder"
        assert re.search(gone, told)
    command = (folder, "--utterances", "1")
    assert report(*command, "--data-folder", str(tested[1]))[0] == 0
    monkeypatch.chdir(tested[1].parent)
    assert report(*command)[0] == 0
    monkeypatch.chdir("/")
    shutil.copytree(tested[1], folder.parent / "corpus")
    assert report(*command)[0] == 0


def test_a_run_that_was_not_tested_yet(folder):
    for path in [*folder.glob("wer_*"), *folder.glob("cer_*")]:
        path.unlink()
    code, page = report(folder)
    assert code == 0
    assert "has not been tested yet" in text_of(section(page, "errors"))
    names = [title.split(",")[0] for title in texts(page, "article/h3")]
    assert names == ["1-1-0", "2-1-0", "3-1-1"]
    assert texts(section(page, "training"), "img") and texts(page, "td")
    shutil.rmtree(folder / "save")
    (folder / "train_log.txt").unlink()
    code, page = report(folder)
    assert code == 1 and len(texts(section(page, "missing"), "li")) == 2
    assert len(page.findall(".//article/figure")) == 3  # of pitch, one an utterance


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("wer_test-a.txt", lambda x: x[:-20], "The results of test-a: .* cut short"),
        ("wer_test-b.txt", None, r"there is no wer_test-b\.txt"),
        ("cer_test-a.txt", None, "The CER of test-a: "),
        ("train_log.txt", lambda x: x[:-30], "ends within the line"),
        ("save/*/model.ckpt", half, "model.ckpt can't be read"),
        ("save/*", None, "there is no checkpoint"),
        ("manifests/test-b.csv", replaced("ID", "name"), "be read .*ID and wav"),
        ("manifests/test-b.csv", replaced("3-1-0", "3-1-9"), "its row is not there"),
        ("hyperparams.yaml", replaced("- test-b", "- b"), "run/test-b.csv can.t"),
    ],
)
def test_what_is_damaged_is_told_and_the_rest_is_there(folder, name, change, message):
    damage(folder, name, change)
    code, page = report(folder, "--utterances", "2")
    assert code == 1
    assert re.search(message, text_of(section(page, "missing")))
    assert all(text_of(section(page, part)) for part in ("errors", "utterances"))


@pytest.mark.parametrize(
    ("variant", "columns"),
    [("similarity", ["|B|"]), ("radius", ["|rho|", "|rho|"]), ("rope", [])],
)
def test_only_figures_with_something_to_show(variant, columns, tmp_path, monkeypatch):
    """Those that there are show the head that the variant's own parameters name."""
    drawn = {name: figures.FIGURES[name] for name in ("rotation", "similarity")}
    monkeypatch.setattr(figures, "FIGURES", drawn)
    make_tested_run(tmp_path / "run", tmp_path / "corpus", variant=variant)
    code, page = report(tmp_path / "run", "--utterances", "1")
    assert code == 0
    captions = " ".join(texts(page, "article//figcaption"))
    assert re.findall(r"largest (\S+)[.:]", captions) == columns
    notes = text_of(section(page, "utterances"))
    assert ("Without figures of" in notes) == (variant != "radius")
    is_rope = "rope has no parameters that use" in text_of(section(page, "learned"))
    assert is_rope == (variant == "rope")


def test_a_swapped_run_is_reported_too(tmp_path):
    """With SpeechBrain's paths and names, and without error rates of characters."""
    folder, wavs = tmp_path / "run", tmp_path / "audio/test-a"
    make_swapped_run(folder, "ctc")
    make_tested_run(tmp_path / "ours", tmp_path / "audio")
    (folder / "train_log.txt").write_text(LOG)
    shutil.copy(tmp_path / "ours/wer_test-a.txt", folder)
    rows = "".join(f"{name},{wavs}/{name}.wav\n" for name in SPLITS["test-a"])
    (folder / "test-a.csv").write_text(f"ID,wav\n{rows}")
    with open(folder / "hyperparams.yaml", "a") as file:
        file.write(f"\ntest_csv: [{folder}/test-a.csv]\n")
    code, page = report(folder, "--utterances", "1")
    assert code == 0
    assert len(page.findall(".//article/figure")) == 4
    assert rows_of(section(page, "errors").find(".//table"))[0][2] == "-"


def test_what_is_no_run_or_can_not_be(tested, tmp_path, refused):
    (tmp_path / "there.html").write_text("mine")
    for given, options, message in (
        (tmp_path, [], "holds no hyperparams.yaml: give the output"),
        (tested[0], ["--out", str(tmp_path)], "is a folder: name a file in it"),
        (tested[0], ["--out", str(tmp_path / "r.pdf")], "a report is HTML, name a"),
        (tested[0], ["--out", str(tmp_path / "there.html")], "there.html exists: give"),
    ):
        out = ["--out", str(tmp_path / "report.html"), *options]
        assert message in refused("report", given, *out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["there.html"]

"""``pitchrope report``: its page shows what the files hold, and what is missing."""

import base64
import io
import re
import shutil

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.cli.finish import after_training
from speechbrain_pitchrope.figures.style import new_canvas
from speechbrain_pitchrope.nnet.summary import learned_table
from speechbrain_pitchrope.report import figures
from speechbrain_pitchrope.report.facts import ranked, spaced
from speechbrain_pitchrope.runs.trained import load_trained
from speechbrain_pitchrope.scoring.wer_files import read_errors, read_utterances
from tests.made_runs import damage, half, make_run, replaced
from tests.made_swapped_runs import make_swapped_run
from tests.made_tested_runs import LOG, SPLITS, make_tested_run
from tests.page import read_page, rows_of, section
from tests.scoring.files import random_utterances, write_wer

ALL = {name: texts for split in SPLITS.values() for name, texts in split.items()}


@pytest.fixture(scope="module")
def written(tested):
    """The page of that run with three utterances, and nothing else is written."""
    before = {path: path.stat().st_mtime_ns for path in tested[0].rglob("*")}
    after_training(tested[0], report=True)
    after = {path: path.stat().st_mtime_ns for path in tested[0].rglob("*")}
    assert after.keys() - before.keys() == {tested[0] / "report.html"}
    assert before.items() <= after.items()
    return tested[0] / "report.html"


@pytest.fixture(scope="module")
def page(written):
    return read_page(written)


@pytest.fixture
def folder(tested, tmp_path, monkeypatch):
    """A copy of the run to be damaged, and reported without figures."""
    blank = figures.as_picture("training", new_canvas((1, 1)))
    monkeypatch.setattr(figures, "FIGURES", {})
    monkeypatch.setattr(figures, "draw_training", lambda log: blank)
    ignored = shutil.ignore_patterns("*.html")
    shutil.copytree(tested[0], tmp_path / "run", ignore=ignored)
    return tmp_path / "run"


def report(folder, *arguments):
    """Exit code and page of a report."""
    out = folder.parent / "report.html"
    code = main(["report", str(folder), "--out", str(out), "--force", *arguments])
    return code, read_page(out)


def content(uri):
    """What a data URI holds, and of which type it says that is."""
    mime, encoded = re.fullmatch(r"data:([a-z/]+);base64,(.*)", uri).groups()
    return mime, io.BytesIO(base64.b64decode(encoded, validate=True))


def test_nothing_is_missing_and_nothing_is_fetched(written, page):
    """All that a browser loads is in the file; links lead to places on the page."""
    assert not page.all("section", id="missing")
    text = written.read_text()
    assert "http" not in re.sub(r"base64,[^\"]*|http-equiv", "", text)
    assert not re.search(r"@import|url\(", page.one("style").text)
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; ")
    names = [e["id"] for e in page.all() if "id" in e.attributes]
    links = {link["href"][1:] for link in page.all("a")}
    assert {"errors", "settings", "learned"} <= links <= set(names)
    assert len(names) == len(set(names))
    for element in page.all():
        for name in ("src", "srcset", "data", "action", "poster"):
            assert element.attributes.get(name, "data:").startswith("data:")
    assert written.stat().st_size < 3e6


def test_each_thing_has_a_name(page):
    assert page.one("title").text == page.one("h1").text + " (variant all)"
    assert all(len(image["alt"]) > 40 for image in page.all("img"))
    assert all(figure.one("figcaption").text for figure in page.all("figure"))
    assert all(table.one("caption").text for table in page.all("table"))
    assert all(sound["aria-label"].startswith("Play ") for sound in page.all("audio"))
    assert {cell["scope"] for cell in page.all("th")} == {"col", "row"}
    levels = [int(e.tag[1]) for e in page.all() if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert max(np.diff(levels)) == 1  # no level is left out


def test_error_rates_are_those_of_the_files(tested, page):
    rows = {row[0]: row[1:] for row in rows_of(section(page, "errors").one("table"))}
    assert list(rows) == list(SPLITS)
    for split, row in rows.items():
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
        over = [column.text for column in item.all("span", class_="said")[1:]]
        under = [column.text for column in item.all("span", class_="heard")[1:]]
        assert [word for word in over if word != "-"] == said.split()
        assert [word for word in under if word != "-"] == heard.split()
        # A letter marks each error, so that no colour is needed.
        wrong = [pair for pair in zip(over, under, strict=True) if len({*pair}) > 1]
        kinds = ["I" if a == "-" else "D" if b == "-" else "S" for a, b in wrong]
        assert [mark.text for mark in item.all("abbr")] == kinds
        unseen = item.one(class_="unseen").text
        assert unseen.startswith(f"Said: {said}. Recognised: {heard or 'nothing'}.")


def test_texts_are_texts_and_no_markup(page):
    """Neither a name nor a transcript can bring a script into the page."""
    assert page.one("h1").text.endswith("/a <b> & c")
    assert "<script>" in section(page, "errors").text
    assert len(page.all("script")) == 1
    assert {element.tag for element in page.all()}.isdisjoint({"i", "eps"})


def test_utterances_have_their_figures_and_sounds(tested, page):
    """From the worst to the best of both splits; marks follow the axis of time."""
    titles = [article.one("h3").text for article in page.all("article")]
    assert titles == ["3-1-0, of test-b", "2-1-0, of test-a", "1-1-0, of test-a"]
    for article, title in zip(page.all("article"), titles, strict=True):
        name, split = title.split(", of ")
        images = [figure.one("img") for figure in article.all("figure")]
        starts = [image["alt"].split()[0] for image in images]
        assert starts == ["Waveform,", "Rotary", "Four", "Attention"]
        for image in images:
            mime, png = content(image["src"])
            picture = Image.open(png)
            assert mime == "image/png"
            shape = int(image["width"]) / int(image["height"])
            assert picture.width / picture.height == pytest.approx(shape, rel=0.01)
        found, rate = soundfile.read(content(article.one("audio")["src"])[1])
        expected, _ = soundfile.read(tested[1] / split / f"{name}.wav")
        assert rate == 16000 and len(found) == len(expected)
        assert np.corrcoef(found, expected)[0, 1] > 0.95
        frames = article.all("div", class_="frame")
        times = [frame.attributes.get("data-time") for frame in frames]
        assert times[2:] == [None, None]
        for left, right, start, end in (map(float, time.split()) for time in times[:2]):
            assert 0 < left < 0.2 and 0.85 < right < 1
            assert start == 0 and end == pytest.approx(1.2, abs=0.05)


def test_what_was_learned_is_the_models_table(tested, page):
    columns, expected = learned_table(load_trained(tested[0]).hparams["Transformer"])
    rows = rows_of(section(page, "learned").one("table"))
    assert rows == [
        [f"{x:.3f}" if isinstance(x, float) else str(x) for x in row[:-1]]
        for row in expected
    ]
    captions = [caption.text for caption in page.all("figcaption")]
    for column in ("max |c|", "max |B|"):
        layer, head, _ = figures.strongest_head((columns, expected), [column])
        told = f"layer {layer}, head {head}, which has the largest {column[4:]}"
        assert sum(told in caption for caption in captions) == len(page.all("article"))


def test_training_and_settings_are_the_runs(tested, page):
    table = section(page, "training").one("table")
    header = [cell.text for cell in table.one("thead").all("th")]
    rows = [dict(zip(header, row, strict=True)) for row in rows_of(table)]
    assert [row["valid WER"] for row in rows] == ["81.4", "44.94"]
    assert "valid loss 12" in section(page, "training").one("img")["alt"]
    rows = dict(rows_of(section(page, "settings").one("table")))
    assert (rows["variant"], rows["attention: theta"]) == ("all", "offset")
    assert rows["test_splits"] == "test-a, test-b"
    assert rows["data_folder"] == str(tested[1])
    yaml = (tested[0] / "hyperparams.yaml").read_text()
    assert section(page, "settings").one("pre").text == " ".join(yaml.split())


@pytest.mark.parametrize("count", [0, 99])
def test_so_many_utterances_as_asked_for(folder, count):
    code, page = report(folder, "--utterances", str(count))
    assert (code, len(page.all("article"))) == (0, min(count, len(ALL)))


def test_they_are_ranked_and_evenly_spaced(tmp_path):
    found = read_utterances(write_wer(tmp_path / "wer_a.txt", random_utterances(0)))
    counts = [found[name].counts for name in ranked(found)]
    order = [(-one.errors / max(1, one.words), -one.errors) for one in counts]
    assert order == sorted(order) and len(order) == len(found)
    for count in range(2, 37):
        gaps = np.diff(spaced(range(37), count))
        assert len(gaps) == count - 1 and sum(gaps) == 36
        assert gaps.max() - gaps.min() <= 1
    assert spaced([], 3) == spaced([1], 0) == []


def test_recordings_are_found_from_any_folder(tested, folder, monkeypatch):
    """A relative path is the caller's, or leads on from a folder of the run's path."""
    yaml = folder / "hyperparams.yaml"
    yaml.write_text(yaml.read_text().replace(str(tested[1]), "corpus"))
    code, page = report(folder, "--utterances", "2")
    assert code == 1
    told = section(page, "missing").text
    for name in ("3-1-0", "1-1-0"):
        assert re.search(
            rf"corpus/test-./{name}\.wav is not there.*--data-folder", told
        )
    assert page.all("article")[0].all("div", class_="alignment")
    assert report(folder, "--utterances", "1", "--data-folder", str(tested[1]))[0] == 0
    monkeypatch.chdir(tested[1].parent)
    assert report(folder, "--utterances", "1")[0] == 0
    monkeypatch.chdir("/")
    shutil.copytree(tested[1], folder.parent / "corpus")
    assert report(folder, "--utterances", "1")[0] == 0


def test_one_recording_that_is_gone_or_has_no_voice(tested, tmp_path):
    """The others are there."""
    corpus = tmp_path / "corpus"
    shutil.copytree(tested[1], corpus)
    (corpus / "test-b/3-1-0.wav").unlink()
    noise = 1e-3 * np.random.default_rng(0).normal(size=16000)
    soundfile.write(corpus / "test-a/1-1-0.wav", noise, 16000)
    arguments = ("--utterances", "2", "--data-folder", str(corpus))
    shutil.copytree(tested[0], tmp_path / "run")
    code, page = report(tmp_path / "run", *arguments)
    gone, faint = page.all("article")
    assert code == 1
    assert "3-1-0.wav is not there" in gone.text and not gone.all("audio")
    assert "none is voiced" in faint.text and faint.all("audio")
    assert not faint.all("figure")


def test_a_run_that_was_not_tested_yet(folder):
    for path in [*folder.glob("wer_*"), *folder.glob("cer_*")]:
        path.unlink()
    code, page = report(folder)
    assert code == 0
    assert "has not been tested yet" in section(page, "errors").text
    titles = [article.one("h3").text for article in page.all("article")]
    assert titles == ["1-1-0, of test-a", "2-1-0, of test-a", "3-1-1, of test-b"]
    assert section(page, "training").all("img") and section(page, "learned").all("tr")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("wer_test-a.txt", lambda x: x[:-20], "The results of test-a: .* cut short"),
        ("wer_test-b.txt", None, r"there is no wer_test-b\.txt"),
        ("cer_test-a.txt", None, "The CER of test-a: "),
        ("cer_test-a.txt", lambda x: x[:6], "The CER of test-a: "),
        ("train_log.txt", lambda x: x[:-30], "ends within the line"),
        ("save/*/model.ckpt", half, "model.ckpt can't be read"),
        ("save/*", None, "there is no checkpoint"),
        ("manifests/test-b.csv", None, "test-b.csv is not there; it says where"),
        ("manifests/test-b.csv", replaced("ID", "name"), "be read .*ID and wav"),
    ],
)
def test_what_is_damaged_is_told_and_the_rest_is_there(folder, name, change, message):
    damage(folder, name, change)
    code, page = report(folder, "--utterances", "2")
    assert code == 1
    assert re.search(message, section(page, "missing").text)
    assert all(section(page, part).text for part in ("errors", "utterances"))


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
    captions = [caption.text for caption in page.one("article").all("figcaption")]
    assert [re.search(r"largest (\S+)[.:]", text)[1] for text in captions] == columns
    notes = section(page, "utterances").text
    assert ("Without figures of" in notes) == (variant != "radius")
    is_rope = "rope has no parameters that use" in section(page, "learned").text
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
    assert len(page.one("article").all("figure")) == 4
    assert rows_of(section(page, "errors").one("table"))[0][2] == "-"


def test_what_is_no_run_or_can_not_be(tested, tmp_path, capsys):
    checkpoint = next(tested[0].glob("save/CKPT*"))
    make_run(tmp_path / "new")
    shutil.rmtree(tmp_path / "new/save")
    (tmp_path / "there.html").write_text("mine")
    for given, options, message in (
        (tmp_path / "gone", [], "is no folder: give the output folder"),
        (tmp_path, [], "holds no hyperparams.yaml: give the output folder"),
        (checkpoint, [], f"a report is of a whole run: give {tested[0]}"),
        (tmp_path / "new", [], "there is nothing to report of"),
        (tested[0], ["--out", str(tmp_path)], "is a folder: name a file in it"),
        (tested[0], ["--out", str(tmp_path / "r.pdf")], "a report is HTML, name a"),
        (tested[0], ["--out", str(tmp_path / "there.html")], "there.html exists: give"),
    ):
        out = ["--out", str(tmp_path / "report.html"), *options]
        assert main(["report", str(given), *out]) == 1
        printed = capsys.readouterr()
        assert message in printed.err and not printed.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "there.html"]


@pytest.mark.parametrize("mime", ["audio/mpeg", "audio/flac"])
def test_the_best_format_that_libsndfile_writes(mime, monkeypatch):
    """An older libsndfile writes no MP3; samples above 1 are clipped."""
    if mime == "audio/flac":
        monkeypatch.setattr(soundfile, "available_formats", lambda: {"FLAC": ""})
    wav = 3 * np.sin(np.arange(16000) / 10)
    found_mime, sound = content(figures.as_sound(torch.tensor(wav), 16000))
    found, rate = soundfile.read(sound)
    assert (found_mime, rate) == (mime, 16000)
    assert np.corrcoef(found, wav.clip(-1, 1))[0, 1] > 0.99

"""``pitchrope report``: its page shows what the files hold, and what is missing."""

import base64
import builtins
import io
import re
import shutil

import numpy as np
import pytest
import soundfile
from PIL import Image

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.cli.finish import after_training
from speechbrain_pitchrope.figures.style import new_canvas
from speechbrain_pitchrope.nnet.summary import learned_pitch, learned_table
from speechbrain_pitchrope.report import figures
from speechbrain_pitchrope.report.recordings import ranked, spaced
from speechbrain_pitchrope.runs.trained import load_trained
from speechbrain_pitchrope.scoring.wer_files import read_errors, read_utterances
from tests.made_runs import make_run
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
    blank = figures.as_picture(new_canvas((1, 1)), "The course.", "A figure.")
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
        assert starts == ["Waveform,", "4", "Four", "Attention"]
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
    assert (rows["test splits"], rows["corpus"]) == ("test-a, test-b", str(tested[1]))
    yaml = (tested[0] / "hyperparams.yaml").read_text()
    assert section(page, "settings").one("pre").text == " ".join(yaml.split())


@pytest.mark.parametrize("count", [0, 1, 99])
def test_so_many_utterances_as_asked_for(folder, count):
    code, page = report(folder, "--utterances", str(count))
    assert code == 0
    assert len(page.all("article")) == min(count, len(ALL))
    assert bool(page.all("section", id="utterances")) == (count > 0)


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


def test_recordings_are_found_from_any_folder(tested, folder, monkeypatch, capsys):
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
        assert f"Recording and figures of {name}" in capsys.readouterr().err or told
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


def cut(name, size):
    """A damage: a file ends early, or is gone (0)."""

    def damage(folder):
        for path in folder.glob(name):
            path.write_bytes(path.read_bytes()[:size])
            if size == 0:
                path.unlink()

    return damage


def other_columns(folder):
    """A damage: a manifest of something else."""
    (folder / "manifests/test-b.csv").write_text("name,path\n3-1-0,a.wav\n")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut("wer_test-a.txt", -20), "The results of test-a: .* it was cut short"),
        (cut("wer_test-b.txt", 0), r"there is no wer_test-b\.txt"),
        (cut("cer_test-a.txt", 0), "The CER of test-a: "),
        (cut("cer_test-a.txt", 6), "The CER of test-a: "),
        (cut("train_log.txt", -30), "ends within the line"),
        (cut("save/*/model.ckpt", 1000), "model.ckpt can't be read"),
        (cut("save/*/*", 0), "there is no checkpoint"),
        (cut("manifests/test-b.csv", 0), "test-b.csv is not there; it says where"),
        (other_columns, "test-b.csv can't be read .*ID and wav"),
    ],
)
def test_what_is_damaged_is_told_and_the_rest_is_there(folder, damage, message):
    text = learned_pitch(load_trained(folder).hparams["model"])
    (folder / "learned_pitch.txt").write_text(text)
    damage(folder)
    code, page = report(folder, "--utterances", "2")
    assert code == 1
    assert re.search(message, section(page, "missing").text)
    for name in ("errors", "utterances", "learned", "settings"):
        assert section(page, name).text


@pytest.mark.parametrize(
    ("variant", "figure", "column"),
    [("similarity", "similarity", "B"), ("radius", "rotation", "|rho|"), ("rope",) * 3],
)
def test_only_figures_with_something_to_show(
    variant, figure, column, tmp_path, monkeypatch
):
    """Those that there are show the head that the variant's own parameters name."""
    drawn = {name: figures.FIGURES[name] for name in ("rotation", "similarity")}
    monkeypatch.setattr(figures, "FIGURES", drawn)
    make_tested_run(tmp_path / "run", tmp_path / "corpus", variant=variant)
    code, page = report(tmp_path / "run", "--utterances", "1")
    assert code == 0
    captions = [caption.text for caption in page.one("article").all("figcaption")]
    assert len(captions) == {"rope": 0, "similarity": 1, "radius": 2}[variant]
    assert (
        all(f"the largest {column}" in caption for caption in captions) or column == "B"
    )
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
        (tested[0], ["--utterances", "-1"], "-1 utterances to draw: give 0 or more"),
        (tested[0], ["--out", str(tmp_path)], "is a folder: name a file in it"),
        (tested[0], ["--out", str(tmp_path / "r.pdf")], "a report is HTML, name a"),
        (tested[0], ["--out", str(tmp_path / "there.html")], "there.html exists: give"),
    ):
        out = ["--out", str(tmp_path / "report.html"), *options]
        assert main(["report", str(given), *out]) == 1
        printed = capsys.readouterr()
        assert message in printed.err and not printed.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "there.html"]


def test_without_matplotlib_the_remedy_is_named(tested, tmp_path, monkeypatch, capsys):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    out = tmp_path / "report.html"
    assert main(["report", str(tested[0]), "--out", str(out)]) == 1
    assert "figures need matplotlib: pip install" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("n_unknown", range(len(figures.AUDIO_FORMATS)))
def test_the_best_format_that_libsndfile_writes(tested, n_unknown, monkeypatch):
    """An older libsndfile writes no MP3, or no FLAC either; loud sound is clipped."""
    unknown = [name for name, _, _ in figures.AUDIO_FORMATS[:n_unknown]]
    original, wav = soundfile.write, 3 * np.sin(np.arange(16000) / 10)

    def write(*args, format, **kwargs):
        if format in unknown:
            raise ValueError(f"unknown format: {format}")
        return original(*args, format=format, **kwargs)

    monkeypatch.setattr(soundfile, "write", write)
    mime, sound = content(figures.as_sound(figures.torch.tensor(wav), 16000))
    assert mime == figures.AUDIO_FORMATS[n_unknown][2]
    found, rate = soundfile.read(sound)
    assert rate == 16000 and np.corrcoef(found, wav.clip(-1, 1))[0, 1] > 0.99

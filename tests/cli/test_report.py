"""``pitchrope report``, and that nothing is lost in silence."""

import builtins
import re
import shutil

import numpy as np
import pytest
import soundfile

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.figures.style import new_canvas
from speechbrain_pitchrope.nnet.summary import learned_pitch
from speechbrain_pitchrope.report.figures import FIGURES
from speechbrain_pitchrope.report.pictures import as_picture
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run
from tests.made_tested_runs import SPLITS, make_tested_run
from tests.page import read_page, rows_of, section

COUNT = sum(map(len, SPLITS.values()))


@pytest.fixture
def quick(monkeypatch):
    """Without figures, which take most of the time."""
    figures = "speechbrain_pitchrope.report.figures"
    blank = as_picture(new_canvas((1, 1)), "The course.", "A figure.")
    monkeypatch.setattr(f"{figures}.FIGURES", {})
    monkeypatch.setattr(f"{figures}.draw_training", lambda log: blank)


@pytest.fixture
def folder(tested, tmp_path, quick):
    """A copy of the run, to be damaged."""
    shutil.copytree(
        tested[0], tmp_path / "run", ignore=shutil.ignore_patterns("*.html")
    )
    return tmp_path / "run"


def report(folder, tmp_path, *arguments):
    """Exit code, page and faults of a report of no utterance, unless asked for."""
    out = tmp_path / "report.html"
    code = main(["report", str(folder), "--out", str(out), *arguments])
    return code, read_page(out)


@pytest.mark.parametrize("count", [0, 1, 99])
def test_so_many_utterances_as_asked_for(folder, tmp_path, count):
    code, page = report(folder, tmp_path, "--utterances", str(count))
    assert code == 0
    assert len(page.all("article")) == min(count, COUNT)
    assert bool(page.all("section", id="utterances")) == (count > 0)


def test_a_corpus_that_was_moved_is_told_and_can_be_given(
    tested, folder, tmp_path, capsys
):
    yaml = folder / "hyperparams.yaml"
    yaml.write_text(yaml.read_text().replace(str(tested[1]), "gone"))
    code, page = report(folder, tmp_path, "--utterances", "2")
    error = capsys.readouterr().err
    told = section(page, "missing").text
    assert code == 1
    for name in ("3-1-0", "1-1-0"):
        assert re.search(
            rf"gone/test-./{name}.wav is not there\. .* --data-folder", told
        )
        assert f"Recording and figures of {name}" in error
    assert not page.all("article")[0].all("audio")
    assert page.all("article")[0].all("div", class_="alignment")
    assert len(rows_of(section(page, "errors").one("table"))) == 2

    arguments = ("--utterances", "1", "--data-folder", str(tested[1]))
    code, page = report(folder, tmp_path, *arguments)
    assert code == 0
    assert len(page.one("article").all("audio")) == 1


def test_one_recording_that_is_gone_or_has_no_voice(tested, tmp_path):
    """The others are there."""
    corpus = tmp_path / "corpus"
    shutil.copytree(tested[1], corpus)
    (corpus / "test-b/3-1-0.wav").unlink()
    noise = 1e-3 * np.random.default_rng(0).normal(size=16000)
    soundfile.write(corpus / "test-a/1-1-0.wav", noise, 16000)
    arguments = ("--utterances", "2", "--data-folder", str(corpus))
    code, page = report(tested[0], tmp_path, *arguments)
    gone, faint = page.all("article")
    assert code == 1
    assert "3-1-0.wav is not there" in gone.text and not gone.all("audio")
    assert "none is voiced" in faint.text and faint.all("audio")
    assert not faint.all("figure")
    assert len(section(page, "missing").all("li")) == 1 + 4


def test_a_run_that_was_not_tested_yet(folder, tmp_path):
    for path in [*folder.glob("wer_*"), *folder.glob("cer_*")]:
        path.unlink()
    code, page = report(folder, tmp_path)
    assert code == 0
    assert "has not been tested yet" in section(page, "errors").text
    titles = [article.one("h3").text for article in page.all("article")]
    assert titles == ["1-1-0, of test-a", "2-1-0, of test-a", "3-1-1, of test-b"]
    assert section(page, "training").all("img") and section(page, "learned").all("tr")


def test_an_error_file_that_was_cut_short(folder, tmp_path, capsys):
    path = folder / "wer_test-a.txt"
    path.write_text(path.read_text()[:-20])
    code, page = report(folder, tmp_path, "--utterances", "0")
    assert code == 1
    told = section(page, "missing").text
    assert "The results of test-a: " in told and "it was cut short" in told
    assert str(path) in capsys.readouterr().err
    assert [row[0] for row in rows_of(section(page, "errors").one("table"))] == [
        "test-b"
    ]
    (folder / "wer_test-b.txt").unlink()
    _, page = report(folder, tmp_path, "--utterances", "0")
    assert "can't be read" in section(page, "errors").text
    assert "there is no wer_test-b.txt" in section(page, "missing").text


def test_error_files_without_characters(folder, tmp_path):
    (folder / "cer_test-a.txt").unlink()
    (folder / "cer_test-b.txt").write_text("%WER 1")
    code, page = report(folder, tmp_path, "--utterances", "0")
    assert code == 1
    assert [row[2] for row in rows_of(section(page, "errors").one("table"))] == [
        "-"
    ] * 2
    told = section(page, "missing").text
    assert "The CER of test-a: " in told and "The CER of test-b: " in told


def test_a_run_whose_weights_are_gone_or_damaged(folder, tmp_path):
    """The table of the test is shown in their place."""
    text = learned_pitch(load_trained(folder).hparams["model"])
    (folder / "learned_pitch.txt").write_text(text)
    (weights,) = folder.glob("save/*/model.ckpt")
    weights.write_bytes(weights.read_bytes()[:1000])
    code, page = report(folder, tmp_path, "--utterances", "1")
    assert code == 1
    assert f"no weights can be read from {weights}" in section(page, "missing").text
    assert len(page.one("article").all("audio")) == 1  # which needs no model
    shutil.rmtree(folder / "save")
    code, page = report(folder, tmp_path, "--utterances", "0")
    assert code == 1
    assert "there is no checkpoint" in section(page, "missing").text
    assert len(rows_of(section(page, "learned").one("table"))) == 4


def test_a_log_that_was_cut_short(folder, tmp_path):
    path = folder / "train_log.txt"
    path.write_text(path.read_text()[:-30])
    code, page = report(folder, tmp_path, "--utterances", "0")
    assert code == 1
    assert "ends within the line" in section(page, "missing").text
    assert not page.all("section", id="training")


def test_manifests_that_are_gone_or_none(folder, tmp_path):
    (folder / "manifests/test-b.csv").unlink()
    (folder / "manifests/test-a.csv").write_text("name,path\n1-1-0,a.wav\n")
    code, page = report(folder, tmp_path, "--utterances", "2")
    assert code == 1
    told = section(page, "missing").text
    assert "test-b.csv is not there; it says where the recordings" in told
    assert "test-a.csv is no manifest with the columns ID and wav" in told
    for path in folder.glob("wer_*"):
        path.unlink()
    code, page = report(folder, tmp_path, "--utterances", "2")
    assert code == 1 and len(section(page, "missing").all("li")) == 2


def test_a_variant_that_does_not_listen(tmp_path):
    make_tested_run(tmp_path / "rope", tmp_path / "corpus", variant="rope")
    code, page = report(tmp_path / "rope", tmp_path, "--utterances", "1")
    assert code == 0  # nothing is missing
    told = section(page, "utterances").text
    assert "Without figures of rotation, similarity, attention" in told
    assert len(page.one("article").all("figure")) == 1
    assert "rope has no parameters that listen" in section(page, "learned").text


@pytest.mark.parametrize(
    ("variant", "figures"),
    [
        ("similarity", {"similarity": "|A|"}),
        ("radius", {"rotation": "|rho|", "similarity": "|rho|"}),
    ],
)
def test_a_variant_that_listens_in_part(variant, figures, tmp_path, monkeypatch):
    """The figures that it has are of the head that its own parameters name."""
    wanted = {name: FIGURES[name] for name in ("rotation", "similarity")}
    monkeypatch.setattr("speechbrain_pitchrope.report.figures.FIGURES", wanted)
    make_tested_run(tmp_path / "run", tmp_path / "corpus", variant=variant)
    code, page = report(tmp_path / "run", tmp_path, "--utterances", "1")
    assert code == 0
    captions = [caption.text for caption in page.one("article").all("figcaption")]
    for caption, largest in zip(captions, figures.values(), strict=True):
        assert f"which has the largest {largest}" in caption
    notes = section(page, "utterances").text
    assert ("Without figures of rotation:" in notes) == ("rotation" not in figures)


def test_what_is_no_run_or_has_nothing_to_report(tested, tmp_path, capsys):
    checkpoint = next(tested[0].glob("save/CKPT*"))
    empty = tmp_path / "new"
    make_run(empty)
    shutil.rmtree(empty / "save")
    for given, message in (
        (tmp_path / "gone", "is no folder: give the output folder"),
        (tmp_path, "holds no hyperparams.yaml: give the output folder"),
        (checkpoint, f"a report is of a whole run: give {tested[0]}"),
        (empty, "there is nothing to report of"),
    ):
        out = tmp_path / "report.html"
        assert main(["report", str(given), "--out", str(out)]) == 1
        printed = capsys.readouterr()
        assert message in printed.err and not printed.out
        assert not out.exists()


def test_settings_that_can_not_be(tested, tmp_path, capsys):
    for arguments, message in (
        (["--utterances", "-1"], "-1 utterances to draw: give 0 or more"),
        (["--out", str(tmp_path)], "is a folder: give a file in it"),
    ):
        assert main(["report", str(tested[0]), *arguments]) == 1
        assert message in capsys.readouterr().err


def test_where_it_is_and_how_large_is_printed(tested, tmp_path, capsys, quick):
    out = tmp_path / "new/a.html"
    arguments = ["--utterances", "0", "--out", str(out)]
    assert main(["report", str(tested[0]), *arguments]) == 0
    assert re.fullmatch(rf"{out} \(\d\.\d MB\)\n", capsys.readouterr().out)


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

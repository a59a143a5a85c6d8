import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.demo import corpus as maker
from speechbrain_pitchrope.demo.corpus import make_demo_corpus, plan_utterances
from speechbrain_pitchrope.demo.voices import VOICES

pytest.importorskip("espeakng_loader")

TINY = {"utterances": 12, "voices_per_split": 2, "progress": False}
OPTIONS = "--utterances 12 --voices-per-split 2 --no-progress".split()


def digest(root):
    """Every file's path and contents."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {path.relative_to(root): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """A small corpus of each language."""
    root = tmp_path_factory.mktemp("corpora")
    for language in VOICES:
        assert make_demo_corpus(root / language, language, **TINY) == 12
    return root


@pytest.mark.parametrize("language", VOICES)
def test_the_layout_is_librispeechs(corpora, language):
    root = corpora / language
    plan = plan_utterances(language, utterances=12, voices_per_split=2)
    transcripts = [path.read_text() for path in root.rglob("*.trans.txt")]
    lines = [line.split(" ", 1) for line in "".join(transcripts).splitlines()]
    assert dict(lines) == {item.id: item.words for item in plan}
    minutes = 0
    for path in root.rglob("*.flac"):
        split, speaker, chapter, name = path.relative_to(root).parts
        assert re.fullmatch(rf"{speaker}-{chapter}-\d{{4}}\.flac", name)
        assert split.split("-")[0] == ("train", "dev", "test")[int(speaker[0]) - 1]
        samples, sample_rate = soundfile.read(path)
        assert sample_rate == 16000
        assert 0.8 < len(samples) / 16000 < 6
        assert 0.02 < np.sqrt(np.mean(samples**2)) and np.abs(samples).max() < 0.95
        minutes += len(samples) / 16000 / 60
    _, *lines = (root / "SPEAKERS.TXT").read_text().splitlines()
    rows = [re.split(r" *\| *", line) for line in lines]
    assert sum(float(row.pop(3)) for row in rows) == pytest.approx(minutes, abs=0.04)
    voices = dict.fromkeys(item.voice for item in plan)
    assert rows == [[str(v.speaker), v.sex, v.split, v.name] for v in voices]


def test_a_fresh_process_makes_the_same_files_once(corpora, tmp_path, capsys):
    command = [sys.executable, "-m", "speechbrain_pitchrope", "demo-corpus", tmp_path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    settings = {"capture_output": True, "text": True, "env": environment}
    done = subprocess.run([*command, *OPTIONS], check=False, **settings)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"302 .* test-demo .*\n12 utterances spoken", done.stdout)
    assert digest(tmp_path) == digest(corpora / "en")
    assert main(["demo-corpus", str(tmp_path), *OPTIONS]) == 0
    assert "all was there: nothing to do" in capsys.readouterr().out
    assert digest(tmp_path) == digest(corpora / "en")


@pytest.mark.parametrize("language", VOICES)
@pytest.mark.parametrize("utterances", [18, 2221])
def test_utterances_are_shared_out_by_weight(language, utterances):
    default, asked = {}, {}
    for sizes, number in ((default, None), (asked, utterances)):
        for item in plan_utterances(language, 1, number):
            sizes[item.voice] = sizes.get(item.voice, 0) + 1
    assert list(asked) == list(VOICES[language])
    assert sum(asked.values()) == utterances
    scale = (utterances - len(asked)) / (sum(default.values()) - len(asked))
    for voice, size in asked.items():
        assert abs(size - 1 - scale * (default[voice] - 1)) < 1


def test_an_interrupted_run_resumes_alike(corpora, tmp_path, monkeypatch):
    spoken, write_flac = [], maker.write_flac

    def interrupted(path, samples):
        if len(spoken) == 5:
            raise KeyboardInterrupt
        spoken.append(path)
        write_flac(path, samples)

    with monkeypatch.context() as patch:
        patch.setattr(maker, "write_flac", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_demo_corpus(tmp_path, **TINY)
    assert sorted(tmp_path.rglob("*.flac")) == sorted(spoken)
    spoken[0].unlink()  # a gap before an utterance of the same voice that is there
    assert make_demo_corpus(tmp_path, **TINY) == 8
    assert digest(tmp_path) == digest(corpora / "en")
    next(tmp_path.rglob("*.trans.txt")).unlink()
    assert make_demo_corpus(tmp_path, **TINY) == 0
    assert digest(tmp_path) == digest(corpora / "en")


def test_a_corpus_of_other_settings_is_refused_and_kept(corpora):
    before = digest(corpora)
    for change, message in (
        ({"seed": 2}, "seed is 1, asked for is 2"),
        ({"utterances": 18}, "utterances is 12, asked for is 18"),
        ({"language": "yue"}, "language is en, asked for is yue"),
        ({"voices_per_split": None}, "12 utterances for 16 voices: expected at least"),
    ):
        with pytest.raises(ValueError, match=message):
            make_demo_corpus(corpora / "en", **{**TINY, **change})
        assert digest(corpora) == before


@pytest.mark.parametrize("content", ["no json", "[]", "{}"])
@pytest.mark.parametrize("name", ["thesis.txt", "corpus.json"])
def test_folders_that_are_not_ours_are_refused_and_kept(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match="something else than this demo corpus"):
        make_demo_corpus(tmp_path, **TINY)
    assert [path.read_text() for path in tmp_path.iterdir()] == [content]

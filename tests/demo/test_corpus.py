import hashlib
import json
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
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus") / "demo"
    assert make_demo_corpus(root, **TINY) == 12
    return root


@pytest.mark.parametrize("language", VOICES)
def test_the_layout_is_librispeechs(tmp_path, language):
    make_demo_corpus(tmp_path, language, **TINY)
    plan = plan_utterances(language, utterances=12, voices_per_split=2)
    transcripts = [p.read_text() for p in sorted(tmp_path.rglob("*.trans.txt"))]
    lines = [line.split(" ", 1) for line in "".join(transcripts).splitlines()]
    assert dict(lines) == {item.id: item.words for item in plan}
    minutes = 0
    for path in tmp_path.rglob("*.flac"):
        split, speaker, chapter, name = path.relative_to(tmp_path).parts
        assert re.fullmatch(rf"{speaker}-{chapter}-\d{{4}}\.flac", name)
        assert split.split("-")[0] == ("train", "dev", "test")[int(speaker[0]) - 1]
        samples, sample_rate = soundfile.read(path)
        assert sample_rate == 16000
        assert 0.8 < len(samples) / 16000 < 6
        assert np.abs(samples).max() < 0.95
        assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.12
        minutes += len(samples) / 16000 / 60
    lines = (tmp_path / "SPEAKERS.TXT").read_text().splitlines()
    rows = [re.split(r" *\| *", line) for line in lines if line[0] != ";"]
    assert sum(float(row[3]) for row in rows) == pytest.approx(minutes, abs=0.04)
    for row, voice in zip(rows, dict.fromkeys(i.voice for i in plan), strict=True):
        assert row[:3] == [str(voice.speaker), voice.sex, voice.split]
        assert row[4] == voice.name


def test_a_fresh_process_makes_the_same_files(corpus, tmp_path):
    command = [sys.executable, "-m", "speechbrain_pitchrope", "demo-corpus", tmp_path]
    done = subprocess.run(
        [*command, *OPTIONS],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"302 .* test-demo .*\n12 utterances spoken", done.stdout)
    assert digest(tmp_path) == digest(corpus)


def test_another_seed_says_other_sentences():
    one, again, other = (plan_utterances(seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert len({i.text for i in one} & {i.text for i in other}) < len(one) / 20


@pytest.mark.parametrize("language", VOICES)
@pytest.mark.parametrize("utterances", [18, 100, 2221])
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


def test_a_second_run_does_nothing_and_says_so(corpus, capsys):
    before = digest(corpus)
    assert main(["demo-corpus", str(corpus), *OPTIONS]) == 0
    assert digest(corpus) == before
    assert "all was there: nothing to do" in capsys.readouterr().out


def test_an_interrupted_run_resumes_with_the_same_samples(
    corpus, tmp_path, monkeypatch
):
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
    assert digest(tmp_path) == digest(corpus)
    next(tmp_path.rglob("*.trans.txt")).unlink()
    assert make_demo_corpus(tmp_path, **TINY) == 0
    assert digest(tmp_path) == digest(corpus)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 2}, "seed is 1, asked for is 2"),
        ({"utterances": 18}, "utterances is 12, asked for is 18"),
        ({"language": "yue"}, "language is en, asked for is yue"),
    ],
)
def test_a_corpus_of_other_settings_is_refused_and_kept(corpus, change, message):
    before = digest(corpus)
    with pytest.raises(ValueError, match=message):
        make_demo_corpus(corpus, **{**TINY, **change})
    assert digest(corpus) == before


def test_folders_that_are_not_ours_are_refused_and_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match=r"not empty \(it holds 'thesis.txt'\)"):
        make_demo_corpus(tmp_path, **TINY)
    for content in ("no json", "[]", json.dumps({"seed": 1})):
        (tmp_path / "corpus.json").write_text(content)
        with pytest.raises(ValueError, match="not the file of a demo corpus"):
            make_demo_corpus(tmp_path, **TINY)
    assert sorted(os.listdir(tmp_path)) == ["corpus.json", "thesis.txt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"voices_per_split": None}, "12 utterances for 16 voices"),
        ({"voices_per_split": 0}, "voices per split is 0"),
        ({"language": "de"}, "language is 'de'"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        make_demo_corpus(tmp_path / "demo", **{**TINY, **change})
    assert not (tmp_path / "demo").exists()

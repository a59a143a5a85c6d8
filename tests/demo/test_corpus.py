import argparse
import hashlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from speechbrain_pitchrope.demo import corpus as maker
from speechbrain_pitchrope.demo.corpus import (
    CorpusError,
    add_arguments,
    make_demo_corpus,
    plan_utterances,
    run,
)
from speechbrain_pitchrope.demo.voices import VOICES, select_voices

pytest.importorskip("espeakng_loader")

TINY = {"utterances": 12, "voices_per_split": 2, "progress": False}

# The command in a process of its own, which starts worker processes.
COMMAND = """\
import argparse, sys
from speechbrain_pitchrope.demo.corpus import add_arguments, run
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
"""


def digest(root):
    """Every file's path and contents, but for the folder's own settings."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != "corpus.json"
    }


def parse(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus") / "demo"
    return make_demo_corpus(root, workers=1, **TINY)


def test_the_layout_is_librispeechs(corpus):
    audio = sorted(corpus.root.rglob("*.flac"))
    assert len(audio) == corpus.spoken == 12
    transcripts = {}
    for path in corpus.root.rglob("*.trans.txt"):
        assert path.name == "{1}-{2}.trans.txt".format(
            *path.relative_to(corpus.root).parts
        )
        for line in path.read_text().splitlines():
            name, words = line.split(" ", 1)
            assert re.fullmatch(r"[A-Z']+( [A-Z']+)+", words)
            transcripts[name] = words
    assert sorted(transcripts) == sorted(path.stem for path in audio)
    for path in audio:
        split, speaker, chapter, _ = path.relative_to(corpus.root).parts
        assert split in ("train-demo", "dev-demo", "test-demo")
        assert re.fullmatch(rf"{speaker}-{chapter}-\d{{4}}\.flac", path.name)
        info = soundfile.info(path)
        assert (info.samplerate, info.channels) == (16000, 1)
        assert (info.format, info.subtype) == ("FLAC", "PCM_16")
    assert not list(corpus.root.rglob("*.part"))


def test_the_audio_is_sane(corpus):
    for path in corpus.root.rglob("*.flac"):
        samples, _ = soundfile.read(path)
        assert 1.5 < len(samples) / 16000 < 6
        assert np.abs(samples).max() < 0.95
        assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.12


def test_speakers_are_listed_and_disjoint(corpus):
    lines = (corpus.root / "SPEAKERS.TXT").read_text().splitlines()
    rows = [
        [field.strip() for field in line.split("|")] for line in lines if line[0] != ";"
    ]
    assert [(int(row[0]), row[1], row[2], row[4]) for row in rows] == [
        (voice.speaker, voice.sex, voice.split, voice.name)
        for voice in select_voices(2)
    ]
    minutes = sum(float(row[3]) for row in rows)
    assert minutes == pytest.approx(sum(s.minutes for s in corpus.splits), abs=0.04)
    folders = [path.name for path in corpus.root.glob("*/*") if path.is_dir()]
    assert sorted(folders) == sorted(row[0] for row in rows)


def test_the_report_tells_what_is_there(corpus):
    table = str(corpus).splitlines()
    assert [line.split()[0] for line in table] == [
        *("split", "train-demo", "dev-demo", "test-demo", "corpus:")
    ]
    assert str(corpus.root) in table[-1]
    assert [(s.utterances, s.speakers) for s in corpus.splits] == [(4, 2)] * 3
    test = corpus.splits[2]
    assert test.lowest_f0_hz < 110
    assert test.highest_f0_hz > 220


def test_two_fresh_processes_make_the_same_files(corpus, tmp_path):
    script = tmp_path / "command.py"
    script.write_text(COMMAND)
    out = tmp_path / "demo"
    options = "--utterances 12 --voices-per-split 2 --workers 2 --no-progress".split()
    done = subprocess.run(
        [sys.executable, script, out, *options],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert digest(out) == digest(corpus.root)


def test_another_seed_says_other_sentences():
    one, again, other = (plan_utterances(seed, 100) for seed in (1, 1, 2))
    assert one == again
    assert not {i.sentence for i in one} & {i.sentence for i in other}
    assert [i.id for i in one] == [i.id for i in other]


def test_no_two_utterances_share_their_noise_at_whatever_level(corpus, tmp_path):
    other = make_demo_corpus(tmp_path, seed=2, **TINY)
    paths = [path for made in (corpus, other) for path in made.root.rglob("*.flac")]
    noises = [soundfile.read(path, 1600)[0] for path in paths]
    correlations = np.abs(np.corrcoef(noises)) - np.eye(24)
    assert correlations.max() < 0.9


def test_utterances_are_shared_out_evenly():
    sizes = {}
    for item in plan_utterances(1, 3 * len(VOICES) + 1):
        sizes[item.voice] = sizes.get(item.voice, 0) + 1
    assert list(sizes) == list(VOICES)
    assert sorted(sizes.values()) == [3] * (len(VOICES) - 1) + [4]


def test_a_second_run_does_nothing_and_says_so(corpus, capsys):
    before = {path: path.stat().st_mtime_ns for path in corpus.root.rglob("*")}
    words = "--utterances 12 --voices-per-split 2 --no-progress".split()
    assert run(parse(corpus.root, *words)) == 0
    assert before == {path: path.stat().st_mtime_ns for path in corpus.root.rglob("*")}
    shown = capsys.readouterr().out
    assert "complete already: nothing to do" in shown
    assert str(corpus) in shown


def test_an_interrupted_run_resumes(corpus, tmp_path, monkeypatch, capsys):
    words = [tmp_path, *"--utterances 12 --voices-per-split 2 --no-progress".split()]
    spoken, write_flac = [], maker.write_flac

    def interrupted(path, samples):
        if len(spoken) == 5:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.with_name(path.name + ".part").write_bytes(b"half a file")
            raise KeyboardInterrupt
        spoken.append(path)
        write_flac(path, samples)

    monkeypatch.setattr(maker, "write_flac", interrupted)
    assert run(parse(*words)) == 130
    assert "run the same command to resume" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*.flac")) == sorted(spoken)
    monkeypatch.setattr(maker, "write_flac", write_flac)
    assert make_demo_corpus(tmp_path, **TINY).spoken == 7
    assert digest(tmp_path) == digest(corpus.root)
    next(tmp_path.rglob("*.trans.txt")).unlink()
    assert make_demo_corpus(tmp_path, **TINY).spoken == 0
    assert digest(tmp_path) == digest(corpus.root)


def test_a_corpus_of_other_settings_is_refused_and_kept(corpus):
    before = digest(corpus.root)
    with pytest.raises(CorpusError, match="seed is 1, asked for is 2"):
        make_demo_corpus(corpus.root, seed=2, **TINY)
    with pytest.raises(CorpusError, match="utterances is 12, asked for is 18"):
        make_demo_corpus(corpus.root, **{**TINY, "utterances": 18})
    assert digest(corpus.root) == before


def test_folders_that_are_not_ours_are_refused_and_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(CorpusError, match=r"not empty \(it holds 'thesis.txt'\)"):
        make_demo_corpus(tmp_path, **TINY)
    for content in ("no json", "[]", json.dumps({"settings": {}, "summary": None})):
        (tmp_path / "corpus.json").write_text(content)
        with pytest.raises(CorpusError, match="not the file of a demo corpus"):
            make_demo_corpus(tmp_path, **TINY)
    assert sorted(os.listdir(tmp_path)) == ["corpus.json", "thesis.txt"]


def test_a_place_that_cannot_hold_a_folder_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for out in (file, file / "demo"):
        with pytest.raises(CorpusError, match=f"{out} cannot be the folder"):
            make_demo_corpus(out, **TINY)


def test_a_full_disk_leaves_a_run_to_resume(tmp_path, monkeypatch):
    def full(path, samples):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(maker, "write_flac", full)
    with pytest.raises(CorpusError, match=r"No space left on device.*run again"):
        make_demo_corpus(tmp_path, **TINY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"voices_per_split": None}, "12 utterances for 16 voices"),
        ({"voices_per_split": 0}, "0 voices per split"),
        ({"workers": 0}, "workers is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path, change, message):
    with pytest.raises(CorpusError, match=message):
        make_demo_corpus(tmp_path / "demo", **{**TINY, **change})
    assert not (tmp_path / "demo").exists()


def test_the_command_turns_errors_into_messages(tmp_path, capsys, monkeypatch):
    assert run(parse(tmp_path, "--utterances", 3)) == 1
    assert capsys.readouterr().err.startswith("pitchrope demo-corpus: 3 utterances for")
    with pytest.raises(SystemExit):
        parse(tmp_path, "--workers", "many")
    assert "'many': expected a whole number of 1 or more" in capsys.readouterr().err
    maker._espeak.cache_clear()
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    assert run(parse(tmp_path)) == 1
    assert "pip install speechbrain_pitchrope[demo]" in capsys.readouterr().err
    assert not os.listdir(tmp_path)

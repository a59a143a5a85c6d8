"""The recipe's data preparation, on small folders in LibriSpeech layout."""

import collections
import csv
import itertools
import json
import logging
import multiprocessing
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from speechbrain.dataio.dataset import DynamicItemDataset

import audio_check
import librispeech_prepare as prep
from librispeech_prepare import prepare_librispeech as prepare
from speechbrain_pitchrope.dataio import audio
from tests.made_runs import half
from tests.recipes.conftest import until

FORK = multiprocessing.get_context("fork")
RATE = 16000
NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * RATE)
SECOND = NOISE[:RATE]


def add(split, uid, text="SOME WORDS", samples=SECOND, change=None, **write):
    """Adds an utterance, whose audio's bytes ``change`` changes; returns its path."""
    speaker, chapter, _ = uid.split("-")
    folder = split / speaker / chapter
    folder.mkdir(parents=True, exist_ok=True)
    if text is not None:
        with open(folder / f"{speaker}-{chapter}.trans.txt", "a") as file:
            file.write(f"{uid} {text}\n")
    path = folder / (uid + write.pop("suffix", ".flac"))
    if samples is not None:
        soundfile.write(path, samples, write.pop("rate", RATE), **write)
    if change is not None:
        path.write_bytes(change(bytearray(path.read_bytes())))
    return path


def without_length(data):
    """A FLAC whose STREAMINFO block gives 0, that is unknown, as number of samples."""
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    return data


def flip(data):
    data[len(data) // 2] ^= 1
    return data


WAV, FLOAT = {"suffix": ".wav"}, {"suffix": ".wav", "subtype": "FLOAT"}
BAD_AUDIO = [  # kind, whether the header shows it, samples, how they are written
    ("empty_file", True, SECOND, {"change": lambda data: b""}),
    ("unreadable_audio", True, SECOND, {"change": lambda data: b"no audio" * 99}),
    ("unreadable_audio", True, SECOND, {"change": without_length}),
    ("truncated_audio", False, SECOND, {"change": flip}),
    ("truncated_audio", True, SECOND, {"change": half, **WAV}),
    ("no_samples", True, NOISE[:0], WAV),
    ("wrong_sample_rate", True, SECOND, {"rate": 8000}),
    ("not_mono", True, NOISE[: 2 * RATE].reshape(-1, 2), {}),
    ("silent", False, np.zeros(RATE), {}),
    ("not_finite", False, np.append(SECOND, np.nan), FLOAT),
    ("too_loud", False, np.append(SECOND, 1e30), FLOAT),
    ("too_short", True, NOISE[: RATE // 20], {}),
    ("too_long", True, NOISE, {}),
]


def add_defects(split):
    """One utterance with each defect; {audio or transcript file: [kinds, ...]}."""
    bad = {
        add(split, f"2-1-{number:04d}", samples=samples, **how): [kind]
        for number, (kind, _, samples, how) in enumerate(BAD_AUDIO)
    }
    bad[dangling := add(split, "2-1-0099", samples=None)] = ["unreadable_audio"]
    dangling.symlink_to("nothing.flac")

    bad[add(split, "1-1-0000", None)] = ["audio_without_transcript"]
    add(split, "1-1-0001", samples=None)
    bad[split / "1/1/1-1.trans.txt"] = ["transcript_without_audio"]
    bad[add(split, "1-1-0002", "")] = ["empty_transcript"]
    bad[add(split, "1-1-0003", "FOR $TEN")] = ["bad_transcript"]
    bad[add(split, "1-1-0004")] = ["duplicate_id"]
    bad[add(split, "1-1-0004", None, **WAV)] = ["duplicate_id"]
    add(split, "1-1-0005", "SAID ONCE", samples=None)
    bad[add(split, "1-1-0005", "SAID TWICE")] = ["duplicate_id"]

    add(split, "1-2-0000", samples=None)
    stray = add(split, "1-3-0000")
    kinds = ["audio_without_transcript", "bad_layout"]
    bad[stray.rename(stray.with_name("1-2-0000.flac"))] = kinds
    for chapter in ("2", "3"):
        text = split / f"1/{chapter}/1-{chapter}.trans.txt"
        bad[text] = ["transcript_without_audio"]
    for chapter in ("4", "5"):
        bad[add(split, f"1-{chapter}-0000")] = ["audio_without_transcript"]
    text = split / "1/4/1-4.trans.txt"
    bad[text.rename(text.with_name("4.trans.txt"))] = ["bad_layout"]
    text = split / "1/5/1-5.trans.txt"
    text.write_bytes(text.read_bytes() + b"\xff")
    bad[text] = ["bad_transcript"]
    return bad


def read(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def manifests(folder):
    return {path.name for path in folder.glob("[!p]*.csv")}


@pytest.fixture
def measured(monkeypatch):
    """Names of the files that have been measured, in order."""
    names, measure = [], audio_check._measure

    def spy(path, decode):
        names.append(path.name)
        return measure(path, decode)

    monkeypatch.setattr(audio_check, "_measure", spy)
    return names


@pytest.fixture
def sound(tmp_path):
    """A data folder whose split ``sound`` has 20 utterances without a problem."""
    for number in range(20):
        add(tmp_path / "data/sound", f"84-{number % 2}-{number:04d}", f"WORD {number}")
    return tmp_path / "data"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """(data folder, save folder, defects) after a run over all defects in skip mode."""
    data, save = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("save")
    defects = add_defects(data / "faulty")
    add(data / "faulty", "9-1-0001", **WAV)
    add(data / "faulty", "9-1-0000")
    prepare(data, save, ["faulty"], on_problem="skip", max_seconds=2)
    return data, save, defects


def test_every_file_is_in_the_manifest_or_in_the_report_with_its_defects(faulty):
    data, save, defects = faulty
    found = collections.defaultdict(list)
    for row in read(save / "problems_faulty.csv"):
        assert all(row.values())
        found[data / row["file"]].append(row["problem"])
    assert {path: sorted(kinds) for path, kinds in found.items()} == defects
    kinds = {kind for kinds in defects.values() for kind in kinds}
    assert kinds == set(prep.EXPECTED) - {"no_utterances"}
    wavs = [row["wav"].removeprefix("$data_root/") for row in read(save / "faulty.csv")]
    used = {data / wav for wav in wavs}
    recordings = {path for path in data.rglob("*.*") if path.suffix != ".txt"}
    assert used == recordings - set(defects)
    assert len(used) == 2


def test_header_sees_what_needs_no_samples(faulty, tmp_path, monkeypatch):
    data, save, _ = faulty
    monkeypatch.setattr(audio, "_checked_blocks", None)
    options = {"on_problem": "skip", "check_audio": "header", "max_seconds": 2}
    prepare(data, tmp_path, ["faulty"], **options)
    reports = (read(folder / "problems_faulty.csv") for folder in (save, tmp_path))
    full, header = ({(row["file"], row["problem"]) for row in rows} for rows in reports)
    assert header < full
    unseen = {f"2-1-{n:04d}" for n, (_, seen, *_) in enumerate(BAD_AUDIO) if not seen}
    assert {Path(file).stem for file, _ in full - header} == unseen


def test_manifest_is_what_speechbrain_reads(tmp_path):
    """Of a folder that holds LibriSpeech, too."""
    data = tmp_path / "data"
    dev = data / "LibriSpeech/dev"
    add(dev, "84-1-0001", 'TWO  WORDS,\t"QUOTED" É', NOISE[:16001])
    add(dev, "84-1-0000", "FIRST", **WAV)
    prepare(data, tmp_path / "new/save", ["dev"])
    manifest = tmp_path / "new/save/dev.csv"
    assert [tuple(row) for row in read(manifest)] == [prep.COLUMNS] * 2
    dataset = DynamicItemDataset.from_csv(manifest, {"data_root": data})
    assert list(dataset.data_ids) == ["84-1-0000", "84-1-0001"]
    assert dataset.data["84-1-0000"]["duration"] == 1
    item = dataset.data["84-1-0001"]
    assert item["duration"] == 16001 / 16000
    assert (item["spk_id"], item["wrd"]) == ("84", 'TWO WORDS, "QUOTED" É')
    assert soundfile.info(item["wav"]).frames == 16001


def test_raise_names_all_splits_and_mending_is_enough(sound, tmp_path, measured):
    mend = add(sound / "one", "1-1-0000", samples=NOISE[:100])
    remove = add(sound / "two", "2-1-0000", None)
    for split in ("one", "two"):
        add(sound / split, "5-1-0000")
    splits = ["one", "sound", "two"]
    with pytest.raises(prep.DataPreparationError) as info:
        prepare(sound, tmp_path, splits, {"all.csv": splits})
    reports = {f"problems_{name}.csv" for name in ("one", "two", "all")}
    for part in (
        *("1 too_short", "1 audio_without_transcript", "on_problem: skip"),
        "one/1/1/1-1-0000.flac: too_short: 0.00625 s (expected at least 0.1 s)",
        *(str(tmp_path / report) for report in reports),  # 5-1-0000 is in both splits
    ):
        assert part in str(info.value)
    assert {path.name for path in tmp_path.glob("*.csv")} == reports | {"sound.csv"}

    measured.clear()
    soundfile.write(mend, SECOND, RATE)
    remove.unlink()
    prepare(sound, tmp_path, splits, {"all.csv": ["one", "sound"]})
    assert measured == [mend.name]
    assert not list(tmp_path.glob("problems_[ot]*"))
    assert len(read(tmp_path / "all.csv")) == 22


def test_skip_warns_each_time_and_raise_checks_again(sound, tmp_path, caplog):
    add(sound / "sound", "84-0-0099", samples=np.zeros(RATE))
    args = (sound, tmp_path, ["sound"])
    for _ in range(2):
        with pytest.raises(prep.DataPreparationError):
            prepare(*args)
        assert not (tmp_path / "sound.csv").exists()
        for warning in ("1 of 21 audio files left out", "1 problems left out, listed"):
            caplog.clear()
            with caplog.at_level(logging.WARNING):
                prepare(*args, on_problem="skip")
            assert warning in caplog.text
            assert str(tmp_path / "problems_sound.csv") in caplog.text


@pytest.mark.parametrize("mode", ["raise", "skip"])
def test_a_split_without_utterances_is_an_error(sound, tmp_path, mode):
    add(sound / "bare", "1-1-0000", "")
    (sound / "void").mkdir()
    with pytest.raises(prep.DataPreparationError, match="2 no_utterances"):
        prepare(sound, tmp_path, ["bare", "sound", "void"], on_problem=mode)
    assert manifests(tmp_path) == {"sound.csv"}


def test_a_finished_split_is_left_alone_until_a_change(sound, tmp_path, measured):
    def run(**settings):
        measured.clear()
        prepare(sound, tmp_path, ["sound"], **settings)
        return len(measured)

    manifest = tmp_path / "sound.csv"
    assert run() == 20
    assert run(workers=1, on_problem="skip") == 0
    assert run(min_seconds=0.2) == 20
    path = add(sound / "sound", "84-0-0099")
    assert run(min_seconds=0.2) == 21
    transcript = path.parent / "84-0.trans.txt"
    transcript.write_text(transcript.read_text().replace("SOME WORDS", "FINE WORDS"))
    os.utime(transcript, ns=(0, 0))  # as old as a file from an archive can be
    assert run(min_seconds=0.2) == 21
    assert "FINE WORDS" in manifest.read_text()
    manifest.write_bytes(half(manifest.read_bytes()))
    assert run(min_seconds=0.2) == 21
    manifest.unlink()
    assert run(min_seconds=0.2) == 21
    assert len(read(manifest)) == 21


def journaled(save):
    """Names of the files whose results stand in the journal."""
    lines = (save / "sound.journal.jsonl").read_text().split("\n")
    return {Path(json.loads(line)[1]).name for line in lines[:-1] if line}


def be_killed(data, save, merge):
    """A preparation that dies at the 17th file."""
    measure, calls = audio_check._measure, itertools.count(1)

    def dying(path, decode):
        if next(calls) == 17:
            # Files are measured in one thread, and the journal is written in another.
            until(lambda: len(journaled(save)) >= 8)
            os._exit(9)
        return measure(path, decode)

    audio_check._measure = dying
    prepare(data, save, ["sound"], merge, workers=1)


def test_a_killed_preparation_goes_on_where_it_was(sound, tmp_path, measured):
    """With any number of workers, and nothing out of date remains meanwhile."""
    whole, save, merge = tmp_path / "whole", tmp_path / "save", {"all.csv": ["sound"]}
    prepare(sound, whole, ["sound"], merge)
    prepare(sound, save, ["sound"], merge, min_seconds=0.2)
    child = FORK.Process(target=be_killed, args=(sound, save, merge))
    child.start()
    child.join()
    assert child.exitcode == 9
    assert not manifests(save)
    journal, before = save / "sound.journal.jsonl", journaled(save)
    assert 8 <= len(before) <= 16  # the last results may not have been written yet

    with open(journal, "a") as file:
        file.write('[2, "sound/84/1/84-1-0019.flac", [4')
    measured.clear()
    prepare(sound, save, ["sound"], merge)
    assert len(measured) == 20 - len(before)
    assert not before & set(measured)
    for name in ("sound.csv", "all.csv"):
        assert (save / name).read_bytes() == (whole / name).read_bytes()
    assert not journal.exists()


def test_runs_that_share_a_folder_prepare_it_once(sound, tmp_path):
    args = (sound, tmp_path / "save", ["sound"], {"train.csv": ["sound"]})
    with FORK.Pool(4) as pool:
        pool.starmap(prepare, [args] * 4)
    assert len(read(tmp_path / "save/train.csv")) == 20
    assert not list(tmp_path.glob("save/*.j*l"))


def test_only_new_changed_and_faulty_files_are_checked_again(sound, tmp_path, measured):
    def run(how="full"):
        measured.clear()
        with pytest.raises(prep.DataPreparationError):
            prepare(sound, tmp_path, ["sound"], check_audio=how)
        return sorted(measured)

    faulty = add(sound / "sound", "84-0-0099", samples=np.zeros(50)).name
    assert len(run("header")) == 21
    assert len(run()) == 21  # the journal of headers does not stand for decoding
    assert run() == run("header") == [faulty]
    with open(tmp_path / "sound.journal.jsonl", "a") as file:
        file.write("[2, ")  # half a line must not spoil the next one
    changed = add(sound / "sound", "84-0-0000", None, NOISE[: 2 * RATE]).name
    new = add(sound / "sound", "84-0-0098").name
    assert run() == [changed, new, faulty]
    assert run() == [faulty]


def test_merge_is_the_sorted_union_without_ids_that_two_splits_have(sound, tmp_path):
    """And no csv outlives its definition."""
    for uid in ("84-0-0000", "7-1-0000", "99-1-0000"):
        add(sound / "more", uid)
    splits, train = ["more", "sound"], tmp_path / "train.csv"
    prepare(sound, tmp_path, splits, {"train.csv": ["sound"]})
    with pytest.raises(prep.DataPreparationError, match="2 duplicate_id"):
        prepare(sound, tmp_path, splits, {"train.csv": splits})
    assert not train.exists()
    prepare(sound, tmp_path, splits, {"train.csv": splits}, on_problem="skip")
    parts = read(tmp_path / "more.csv") + read(tmp_path / "sound.csv")
    union = sorted(parts, key=lambda row: row["ID"])
    assert read(train) == [row for row in union if row["ID"] != "84-0-0000"]
    assert {row["ID"] for row in read(tmp_path / "problems_train.csv")} == {"84-0-0000"}


def test_what_cannot_be_prepared_is_named(sound, tmp_path):
    settings = {"data_folder": sound, "save_folder": tmp_path, "splits": ["sound"]}
    for wrong, message in (
        ({"splits": ["dev", "sound", "test"]}, "split folder dev, test in .*sound"),
        ({"data_folder": "nowhere"}, "set data_folder to the folder"),
        ({"skip_prep": True, "merge": {"a.csv": ["sound"]}}, r"has no a\.csv: "),
        ({"splits": "dev"}, "splits: expected a list"),
        ({"merge": {"sound.csv": ["sound"]}}, "be no split's csv"),
        ({"min_seconds": -1}, "expected 0 <= min_seconds"),
    ):
        with pytest.raises((FileNotFoundError, ValueError), match=message):
            prepare(**settings | wrong)


def test_skip_prep_needs_the_csv_files_alone(tmp_path):
    (tmp_path / "a.csv").touch()
    prepare("nowhere", tmp_path, ["sound"], {"a.csv": ["sound"]}, skip_prep=True)


def test_command_line(sound, tmp_path, monkeypatch):
    add(sound / "dev", "1-1-0000", samples=NOISE[:100])
    command = ["librispeech_prepare.py", str(sound), str(tmp_path)]
    command += ["--splits", "dev", "sound", "--merge", "all.csv=sound,dev"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit, match="1 too_short"):
        prep.main()
    assert not (tmp_path / "all.csv").exists()
    monkeypatch.setattr(sys, "argv", [*command, "--min-seconds", "0.001"])
    prep.main()
    assert len(read(tmp_path / "all.csv")) == 21

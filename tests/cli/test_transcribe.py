"""``pitchrope transcribe``, from recordings to text."""

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.cli.transcribe import transcribe
from speechbrain_pitchrope.runs.package import load_recogniser, package_run
from tests.signals import utterance


@pytest.fixture(scope="module")
def package(run_folder, tmp_path_factory):
    """A model that says something, if nothing meant."""
    return str(package_run(run_folder, tmp_path_factory.mktemp("model")))


@pytest.fixture
def recordings(recordings):
    """Those, and files that are too short, not there, or none that can be read."""
    (recordings / "video.mkv").touch()
    (recordings / "gone.wav").symlink_to("nowhere.wav")
    soundfile.write("short.wav", np.full(100, 0.1), 16000)
    return recordings


def lines(text):
    """{file: text} of what was written."""
    return dict(line.split("\t") for line in text.splitlines())


def test_each_line_is_what_the_interface_says(package, recordings, capsys):
    asr = load_recogniser(package, "cpu")
    assert main(["transcribe", package, "a/x.wav", "b", "--device", "cpu"]) == 0
    printed = capsys.readouterr()
    found = lines(printed.out)
    assert list(found) == ["a/x.wav", "b/x.flac"] and printed.err == ""
    for path, text in found.items():
        assert text.split() == asr.transcribe_file(path).split() != []
    assert len(set(found.values())) == 2


def test_a_long_recording_is_recognised_in_pieces(tmp_path):
    words = [utterance(100.0 + 40 * i, 2.0, seed=i) for i in range(4)]
    wav = torch.cat([part for word in words for part in (word, torch.zeros(8000))])
    soundfile.write(tmp_path / "long.wav", wav.numpy(), 16000, subtype="FLOAT")
    pieces = []

    def note(wavs, wav_lens):
        assert wav_lens.tolist() == [1.0]
        pieces.append(wavs[0])
        return [f"  PIECE {len(pieces)} "], None

    rate = SimpleNamespace(sample_rate=16000)
    asr = SimpleNamespace(audio_normalizer=rate, transcribe_batch=note)
    text = transcribe(asr, tmp_path / "long.wav", 3.0)
    assert text == "PIECE 1 PIECE 2 PIECE 3 PIECE 4"
    assert torch.equal(torch.cat(pieces), wav)


def test_a_bad_recording_stops_none_of_the_others(package, recordings, capsys, refused):
    """And text is written over only by force."""
    latin_1 = "caf\udce9.wav"
    (recordings / latin_1).symlink_to("a/x.wav")
    inputs = ["bad.wav", "a/x.wav", "short.wav", latin_1, "missing.wav", "b/x.flac"]
    assert main(["transcribe", package, *inputs, "--out", "text.tsv"]) == 1
    found = lines((recordings / "text.tsv").read_text())
    assert list(found) == ["a/x.wav", r"caf\udce9.wav", "b/x.flac"]
    printed = capsys.readouterr()
    assert printed.out == ""
    summary, *named = printed.err.splitlines()
    assert summary == "pitchrope transcribe: 3 of 6 recordings failed:"
    failed = [line.split()[0].strip(":") for line in named]
    assert failed == ["bad.wav", "short.wav", "missing.wav"]
    assert "too few for its convolutions" in named[1]
    told = refused("transcribe", package, ".", "--out", "text.tsv")
    assert "text.tsv exists: give another --out, or --force" in told
    assert lines((recordings / "text.tsv").read_text()) == found
    told = refused("transcribe", package, "b", "--out", "b/x.flac", "--force")
    assert "b/x.flac is a recording to transcribe: give another" in told
    assert main(["transcribe", package, "b", ".", "--out", "text.tsv", "--force"]) == 1
    assert len(lines((recordings / "text.tsv").read_text())) == 3
    told = capsys.readouterr().err
    assert "gone.wav" in told
    assert "1 files skipped:\n  video.mkv: libsndfile does not read this" in told

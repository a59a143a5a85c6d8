"""``pitchrope transcribe``, from recordings to text."""

import io
import sys

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.dataio.preprocess import AudioNormalizer

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.cli.transcribe import transcribe
from speechbrain_pitchrope.runs.package import load_recogniser, package_run
from tests.made_runs import make_run
from tests.signals import utterance


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A model that says something, if nothing meant."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model") / "run"
    make_run(folder, (30.0,))
    return str(package_run(folder))


@pytest.fixture(scope="module")
def asr(package):
    return load_recogniser(package, "cpu")


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """Two recordings, one that is none and one too short, in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, f0_hz in (("a/x.wav", 120.0), ("b/x.flac", 240.0)):
        (tmp_path / name).parent.mkdir()
        soundfile.write(name, utterance(f0_hz).numpy(), 16000)
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    soundfile.write("short.wav", np.full(100, 0.1), 16000)
    return tmp_path


def lines(text):
    """{file: text} of what was written."""
    return dict(line.split("\t") for line in text.splitlines())


def test_each_line_is_what_the_interface_says(package, asr, recordings, capsys):
    assert main(["transcribe", package, "a/x.wav", "b", "--device", "cpu"]) == 0
    found = lines(capsys.readouterr().out)
    assert list(found) == ["a/x.wav", "b/x.flac"]
    for path, text in found.items():
        assert text.split() == asr.transcribe_file(path).split() != []
    assert len(set(found.values())) == 2


class Listener:
    """Stands in for a model: notes what it hears, and says how often it was asked."""

    audio_normalizer = AudioNormalizer(sample_rate=16000)

    def __init__(self):
        self.heard = []

    def transcribe_batch(self, wavs, wav_lens):
        assert wav_lens.tolist() == [1.0]
        self.heard.append(wavs[0])
        return [f"  PIECE {len(self.heard)} "], None


def test_a_long_recording_is_heard_in_pieces(tmp_path):
    words = [utterance(100.0 + 40 * i, 2.0, seed=i) for i in range(4)]
    wav = torch.cat([part for word in words for part in (word, torch.zeros(8000))])
    soundfile.write(tmp_path / "long.wav", wav.numpy(), 16000, subtype="FLOAT")
    listener, seconds = Listener(), []
    text = transcribe(listener, tmp_path / "long.wav", 3.0, seconds.append)
    assert text == "PIECE 1 PIECE 2 PIECE 3 PIECE 4"
    assert torch.equal(torch.cat(listener.heard), wav)
    assert seconds == [len(piece) / 16000 for piece in listener.heard]
    # Each cut lies in the half second between two words.
    ends = torch.tensor(seconds).cumsum(0)
    assert ((ends[:3] % 2.5) > 2.0).all()


def test_a_bad_recording_stops_none_of_the_others(package, recordings, capsys):
    inputs = ["bad.wav", "a/x.wav", "short.wav", "missing.wav", "b/x.flac"]
    assert main(["transcribe", package, *inputs, "--out", "text.tsv"]) == 1
    found = lines((recordings / "text.tsv").read_text())
    assert list(found) == ["a/x.wav", "b/x.flac"]
    printed = capsys.readouterr()
    assert printed.out == ""
    summary, *named = printed.err.splitlines()
    assert summary == "pitchrope transcribe: 3 of 5 recordings failed:"
    assert [line.split()[0].strip(":") for line in named] == [
        *("bad.wav", "short.wav", "missing.wav"),
    ]
    assert "too few for its convolutions" in named[1]


def test_text_is_written_over_only_by_force(package, recordings, capsys):
    (recordings / "text.tsv").write_text("mine")
    command = ["transcribe", package, "a/x.wav", "--out", "text.tsv"]
    assert main(command) == 1
    assert "text.tsv exists: give another --out, or --force" in capsys.readouterr().err
    assert (recordings / "text.tsv").read_text() == "mine"
    assert main([*command, "--force"]) == 0
    assert list(lines((recordings / "text.tsv").read_text())) == ["a/x.wav"]


def test_a_bar_shows_the_seconds_on_a_terminal_only(
    package, recordings, capsys, monkeypatch
):
    assert main(["transcribe", package, "a", "b"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    assert main(["transcribe", package, "a", "b"]) == 0
    assert "3.2s" in sys.stderr.getvalue()
    assert capsys.readouterr().out == printed.out


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["a", "a/x.wav"], "a holds no hyperparams.yaml: give a folder that pitchrope"),
        (["nowhere", "a/x.wav"], "nowhere is no folder: give a folder"),
        (["PACKAGE", "empty"], "empty holds no recordings"),
    ],
)
def test_what_cannot_be_done_is_said(package, recordings, capsys, arguments, message):
    (recordings / "empty").mkdir()
    arguments = [package if part == "PACKAGE" else part for part in arguments]
    assert main(["transcribe", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("pitchrope transcribe: ")
    assert message in printed.err
    assert printed.out == ""

"""``pitchrope f0``, from recordings to csv and figures."""

import io

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_pitchrope.cli import f0, main
from speechbrain_pitchrope.processing.pitch import World
from tests.signals import utterance, voice


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """Two recordings of one name and one that is none, in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, f0_hz in (("a/x.wav", 120.0), ("b/x.flac", 240.0)):
        (tmp_path / name).parent.mkdir()
        soundfile.write(name, utterance(f0_hz).numpy(), 16000)
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    return tmp_path


def read(text):
    """The columns time, f0 and voicing."""
    header, _, rows = text.partition("\n")
    assert header == "time_s,f0_hz,voicing"
    return np.loadtxt(io.StringIO(rows), delimiter=",").T


@pytest.mark.parametrize("tracker", f0.TRACKERS)
@pytest.mark.parametrize("sample_rate, n_channels", [(44100, 2), (8000, 1)])
def test_any_recording_gives_the_f0_of_its_voice(
    tmp_path, capsys, tracker, sample_rate, n_channels
):
    wav = torch.cat((torch.zeros(sample_rate // 2), voice(200, 1.0, sample_rate)))
    wavs = wav[:, None].repeat(1, n_channels).numpy()
    soundfile.write(tmp_path / "a.wav", wavs, sample_rate)
    assert main(["f0", str(tmp_path / "a.wav"), "--tracker", tracker]) == 0
    time, f0_hz, voicing = read(capsys.readouterr().out)
    np.testing.assert_allclose(time, 0.01 * np.arange(151), atol=1e-9)
    spoken = (time > 0.6) & (time < 1.4)
    assert np.abs(f0_hz[spoken] - 200).max() < 3
    assert voicing[spoken].min() >= 0.5
    assert not f0_hz[time < 0.4].any()


def test_the_file_is_what_the_tracker_says(recordings):
    assert main(["f0", "a/x.wav", "--out", "new/x.csv", "--tracker", "dio"]) == 0
    _, f0_hz, voicing = read((recordings / "new/x.csv").read_text())
    samples, _ = soundfile.read("a/x.wav", dtype="float32")
    expected, expected_voicing = World("dio")(torch.from_numpy(samples)[None])
    np.testing.assert_allclose(f0_hz, expected[0], atol=0.005)
    np.testing.assert_allclose(voicing, expected_voicing[0], atol=0.0005)


def test_the_range_is_kept(recordings, capsys):
    assert main(["f0", "b/x.flac", "--f0-min", "60", "--f0-max", "180"]) == 0
    _, f0_hz, _ = read(capsys.readouterr().out)
    assert f0_hz.max() < 180


@pytest.mark.parametrize(
    "inputs, expected",
    [
        (["a/x.wav", "b/x.flac"], ["a/x.csv", "b/x.csv"]),
        (["a", "b"], ["a/x.csv", "b/x.csv"]),
        (["a/x.wav", "./a/../a/x.wav"], ["x.csv"]),
        (["a"], ["x.csv"]),
    ],
)
def test_places_are_kept(recordings, inputs, expected):
    assert main(["f0", *inputs, "--out", "out"]) == 0
    out = recordings / "out"
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert found == expected


def test_two_recordings_never_share_a_csv(recordings, capsys):
    soundfile.write("a/x.flac", utterance().numpy(), 16000)
    assert main(["f0", "a", "--out", "out"]) == 1
    error = capsys.readouterr().err
    assert "a/x.flac and a/x.wav would both be written to out/x.csv" in error
    assert not (recordings / "out").exists()


def test_a_bad_recording_stops_none_of_the_others(recordings, capsys):
    arguments = ["bad.wav", "a/x.wav", "missing.wav", "b/x.flac", "--out", "out"]
    assert main(["f0", *arguments]) == 1
    assert len(read((recordings / "out/a/x.csv").read_text())) == 3
    assert len(read((recordings / "out/b/x.csv").read_text())) == 3
    printed = capsys.readouterr()
    assert printed.out == "2 of 4 written to out\n"
    summary, *named = printed.err.splitlines()
    assert summary == "pitchrope f0: 2 of 4 recordings failed:"
    assert [line.split()[0] for line in named] == ["bad.wav", "missing.wav"]


def test_files_are_written_over_only_by_force(recordings, capsys):
    arguments = ["f0", "a", "b", "--out", "out"]
    assert main(arguments) == 0
    csv = recordings / "out/a/x.csv"
    csv.write_text("mine")
    (recordings / "out/b/x.csv").unlink()
    assert main(arguments) == 1
    assert "1 of 2 files to write exist, the first is out/a/x.csv" in (
        capsys.readouterr().err
    )
    assert csv.read_text() == "mine"
    assert not (recordings / "out/b/x.csv").exists()
    assert main([*arguments, "--force"]) == 0
    assert csv.read_text().startswith("time_s")


def test_figures_stand_beside_the_csv(recordings, monkeypatch, capsys):
    assert main(["f0", "a/x.wav", "--out", "x.csv", "--plot"]) == 0
    assert (recordings / "x.png").read_bytes()[:4] == b"\x89PNG"
    monkeypatch.setattr(f0, "LONGEST_FIGURE", 1)
    assert main(["f0", "a/x.wav", "--out", "y.csv", "--plot"]) == 1
    assert "its csv is written, its figure is not" in capsys.readouterr().err
    assert (recordings / "y.csv").is_file()
    assert not (recordings / "y.png").exists()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["a", "b"], "there are 2 recordings and --out is not given"),
        (["a", "b", "--out", "x.csv"], "--out is x.csv: give a folder"),
        (["a", "--plot"], "--plot needs --out"),
        (["empty"], "empty holds no recordings: expected files in .wav"),
        (["missing.wav"], "missing.wav is not there"),
        (["bad.wav"], "bad.wav can't be read as audio"),
        (["a", "--f0-min", "300", "--f0-max", "200"], "the f0 range is 300 to 200 Hz"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said(recordings, capsys, arguments, message):
    (recordings / "empty").mkdir()
    assert main(["f0", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("pitchrope f0: ")
    assert message in printed.err
    assert printed.out == ""

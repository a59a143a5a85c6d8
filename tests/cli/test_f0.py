"""``pitchrope f0``, from recordings to csv and figures."""

import io
import os
import re

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_pitchrope.cli import f0, main, options
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


@pytest.mark.parametrize("tracker", options.TRACKERS)
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


def test_all_name_clashes_are_told_and_the_rest_is_done(recordings, capsys):
    for name in ("a/x.flac", "a/y.wav", "b/x.ogg"):
        soundfile.write(name, utterance().numpy(), 16000)
    assert main(["f0", "a", "b", "--out", "out"]) == 1
    error = capsys.readouterr().err
    assert "4 of 5 recordings failed" in error
    assert "a/x.flac: out/a/x.csv would be that of a/x.wav too" in error
    assert "b/x.ogg: out/b/x.csv would be that of b/x.flac too" in error
    assert [path.name for path in (recordings / "out").rglob("*.*")] == ["y.csv"]


def test_bad_recordings_stop_none_of_the_others(recordings, capsys):
    content = (recordings / "a/x.wav").read_bytes()
    (recordings / "cut.wav").write_bytes(content[: len(content) // 2])
    soundfile.write("huge.wav", np.full(9000, 1e30), 16000, subtype="FLOAT")
    bad = ["bad.wav", "cut.wav", "huge.wav", "missing.wav"]
    assert main(["f0", *bad, "a/x.wav", "b/x.flac", "--out", "out"]) == 1
    assert len(read((recordings / "out/a/x.csv").read_text())) == 3
    assert len(read((recordings / "out/b/x.csv").read_text())) == 3
    printed = capsys.readouterr()
    assert printed.out.endswith("\n2 of 6 written to out\n")
    summary, *named = printed.err.splitlines()
    assert summary == "pitchrope f0: 4 of 6 recordings failed:"
    assert [line.split()[0] for line in named] == bad


def test_a_folder_is_searched_by_content(recordings, capsys):
    """Wrong, missing and undecodable names are no hindrance; m4a is named, exit 0."""
    wav = (recordings / "a/x.wav").read_bytes()
    folder = recordings / "c"
    folder.mkdir()
    for name in (b"no-ending", b"wav.m4a", b"caf\xe9.flac", b"a.WAV"):
        (folder / os.fsdecode(name)).write_bytes(wav)
    soundfile.write("c.mp3", utterance().numpy(), 16000)
    (recordings / "c.mp3").rename(folder / "mp3")
    (folder / "video.m4a").write_bytes(b"\0\0\0 ftypM4A " + bytes(99))
    (folder / "samples.raw").write_bytes(bytes(99))
    (folder / "notes.txt").write_text("RIFF")
    (folder / "._a.wav").write_bytes(b"what a Mac leaves behind")
    assert main(["f0", "c", "--out", "out"]) == 0
    found = {os.fsencode(path.name) for path in (recordings / "out").iterdir()}
    assert found == {b"no-ending.csv", b"wav.csv", b"caf\xe9.csv", b"a.csv", b"mp3.csv"}
    skipped, *named = capsys.readouterr().err.splitlines()
    assert skipped == "pitchrope f0: 2 files skipped:"
    assert "ffmpeg -f s16le -ar 16000 -i c/samples.raw c/samples.wav" in named[0]
    assert "ffmpeg -i c/video.m4a c/video.wav" in named[1]


def test_what_exists_is_neither_redone_nor_overwritten(recordings, capsys):
    arguments = ["f0", "a", "b", "--out", "out"]
    assert main(arguments) == 0
    csv = recordings / "out/a/x.csv"
    csv.write_text("mine")
    (recordings / "out/b/x.csv").unlink()
    assert main(arguments) == 0
    note = "1 of 2 written to out; 1 exist already, --force overwrites them\n"
    assert capsys.readouterr().out.endswith(note)
    assert csv.read_text() == "mine"
    assert (recordings / "out/b/x.csv").exists()
    assert main([*arguments, "--plot"]) == 0
    assert csv.with_suffix(".png").exists() and csv.read_text() == "mine"
    assert main(["f0", "a/x.wav", "--out", "out/a/x.csv"]) == 1
    message = "out/a/x.csv exists: give another --out, or --force to overwrite it\n"
    assert capsys.readouterr().err == f"pitchrope f0: {message}"
    assert main([*arguments, "--force"]) == 0
    assert csv.read_text().startswith("time_s")


def test_every_format_holds_the_same_contour(recordings):
    for name in ("x.CSV", "x.npz", "x.PitchTier"):
        assert main(["f0", "a/x.wav", "--out", name]) == 0
    time_s, f0_hz, voicing = read((recordings / "x.CSV").read_text())
    with np.load("x.npz") as npz:
        for name, row in (("time_s", time_s), ("f0_hz", f0_hz), ("voicing", voicing)):
            np.testing.assert_allclose(npz[name], row, atol=0.005)
    tier = (recordings / "x.PitchTier").read_text()
    seconds = soundfile.info("a/x.wav").duration
    assert f"xmin = 0.000000\nxmax = {seconds:.6f}\n" in tier
    voiced = f0_hz > 0
    assert 0 < voiced.sum() < len(voiced)
    assert f"points: size = {voiced.sum()}\n" in tier
    points = re.findall(r"number = (.*)\n +value = (.*)\n", tier)
    expected = np.stack((time_s, f0_hz), 1)[voiced]
    np.testing.assert_allclose(np.array(points, float), expected, atol=0.006)


def test_unvoiced_frames_are_nan_if_wanted(recordings, capsys):
    assert main(["f0", "a/x.wav"]) == 0
    _, f0_hz, _ = read(capsys.readouterr().out)
    assert main(["f0", "a/x.wav", "--nan"]) == 0
    _, with_nan, _ = read(capsys.readouterr().out)
    np.testing.assert_array_equal(np.nan_to_num(with_nan), f0_hz)
    np.testing.assert_array_equal(np.isnan(with_nan), f0_hz == 0)


def test_a_section_of_one_side_of_a_call(recordings, capsys):
    """Voices of 120 and 240 Hz on two channels: each is found, at the file's times."""
    sides = torch.stack((voice(120.0, 2.0), voice(240.0, 2.0)), 1)
    soundfile.write("call.wav", sides.numpy(), 16000)
    for channel, expected in (("1", 120), ("2", 240)):
        section = ["--start", "0.5", "--end", "1.5", "--channel", channel]
        assert main(["f0", "call.wav", *section, "--hop", "5"]) == 0
        printed = capsys.readouterr()
        time_s, f0_hz, _ = read(printed.out)
        np.testing.assert_allclose(time_s, 0.5 + 0.005 * np.arange(201), atol=1e-4)
        assert np.abs(f0_hz[20:-20] - expected).max() < 3
        assert f"call.wav: 1.00 s, median f0 {expected} Hz, " in printed.err


def test_world_takes_no_more_than_memory_allows(recordings, monkeypatch, capsys):
    monkeypatch.setattr(f0, "LONGEST_WORLD", 1)
    assert main(["f0", "a/x.wav", "--tracker", "dio"]) == 1
    assert "dio and harvest take up to 0 min: choose a part" in capsys.readouterr().err
    assert main(["f0", "a/x.wav", "--tracker", "dio", "--end", "1"]) == 0
    assert main(["f0", "a/x.wav"]) == 0


def test_a_recording_without_a_voice_is_told(recordings, capsys):
    soundfile.write("silence.wav", np.zeros(16000), 16000)
    assert main(["f0", "silence.wav", "--out", "out"]) == 0
    printed = capsys.readouterr().out
    assert printed == "silence.wav: 1.00 s, nothing voiced\n1 of 1 written to out\n"


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
        (["a", "--out", "x.csv", "--format", "npz"], "--format npz: give only one"),
        (["a", "--format", "npz"], "npz, which can't be printed"),
        (["a", "--out", "bad.wav"], "bad.wav is a file: give one in .csv"),
        (["a", "--plot"], "--plot needs --out"),
        (["empty"], "empty holds no recordings: expected WAV"),
        (["missing.wav"], "missing.wav is not there"),
        (["bad.wav"], "bad.wav can't be read as audio"),
        (["a", "--f0-min", "300", "--f0-max", "200"], "300 and --f0-max 200 Hz"),
        (["a", "--hop", "0"], "--hop is 0 ms: expected 1 to 20 ms"),
        (["a", "--start", "2", "--end", "1"], "--start is 2 s and --end 1 s"),
        (["a", "--start", "-1"], "--start is -1 s"),
        (["a", "--start", "nan"], "--start is nan s"),
        (["a", "--end", "inf"], "and --end inf s"),
        (["a", "--start", "99"], "a/x.wav lasts"),
        (["a", "--channel", "0"], "--channel is 0: the first channel is 1"),
        (["a", "--channel", "2"], "a/x.wav has 1 channel(s): 2 is not one of them"),
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

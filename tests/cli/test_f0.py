"""``pitchrope f0``, from recordings to files of their contours."""

import io
import os
import re

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_pitchrope.cli import main, options
from speechbrain_pitchrope.processing.pitch import World
from tests.signals import utterance, voice


def read(text):
    """The columns time, f0 and voicing."""
    assert text.startswith("time_s,f0_hz,voicing\n")
    return np.loadtxt(io.StringIO(text), delimiter=",", skiprows=1).T


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


def test_bad_recordings_and_name_clashes_stop_none_of_the_others(recordings, capsys):
    wav = (recordings / "a/x.wav").read_bytes()
    (recordings / "cut.wav").write_bytes(wav[: len(wav) // 2])
    (recordings / "y.wav").write_bytes(wav)
    soundfile.write("huge.wav", np.full(9000, 1e30), 16000, subtype="FLOAT")
    soundfile.write("silence.wav", np.zeros(16000), 16000)
    for name in ("a/x.flac", "b/x.ogg"):
        soundfile.write(name, utterance().numpy(), 16000)
    inputs = ["a", "b", "bad.wav", "cut.wav", "huge.wav", "no.wav"]
    assert main(["f0", *inputs, "silence.wav", "y.wav", "--out", "out"]) == 1
    printed = capsys.readouterr()
    *lines, last = printed.out.splitlines()
    assert last == "2 of 10 written to out"
    assert lines[0] == "silence.wav: 1.00 s, nothing voiced"
    assert re.fullmatch(r"y\.wav: 1\.60 s, median f0 \d+ Hz, \d+ % voiced", lines[1])
    found = [path.name for path in (recordings / "out").rglob("*.*")]
    assert sorted(found) == ["silence.csv", "y.csv"]
    summary, *named = printed.err.splitlines()
    assert summary == "pitchrope f0: 8 of 10 recordings failed:"
    assert "a/x.wav: a/x.flac, a/x.wav would all be written to out/a/x.csv" in named[1]
    assert "b/x.ogg: b/x.flac, b/x.ogg would all be written to out/b/x.csv" in named[3]
    clashing = ["a/x.flac:", "a/x.wav:", "b/x.flac:", "b/x.ogg:"]
    assert [line.split()[0] for line in named] == [*clashing, *inputs[2:]]


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
    for name, line in zip(("samples.raw", "video.m4a"), named, strict=True):
        assert f"c/{name}: libsndfile does not read this" in line and "ffmpeg" in line


def test_what_exists_is_neither_redone_nor_overwritten(recordings, capsys, refused):
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
    told = refused("f0", "a/x.wav", "--out", "out/a/x.csv")
    assert "out/a/x.csv exists: give another --out, or --force" in told
    assert main([*arguments, "--force"]) == 0
    assert csv.read_text().startswith("time_s")


def test_every_format_holds_the_contour_of_the_tracker(recordings):
    for name in ("x.CSV", "new/x.npz", "x.PitchTier"):
        assert main(["f0", "a/x.wav", "--out", name, "--tracker", "dio"]) == 0
    assert main(["f0", "a/x.wav", "--out", "nan.csv", "--nan", "--tracker", "dio"]) == 0
    time_s, f0_hz, voicing = read((recordings / "x.CSV").read_text())
    samples, _ = soundfile.read("a/x.wav", dtype="float32")
    expected = World("dio")(torch.from_numpy(samples)[None])
    np.testing.assert_allclose(f0_hz, expected[0][0], atol=0.005)
    np.testing.assert_allclose(voicing, expected[1][0], atol=0.0005)
    _, with_nan, _ = read((recordings / "nan.csv").read_text())
    np.testing.assert_array_equal(with_nan, np.where(f0_hz > 0, f0_hz, np.nan))
    with np.load("new/x.npz") as npz:
        for name, row in (("time_s", time_s), ("f0_hz", f0_hz), ("voicing", voicing)):
            np.testing.assert_allclose(npz[name], row, atol=0.005)
    tier = (recordings / "x.PitchTier").read_text()
    seconds = soundfile.info("a/x.wav").duration
    assert f"xmin = 0.000000\nxmax = {seconds:.6f}\n" in tier
    voiced = f0_hz > 0
    assert 0 < voiced.sum() < len(voiced)
    assert f"points: size = {voiced.sum()}\n" in tier
    points = re.findall(r"number = (.*)\n +value = (.*)\n", tier)
    points_expected = np.stack((time_s, f0_hz), 1)[voiced]
    np.testing.assert_allclose(np.array(points, float), points_expected, atol=0.006)


@pytest.mark.parametrize("tracker", options.TRACKERS)
def test_a_section_of_one_side_of_a_call(recordings, capsys, tracker):
    """Voices of 120 and 240 Hz on two channels: each is found, at the file's times."""
    sides = torch.stack([voice(f0, 2.0, 44100) for f0 in (120.0, 240.0)], 1)
    soundfile.write("call.wav", sides.numpy(), 44100)
    for channel, expected in (("1", 120), ("2", 240)):
        section = ["--start", "0.5", "--end", "1.5", "--channel", channel]
        command = ["f0", "call.wav", *section, "--hop", "5", "--tracker", tracker]
        assert main(command) == 0
        printed = capsys.readouterr()
        time_s, f0_hz, voicing = read(printed.out)
        np.testing.assert_allclose(time_s, 0.5 + 0.005 * np.arange(201), atol=1e-4)
        assert np.abs(f0_hz[20:-20] - expected).max() < 3
        assert voicing[20:-20].min() >= 0.5
        assert f"call.wav: 1.00 s, median f0 {expected} Hz, " in printed.err


def test_what_cannot_be_done_is_said(recordings, refused):
    (recordings / "empty").mkdir()
    for arguments, message in (
        (["a", "b"], "there are 2 recordings and --out is not given"),
        (["a", "b", "--out", "x.csv"], "--out is x.csv: give a folder"),
        (["a", "--out", "x.csv", "--format", "npz"], "--format npz: give only one"),
        (["a", "--format", "npz"], "npz, which can't be printed"),
        (["a", "--out", "bad.wav"], "bad.wav is no folder: give one, or"),
        (["a", "--out", "x.txt"], "x.txt is no folder: give one, or a file in .csv"),
        (["empty"], "empty holds no recordings: expected WAV"),
        (["missing.wav"], "missing.wav is not there"),
        (["a", "--f0-min", "600"], "f0 range is 600.0 to 500.0 Hz: expected"),
        (["a", "--start", "2", "--end", "1"], "--start is 2 s and --end 1 s"),
    ):
        assert message in refused("f0", *arguments)


@pytest.mark.parametrize(
    "option", ["--hop 0", "--start=-1", "--start nan", "--end inf", "--channel 0"]
)
def test_numbers_out_of_bounds_are_refused(capsys, option):
    with pytest.raises(SystemExit, match="2"):
        main(["f0", "a.wav", *option.split()])
    assert re.search(rf"{option[:5]}\w*: \S+: expected ", capsys.readouterr().err)

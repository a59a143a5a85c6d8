"""``pitchrope plot``, from files to a picture."""

import re
import subprocess
import sys

import pytest
import soundfile
import torch

from speechbrain_pitchrope.cli import main
from tests.figures.test_training import LINES
from tests.signals import utterance


def test_pitch_of_a_stereo_recording(tmp_path, capsys):
    wav = utterance(seconds=1.2)
    soundfile.write(tmp_path / "a.wav", wav[:, None].repeat(1, 2).numpy(), 16000)
    out = tmp_path / "figures/a.png"
    assert main(["plot", "pitch", str(tmp_path / "a.wav"), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert out.read_bytes()[:4] == b"\x89PNG"


def test_training_as_svg(tmp_path):
    (tmp_path / "train_log.txt").write_text("\n".join(LINES) + "\n")
    out = tmp_path / "training.svg"
    assert main(["plot", "training", str(tmp_path), "--out", str(out)]) == 0
    assert "<svg" in out.read_text()


def test_a_folder_without_log_is_named(tmp_path, capsys):
    assert main(["plot", "training", str(tmp_path)]) == 1
    assert "train_log.txt is not there" in capsys.readouterr().err


def test_a_log_that_was_cut_short_is_named(tmp_path, capsys):
    (tmp_path / "train_log.txt").write_text("\n".join(LINES)[:-9])
    assert main(["plot", "training", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f"{tmp_path / 'train_log.txt'} was cut short" in error


def test_rotation_without_a_checkpoint_tells_its_settings(recording, tmp_path):
    out = tmp_path / "rotation.svg"
    arguments = ["plot", "rotation", recording]
    assert main([*arguments, "--pairs", "5", "--out", str(out)]) == 0
    text = out.read_text()
    assert "voice.wav; untrained, c = 4, rho = 0.2" in text
    assert "pair 5" in text and "pair 0" not in text


def test_rotation_and_similarity_of_a_checkpoint(recording, run_folder, tmp_path):
    for figure in ("rotation", "similarity"):
        out = tmp_path / f"{figure}.svg"
        arguments = ["--checkpoint", str(run_folder), "--layer", "1", "--head", "1"]
        assert main(["plot", figure, recording, *arguments, "--out", str(out)]) == 0
        assert "run listening (all), layer 1, head 1" in out.read_text()


def test_attention_of_some_heads_within_a_section(recording, run_folder, tmp_path):
    out = tmp_path / "attention.svg"
    arguments = ["--checkpoint", str(run_folder), "--layers", "0", "1", "--heads", "1"]
    arguments += ["--start", "0.2", "--end", "0.9", "--out", str(out)]
    assert main(["plot", "attention", recording, *arguments]) == 0
    text = out.read_text()
    assert "voice.wav (0.2 to 0.9 s)" in text
    assert "layer 0, head 1" in text and "layer 1, head 1" in text


def test_a_long_recording_is_cut_and_the_title_says_so(tmp_path):
    path, out = tmp_path / "long.wav", tmp_path / "long.svg"
    soundfile.write(path, utterance(seconds=10).numpy(), 16000)
    assert main(["plot", "rotation", str(path), "--out", str(out)]) == 0
    assert "long.wav (0 to 8 s)" in out.read_text()


@pytest.mark.parametrize(
    ("figure", "samples", "message"),
    [
        ("pitch", 16000, "none is voiced"),
        ("pitch", 0, "holds no samples"),
        ("rotation", 16000, "none is voiced"),
        ("similarity", 800, "gives 0.050 s"),
        ("attention", 16000, "none is voiced"),
        ("attention", 800, "gives 0.050 s"),
    ],
)
def test_no_speech(figure, samples, message, run_folder, tmp_path, capsys):
    noise = 1e-3 * torch.randn(samples, generator=torch.Generator().manual_seed(0))
    path = tmp_path / "noise.wav"
    soundfile.write(path, noise.numpy(), 16000)
    arguments = ["plot", figure, str(path)]
    if figure != "pitch":
        arguments += ["--checkpoint", str(run_folder)]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert message in error and "noise.wav" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("figure", ["pitch", "attention"])
def test_what_is_no_recording(figure, run_folder, tmp_path, capsys):
    (tmp_path / "text.wav").write_text("hello")
    arguments = ["--checkpoint", str(run_folder)] * (figure != "pitch")
    for name, message in (
        ("gone.wav", "gone.wav is not there"),
        ("", "is a folder"),
        ("text.wav", "text.wav can't be read as audio"),
    ):
        assert main(["plot", figure, str(tmp_path / name), *arguments]) == 1
        assert message in capsys.readouterr().err


def test_a_figure_that_can_not_be_saved(recording, tmp_path, capsys):
    """Refused before it is drawn where that can be known; nothing is left behind."""
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    for out, message in (
        ("folder.png", "folder.png is a folder: name a file in it"),
        ("a.tiff", "choose one of .png, .svg, .pdf"),
        ("noending", "choose one of .png, .svg, .pdf"),
        ("file/a.png", "file"),
    ):
        assert main(["plot", "pitch", recording, "--out", str(tmp_path / out)]) == 1
        assert message in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rotation", "--layer", "2"], "there is no layer 2: {} has 2, 0 to 1"),
        (["similarity", "--head", "7"], "there is no head 7: {} has 2, 0 to 1"),
        (["rotation", "--pairs", "0", "8"], "no rotary pair 8: this attention has 8"),
        (["attention", "--layers", "0", "3"], "there is no layer 3"),
        (["attention", "--heads", "2"], "there is no head 2"),
        (
            ["attention", "--start", "1", "--end", "0.5"],
            "--start is 1 s and --end 0.5 s",
        ),
        (["rotation", "--start", "3"], "voice.wav"),
        (["rotation", "--out", "a.jpg"], "--out is a.jpg: choose one of .png"),
    ],
)
def test_what_does_not_exist(arguments, message, recording, run_folder, capsys):
    figure, *rest = arguments
    command = ["plot", figure, recording, "--checkpoint", str(run_folder), *rest]
    assert main(command) == 1
    assert message.format(run_folder) in capsys.readouterr().err


def test_a_layer_of_no_checkpoint(recording, capsys):
    assert main(["plot", "similarity", recording, "--layer", "0"]) == 1
    assert "--layer and --head are those of a --checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("figure", ["rotation", "attention"])
def test_runs_that_can_not_be_drawn(figure, recording, rope_folder, tmp_path, capsys):
    for folder, message in (
        (rope_folder, "variant 'rope'"),
        (tmp_path, "holds no hyperparams.yaml"),
    ):
        assert main(["plot", figure, recording, "--checkpoint", str(folder)]) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("figure", ["pitch", "rotation", "similarity", "attention"])
def test_part_of_a_long_recording(figure, run_folder, tmp_path):
    path, out = tmp_path / "long.wav", tmp_path / "long.svg"
    wav = torch.cat((torch.zeros(16000 * 70), utterance(180.0)))
    soundfile.write(path, wav.numpy(), 16000)
    arguments = ["--start", "70", "--end", "71.5", "--out", str(out)]
    if figure != "pitch":
        arguments += ["--checkpoint", str(run_folder)]
    assert main(["plot", figure, str(path), *arguments]) == 0
    text = out.read_text()
    assert re.search(r"<!-- 71(\.0)? -->", text)
    if figure != "pitch":
        assert "long.wav (70 to 71.5 s)" in text


def test_pitch_by_the_tracker_asked_for(recording, tmp_path):
    """The voice runs from 151 to 214 Hz, so a range from 170 Hz on misses a part."""
    out, command = tmp_path / "a.svg", ["plot", "pitch", recording]
    assert main([*command, "--out", str(out)]) == 0
    default = out.read_bytes()
    command += ["--out", str(out), "--force"]
    assert main([*command, "--f0-min", "60", "--f0-max", "500"]) == 0
    assert out.read_bytes() == default
    assert main([*command, "--f0-min", "170", "--f0-max", "500"]) == 0
    assert out.read_bytes() != default


def test_what_exists_stays_without_force(recording, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pitch.png").write_text("mine")
    assert main(["plot", "pitch", recording]) == 1
    said = "pitch.png exists: give another --out, or --force to overwrite it"
    assert said in capsys.readouterr().err
    assert (tmp_path / "pitch.png").read_text() == "mine"
    assert main(["plot", "pitch", recording, "--force"]) == 0
    assert (tmp_path / "pitch.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(
    "arguments",
    [
        ["pitch", "gone.wav"],
        ["similarity", "gone.wav"],
        ["attention", __file__, "--checkpoint", "gone"],
        ["training", "gone"],
    ],
)
def test_a_wrong_path_is_told_before_torch_is_loaded(arguments):
    code = (
        "import sys; from speechbrain_pitchrope.cli import main; "
        "assert main(sys.argv[1:]) == 1; assert 'torch' not in sys.modules"
    )
    command = [sys.executable, "-c", code, "plot", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "is not there" in done.stderr

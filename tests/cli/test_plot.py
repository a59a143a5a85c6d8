"""``pitchrope plot``, from files to a picture."""

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_pitchrope.cli import main
from tests.figures.test_training import LINES
from tests.signals import utterance


def test_pitch_of_a_stereo_recording_and_training(tmp_path, capsys):
    wav = utterance(seconds=1.2)
    soundfile.write(tmp_path / "a.wav", wav[:, None].repeat(1, 2).numpy(), 16000)
    (tmp_path / "train_log.txt").write_text("\n".join(LINES) + "\n")
    for figure, source, name, begin in (
        ("pitch", "a.wav", "figures/a.png", b"\x89PNG"),
        ("training", ".", "training.svg", b"<?xm"),
    ):
        out = tmp_path / name
        assert main(["plot", figure, str(tmp_path / source), "--out", str(out)]) == 0
        assert capsys.readouterr().out == f"{out}\n"
        assert out.read_bytes()[:4] == begin


def test_without_a_checkpoint_or_an_end(tmp_path, refused):
    """Chosen values, and as much of the recording as can be seen."""
    path, out = tmp_path / "long.wav", tmp_path / "long.svg"
    soundfile.write(path, utterance(seconds=10).numpy(), 16000)
    command = ["plot", "rotation", str(path), "--pairs", "5", "--out", str(out)]
    assert main(command) == 0
    text = out.read_text()
    assert "long.wav (0 to 8 s); untrained, c = 4, rho = 0.2" in text
    assert "pair 5" in text and "pair 0" not in text
    assert "give its --checkpoint" in refused(*command, "--force", "--layer", "3")


@pytest.mark.parametrize("figure", ["rotation", "similarity", "attention"])
def test_a_trained_head_on_part_of_a_recording(figure, run_folder, tmp_path):
    path, out = tmp_path / "long.wav", tmp_path / "long.svg"
    wav = torch.cat((torch.zeros(16000 * 70), utterance(180.0)))
    soundfile.write(path, wav.numpy(), 16000)
    options = "--layers 1 --heads 1" if figure == "attention" else "--layer 1 --head 1"
    options = [*options.split(), "--start", "70", "--end", "71.5"]
    options += ["--checkpoint", str(run_folder)]
    assert main(["plot", figure, str(path), *options, "--out", str(out)]) == 0
    text = out.read_text()
    for said in ("long.wav (70 to 71.5 s)", "run all (all)", "layer 1, head 1"):
        assert said in text


@pytest.mark.parametrize(
    ("figure", "samples", "message"),
    [
        ("pitch", 16000, "none is voiced"),
        ("pitch", None, "can't be read as audio"),
        ("similarity", 800, "gives 0.050 s"),
    ],
)
def test_no_speech(figure, samples, message, run_folder, tmp_path, refused):
    path = tmp_path / "noise.wav"
    path.write_text("hello")
    if samples is not None:
        noise = np.random.default_rng(0).normal(0, 1e-3, samples)
        soundfile.write(path, noise, 16000)
    options = [] if figure == "pitch" else ["--checkpoint", str(run_folder)]
    error = refused("plot", figure, path, *options)
    assert message in error and "noise.wav" in error
    assert error.count("\n") == 1


def test_a_figure_that_can_not_be_saved(recording, tmp_path, refused):
    """Refused before it is drawn where that can be known; nothing is left behind."""
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "mine.png").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    for out, message in (
        ("folder.png", "folder.png is a folder: name a file in it"),
        ("a.tiff", "choose one of .png, .svg, .pdf"),
        ("noending", "choose one of .png, .svg, .pdf"),
        ("file/a.png", "file"),
        ("mine.png", "mine.png exists: give another --out, or --force"),
    ):
        assert message in refused("plot", "pitch", recording, "--out", tmp_path / out)
    assert sorted(tmp_path.rglob("*")) == before
    mine = tmp_path / "mine.png"
    assert mine.read_text() == "mine"
    assert main(["plot", "pitch", recording, "--out", str(mine), "--force"]) == 0
    assert mine.read_bytes()[:4] == b"\x89PNG"


def test_what_does_not_exist(recording, run_folder, refused):
    for figure, options, message in (
        ("rotation", "--layer 2", "there is no layer 2: {} has 2, 0 to 1"),
        ("rotation", "--pairs 0 8", "no rotary pair 8: this attention has 8"),
        ("attention", "--layers 2 0 5", "no layer 2, 5: {} has 2, 0 to 1"),
        ("attention", "--start 1 --end 0.5", "--start is 1 s and --end 0.5"),
    ):
        command = ("plot", figure, recording, *options.split())
        told = refused(*command, "--checkpoint", run_folder)
        assert message.format(run_folder) in told


def test_runs_that_can_not_be_drawn(recording, rope_folder, tmp_path, refused):
    for figure in ("rotation", "attention"):
        command = ("plot", figure, recording, "--checkpoint")
        assert "variant 'rope'" in refused(*command, rope_folder)
        assert "holds no hyperparams.yaml" in refused(*command, tmp_path)

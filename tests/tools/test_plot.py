"""``pitchrope plot``, from files to a picture."""

import soundfile

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
    (tmp_path / "train_log.txt").write_text("\n".join(LINES))
    out = tmp_path / "training.svg"
    assert main(["plot", "training", str(tmp_path), "--out", str(out)]) == 0
    assert "<svg" in out.read_text()


def test_a_folder_without_log_is_named(tmp_path, capsys):
    assert main(["plot", "training", str(tmp_path)]) == 1
    assert "train_log.txt is not there" in capsys.readouterr().err

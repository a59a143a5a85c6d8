"""Recordings for the commands that read some."""

import pytest
import soundfile

from tests.signals import utterance


@pytest.fixture
def recordings(tmp_path, monkeypatch):
    """Two recordings of one name and one that is none, in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, f0_hz in (("a/x.wav", 120.0), ("b/x.flac", 240.0)):
        (tmp_path / name).parent.mkdir()
        soundfile.write(name, utterance(f0_hz).numpy(), 16000)
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    return tmp_path

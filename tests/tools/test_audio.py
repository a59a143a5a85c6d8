"""Reading recordings for the command line."""

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_pitchrope.tools.audio import read_mono
from tests.signals import voice


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_any_rate_and_channel_count(tmp_path, rate):
    wav = voice(200.0, sample_rate=rate)
    left_right = np.stack([wav.numpy(), np.zeros(len(wav), np.float32)], 1)
    soundfile.write(tmp_path / "a.wav", left_right, rate, subtype="FLOAT")
    found = read_mono(tmp_path / "a.wav", 16000)
    expected = voice(200.0) / 2
    assert found.shape == (16000,)
    # Fewer harmonics survive at 8 kHz; the fundamental does.
    spectra = [torch.fft.rfft(x[1000:15000]).abs()[:200] for x in (found, expected)]
    assert spectra[0].argmax() == spectra[1].argmax() == 175


@pytest.mark.parametrize(
    "samples, message",
    [(np.zeros(0), "holds no samples"), (np.full(9, np.inf), "NaN or infinite")],
)
def test_useless_files_are_named(tmp_path, samples, message):
    soundfile.write(tmp_path / "bad.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(ValueError, match=rf"bad\.wav .*{message}"):
        read_mono(tmp_path / "bad.wav", 16000)


def test_what_is_not_audio_is_named(tmp_path):
    (tmp_path / "text.wav").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.wav can't be read as audio"):
        read_mono(tmp_path / "text.wav", 16000)

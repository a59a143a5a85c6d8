"""Reading recordings for the command line."""

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_pitchrope.dataio.audio import read_mono, read_pieces
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


def test_rates_without_a_common_divisor_are_like_their_neighbours(tmp_path):
    found = []
    for rate in (44100, 44101):
        wav = voice(200.0, sample_rate=rate).numpy()
        soundfile.write(tmp_path / "a.wav", wav, rate, subtype="FLOAT")
        found.append(read_mono(tmp_path / "a.wav", 16000))
    usual, odd = (x[1000:15000] for x in found)
    assert found[1].dtype == torch.float32 and abs(len(found[1]) - 16000) <= 1
    assert (odd - usual).norm() < 0.02 * usual.norm()


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


def test_what_is_no_file_is_told_as_such(tmp_path):
    with pytest.raises(ValueError, match=r"no\.wav is not there: expected the file"):
        read_mono(tmp_path / "no.wav", 16000)
    with pytest.raises(ValueError, match="is a folder: expected the file"):
        read_mono(tmp_path, 16000)


@pytest.fixture
def long(tmp_path):
    """Twenty seconds of voice at 22050 Hz that pauses at 4.2, 9.0, 13.1 and 17.5 s."""
    wav = voice(150.0, 20.0, 22050)
    for pause in (4.2, 9.0, 13.1, 17.5):
        middle = round(pause * 22050)
        wav[middle - 4410 : middle + 4410] *= 1e-3
    soundfile.write(tmp_path / "long.wav", wav.numpy(), 22050, subtype="FLOAT")
    return tmp_path / "long.wav", wav


def test_pieces_are_cut_in_pauses_and_leave_nothing_out(long):
    path, wav = long
    pieces = list(read_pieces(path, 22050, 6.0))
    assert torch.equal(torch.cat(pieces), wav)
    ends = torch.tensor([len(piece) for piece in pieces]).cumsum(0) / 22050
    assert (ends - torch.tensor([4.2, 9.0, 13.1, 17.5, 20.0])).abs().max() < 0.11


@pytest.mark.parametrize("longest", [20.0, 1000.0])
def test_a_recording_that_is_short_enough_is_one_piece(long, longest):
    path, _ = long
    (piece,) = read_pieces(path, 16000, longest)
    assert torch.equal(piece, read_mono(path, 16000))


@pytest.mark.parametrize("longest", [0.3, 1.0, 19.99])
def test_no_piece_is_too_long(long, longest):
    path, wav = long
    pieces = list(read_pieces(path, 22050, longest))
    assert torch.equal(torch.cat(pieces), wav)
    assert max(map(len, pieces)) <= round(longest * 22050)
    assert min(map(len, pieces)) > 0


def test_only_what_is_needed_is_read(long, monkeypatch):
    """The first piece is there before the rest of the file is looked at."""
    path, _ = long
    taken = []
    read = soundfile.SoundFile.read

    def count(file, frames, **kwargs):
        samples = read(file, frames, **kwargs)
        taken.append(len(samples))
        return samples

    monkeypatch.setattr(soundfile.SoundFile, "read", count)
    next(read_pieces(path, 16000, 5.0))
    assert sum(taken) == 5 * 22050 + 1


@pytest.mark.parametrize("seconds", [1.0, 18.0])
def test_pieces_that_are_useless_are_named(tmp_path, seconds):
    wav = voice(150.0, 20.0).numpy()
    wav[round(16000 * seconds)] = np.nan
    soundfile.write(tmp_path / "bad.wav", wav, 16000, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"bad\.wav holds NaN or infinite"):
        list(read_pieces(tmp_path / "bad.wav", 16000, 6.0))

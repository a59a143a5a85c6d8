"""Reading recordings for the command line."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_pitchrope.dataio import audio
from speechbrain_pitchrope.dataio.audio import (
    AudioError,
    inspect,
    read_mono,
    read_pieces,
)
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


@pytest.fixture(scope="module")
def noise():
    """A second of stereo noise at 44.1 kHz and a bit."""
    generator = np.random.default_rng(0)
    return generator.uniform(-0.5, 0.5, (44444, 2)).astype(np.float32)


@pytest.mark.parametrize("block_values", [7, 1000, 4096, 88888])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 44101])
def test_the_size_of_blocks_does_not_matter(
    tmp_path, noise, monkeypatch, rate, block_values
):
    soundfile.write(tmp_path / "a.wav", noise[:4001], rate, subtype="FLOAT")
    whole = read_mono(tmp_path / "a.wav", 16000)
    monkeypatch.setattr(audio, "BLOCK_VALUES", block_values)
    assert torch.equal(read_mono(tmp_path / "a.wav", 16000), whole)


@pytest.mark.parametrize("channel", [None, 1, 2])
def test_a_section_of_a_channel_is_those_samples(tmp_path, noise, channel):
    soundfile.write(tmp_path / "a.flac", noise, 44100)
    samples, _ = soundfile.read(tmp_path / "a.flac", dtype="float32")
    kept = samples.mean(1) if channel is None else samples[:, channel - 1]
    found = read_mono(tmp_path / "a.flac", 44100, 0.25, 0.5, channel)
    assert torch.equal(found, torch.from_numpy(kept[11025:22050]))


@pytest.mark.parametrize(
    "section, message",
    [
        ({"channel": 3}, "has 2 channel\\(s\\): 3 is not one"),
        ({"start": 1.1}, "lasts 1.01 s: no sample is from 1.1 s on"),
        ({"end": 1e-6}, "lasts 1.01 s: no sample is from 0 s to 1e-06 s"),
    ],
)
def test_a_section_that_is_not_there_is_named(tmp_path, noise, section, message):
    soundfile.write(tmp_path / "a.wav", noise, 44100)
    with pytest.raises(AudioError, match=rf"a\.wav {message}"):
        read_mono(tmp_path / "a.wav", 16000, **section)


FORMATS = {
    "WAV": ("PCM_16", "FLOAT", "IMA_ADPCM", "GSM610"),
    "AIFF": ("PCM_16",),
    "AU": ("PCM_16",),
    "W64": ("PCM_16",),
    "RF64": ("PCM_16",),
    "CAF": ("PCM_16",),
    "NIST": ("PCM_16",),
    "FLAC": ("PCM_16",),
    "OGG": ("VORBIS", "OPUS"),
    "MP3": ("MPEG_LAYER_III",),
}
CUTS = [(name, subtype) for name, subtypes in FORMATS.items() for subtype in subtypes]


@pytest.mark.parametrize("format_, subtype", CUTS)
def test_a_recording_that_breaks_off_is_named_under_any_name(
    tmp_path, noise, format_, subtype
):
    """Whole it is read though its name is wrong and can't be decoded; cut it is not."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.raw"))
    with open(path, "wb") as file:
        soundfile.write(file, noise[:, 0], 16000, format=format_, subtype=subtype)
    assert inspect(path).fault is None
    assert len(read_mono(path, 16000)) >= len(noise)
    content = path.read_bytes()
    # A CAF file may end with padding of which nothing need be there.
    padding = 2000 if format_ == "CAF" else 0
    for length in (len(content) - padding - 2, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(
            AudioError, match=r"raw (breaks off|can't be read)"
        ) as error:
            read_mono(path, 16000)
        assert error.value.kind in ("truncated_audio", "unreadable_audio")
        assert inspect(path).fault.kind == error.value.kind


@pytest.mark.parametrize("format_, subtype", [("WAV", "PCM_16"), ("FLAC", "PCM_16")])
def test_what_is_before_the_break_can_be_read(tmp_path, noise, format_, subtype):
    path = tmp_path / "a"
    soundfile.write(path, noise, 44100, format=format_, subtype=subtype)
    whole = read_mono(path, 44100, end=0.2)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert torch.equal(read_mono(path, 44100, end=0.2), whole)
    fault = inspect(path).fault
    assert fault.kind == "truncated_audio"
    # 0.5 of 1.01 s; FLAC is decoded in frames of about 0.1 s.
    assert (
        0.39
        < float(re.search(r"breaks off or is damaged after (\S+) s", fault.detail)[1])
        < 0.52
    )


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000 - 36])
def test_a_header_written_into_a_pipe_is_no_break(tmp_path, noise, size):
    soundfile.write(tmp_path / "a.wav", noise, 44100)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[40:44] = size.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    assert len(read_mono(tmp_path / "a.wav", 44100)) == len(noise)


@pytest.mark.parametrize(
    "samples, kind, message",
    [
        (np.zeros(0), "no_samples", "holds no samples"),
        (np.full(9, np.inf), "not_finite", "holds NaN or infinite samples"),
        (np.full(9, 1e30), "too_loud", r"holds a sample of 1e\+30, expected audio"),
    ],
)
def test_useless_samples_are_named(tmp_path, samples, kind, message):
    soundfile.write(tmp_path / "bad.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(AudioError, match=rf"bad\.wav {message}"):
        read_mono(tmp_path / "bad.wav", 16000)
    assert inspect(tmp_path / "bad.wav").fault.kind == kind


def test_what_is_not_audio_is_named(tmp_path):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("hello")
    for name, message in (
        ("no.wav", "is not there: expected a recording"),
        (".", "is a folder: expected a recording"),
        ("empty.wav", "is empty"),
        ("text.wav", r"can't be read as audio .*: if it is .* with ffmpeg"),
    ):
        with pytest.raises(AudioError, match=message):
            read_mono(tmp_path / name, 16000)
        assert inspect(tmp_path / name).fault is not None


def test_only_decoding_finds_silence(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "a.wav", np.zeros((100, 2)), 8000)
    assert inspect(tmp_path / "a.wav").fault.kind == "silent"
    monkeypatch.setattr(soundfile.SoundFile, "read", None)
    assert inspect(tmp_path / "a.wav", decode=False) == (8000, 2, 100, None)


@pytest.mark.parametrize("rate", [4, 2_000_000_000])
def test_rates_that_no_recorder_has_are_refused(tmp_path, noise, rate):
    soundfile.write(tmp_path / "a.wav", noise, 16000)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match="expected 1000 to 768000 Hz"):
        read_mono(tmp_path / "a.wav", 16000)


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
    monkeypatch.setattr(audio, "BLOCK_VALUES", 10000)
    taken = []
    read = soundfile.SoundFile.read

    def count(file, frames, **kwargs):
        samples = read(file, frames, **kwargs)
        taken.append(len(samples))
        return samples

    monkeypatch.setattr(soundfile.SoundFile, "read", count)
    next(read_pieces(path, 16000, 5.0))
    assert sum(taken) < 5 * 22050 + 20000


@pytest.mark.parametrize("seconds", [1.0, 18.0])
def test_pieces_that_are_useless_are_named(tmp_path, seconds):
    wav = voice(150.0, 20.0).numpy()
    wav[round(16000 * seconds)] = np.nan
    soundfile.write(tmp_path / "bad.wav", wav, 16000, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"bad\.wav holds NaN or infinite"):
        list(read_pieces(tmp_path / "bad.wav", 16000, 6.0))

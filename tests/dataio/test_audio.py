"""Reading recordings for the command line."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from speechbrain_pitchrope.dataio import audio
from tests.signals import voice


@pytest.fixture(scope="module")
def noise():
    """A second of stereo noise at 44.1 kHz and a bit."""
    return np.random.default_rng(0).uniform(-0.5, 0.5, (44444, 2)).astype(np.float32)


@pytest.mark.parametrize("block_values", [7, 1000, 4096, 1 << 20])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 44101])
def test_blocks_are_resampled_as_one(tmp_path, noise, monkeypatch, rate, block_values):
    """Averaged, too, at any size and rate; 44101 and 16000 have no common divisor."""
    soundfile.write(tmp_path / "a.wav", noise[:4001], rate, subtype="FLOAT")
    expected = scipy.signal.resample_poly(noise[:4001].mean(1), 16000, rate)
    monkeypatch.setattr(audio, "BLOCK_VALUES", block_values)
    found = audio.read_mono(tmp_path / "a.wav", 16000)
    torch.testing.assert_close(found, torch.from_numpy(expected))


@pytest.mark.parametrize("channel", [None, 1, 2])
def test_a_section_of_a_channel_is_those_samples(tmp_path, noise, channel):
    soundfile.write(tmp_path / "a.flac", noise, 44100)
    samples, _ = soundfile.read(tmp_path / "a.flac", dtype="float32")
    kept = samples.mean(1) if channel is None else samples[:, channel - 1]
    found = audio.read_mono(tmp_path / "a.flac", 44100, 0.25, 0.5, channel)
    assert torch.equal(found, torch.from_numpy(kept[11025:22050]))


CUTS = """
    WAV:PCM_16 WAV:FLOAT WAV:IMA_ADPCM WAV:GSM610 AIFF:PCM_16 AU:PCM_16 W64:PCM_16
    RF64:PCM_16 CAF:PCM_16 NIST:PCM_16 FLAC:PCM_16 OGG:VORBIS OGG:OPUS
    MP3:MPEG_LAYER_III
""".split()


@pytest.mark.parametrize("kind", CUTS)
def test_a_recording_that_breaks_off_is_named_under_any_name(tmp_path, noise, kind):
    """Whole it is read though its name is wrong and can't be decoded; cut it is not."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.raw"))
    format_, subtype = kind.split(":")
    with open(path, "wb") as file:
        soundfile.write(file, noise[:, 0], 16000, format=format_, subtype=subtype)
    assert audio.inspect(path).fault is None
    assert len(audio.read_mono(path, 16000)) >= len(noise)
    content = path.read_bytes()
    # A CAF file may end with padding of which nothing need be there.
    padding = 2000 if format_ == "CAF" else 0
    for length in (len(content) - padding - 2, len(content) // 2):
        path.write_bytes(content[:length])
        with pytest.raises(audio.AudioError, match=r"raw (breaks|can.t)") as error:
            audio.read_mono(path, 16000)
        assert error.value.kind in ("truncated_audio", "unreadable_audio")
        assert audio.inspect(path).fault.kind == error.value.kind


@pytest.mark.parametrize("size", [8192, 9000, 1 << 20])
@pytest.mark.parametrize("format_", ["WAV", "FLAC"])
def test_what_is_before_a_break_is_read(tmp_path, noise, monkeypatch, format_, size):
    path = tmp_path / "a"
    soundfile.write(path, noise, 44100, format=format_, subtype="PCM_16")
    whole = audio.read_mono(path, 44100, end=0.2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    monkeypatch.setattr(audio, "BLOCK_VALUES", size)
    assert torch.equal(audio.read_mono(path, 44100, end=0.2), whole)
    # Half of 1.01 s, less one frame of FLAC's of about 0.1 s.
    (seconds,) = re.findall(r"damaged after (\S+) s", audio.inspect(path).fault.detail)
    assert 0.36 < float(seconds) < 0.52


def edited(path, place, number):
    """Put a number of four bytes into a file's header."""
    content = bytearray(path.read_bytes())
    content[place : place + 4] = number.to_bytes(4, "little")
    path.write_bytes(content)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000 - 36])
def test_a_header_written_into_a_pipe_is_no_break(tmp_path, noise, size):
    soundfile.write(tmp_path / "a.wav", noise, 44100)
    edited(tmp_path / "a.wav", 40, size)
    assert len(audio.read_mono(tmp_path / "a.wav", 44100)) == len(noise)


def test_what_cannot_be_used_is_named(tmp_path, noise):
    soundfile.write(tmp_path / "a.wav", noise, 44100)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("hello")
    for bad, samples in (("none", []), ("infinite", [np.inf]), ("huge", [1e30])):
        path = tmp_path / f"{bad}.wav"
        soundfile.write(path, np.array(samples, np.float32), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "fast.wav", noise, 16000)
    edited(tmp_path / "fast.wav", 24, 2_000_000_000)
    for name, section, message in (
        ("no.wav", {}, "can't be read: No such file"),
        ("empty.wav", {}, "is empty"),
        ("text.wav", {}, "can't be read as audio .*: if it is .* with ffmpeg"),
        ("none.wav", {}, "holds no samples"),
        ("infinite.wav", {}, "holds NaN or infinite samples"),
        ("huge.wav", {}, r"holds a sample of 1e\+30, expected audio between -1 and 1"),
        ("fast.wav", {}, "of 2000000000 Hz in its header: expected 1000 to"),
        ("a.wav", {"channel": 3}, "has 2 channel.s.: 3 is not one of them"),
        ("a.wav", {"start": 1.1}, "lasts 1.01 s: no sample is from 1.1 s on"),
        ("a.wav", {"end": 1e-6}, "lasts 1.01 s: no sample is from 0 s to 1e-06 s"),
    ):
        with pytest.raises(audio.AudioError, match=message) as error:
            audio.read_mono(tmp_path / name, 16000, **section)
        assert str(error.value).startswith(f"{tmp_path / name} ")
        assert (audio.inspect(tmp_path / name).fault is None) == bool(section)


PAUSES = (4.2, 9.0, 13.1, 17.5)


@pytest.fixture
def long(tmp_path):
    """Twenty seconds of voice at 22050 Hz with pauses."""
    wav = voice(150.0, 20.0, 22050)
    for pause in PAUSES:
        middle = round(pause * 22050)
        wav[middle - 4410 : middle + 4410] *= 1e-3
    soundfile.write(tmp_path / "long.wav", wav.numpy(), 22050, subtype="FLOAT")
    return tmp_path / "long.wav", wav


@pytest.mark.parametrize(
    "longest, pauses",
    [(0.3, None), (1.0, None), (6.0, PAUSES), (19.99, None), (20.0, ()), (1e3, ())],
)
def test_pieces_are_cut_in_pauses_and_leave_nothing_out(long, longest, pauses):
    path, wav = long
    pieces = list(audio.read_pieces(path, 22050, longest))
    assert torch.equal(torch.cat(pieces), wav)
    lengths = torch.tensor([len(piece) for piece in pieces]) / 22050
    assert 0 < lengths.min() and lengths.max() <= longest + 1 / 22050
    if pauses is not None:
        assert (lengths.cumsum(0) - torch.tensor([*pauses, 20.0])).abs().max() < 0.11


def test_only_what_is_needed_is_read(long, monkeypatch):
    """The first piece is there before a break in the rest of the file is met."""
    path, wav = long
    monkeypatch.setattr(audio, "BLOCK_VALUES", 10000)
    path.write_bytes(path.read_bytes()[: 4 * 6 * 22050])
    pieces = audio.read_pieces(path, 22050, 5.0)
    first = next(pieces)
    assert torch.equal(first, wav[: len(first)])
    with pytest.raises(audio.AudioError, match="breaks off"):
        next(pieces)

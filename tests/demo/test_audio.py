import os

import numpy as np
import pytest
import soundfile

from speechbrain_pitchrope.demo.audio import (
    SAMPLE_RATE,
    add_room,
    resample,
    trim,
    write_flac,
    write_text,
)


def tone(hz, sample_rate, seconds=1.0):
    times = np.arange(int(seconds * sample_rate)) / sample_rate
    return np.sin(2 * np.pi * hz * times)


def test_resampling_keeps_what_fits_and_drops_what_does_not():
    middle = slice(1000, -1000)
    kept = resample(tone(1000, 22050), 22050)
    assert np.allclose(kept[middle], tone(1000, SAMPLE_RATE)[middle], atol=0.01)
    dropped = resample(tone(10000, 22050), 22050)
    assert np.abs(dropped[middle]).max() < 0.01


def test_trimming_leaves_nothing_to_trim():
    padded = np.pad(tone(200, SAMPLE_RATE), 500)
    assert len(trim(padded)) <= SAMPLE_RATE
    assert np.array_equal(trim(trim(padded)), trim(padded))


@pytest.mark.parametrize("seed", range(8))
def test_the_room_keeps_its_declared_ranges(seed):
    speech = tone(300, SAMPLE_RATE, 2.0) * 0.01
    samples = add_room(speech, np.random.default_rng(seed)) / 32767
    pauses = len(samples) - len(speech)
    assert 0.3 * SAMPLE_RATE - 2 <= pauses <= 1.0 * SAMPLE_RATE
    assert np.abs(samples).max() < 0.95

    def level(part):
        return 20 * np.log10(np.sqrt(np.mean(part**2)))

    # The shortest pause is pure noise, what follows the longest is speech.
    noise = level(samples[:2400])
    spoken = level(samples[8000 : len(speech)])
    assert -28.5 < spoken < -19.5
    assert 23 < spoken - noise < 42


def test_loud_peaks_are_turned_down():
    clicks = np.zeros(SAMPLE_RATE)
    clicks[::4000] = 1.0
    samples = add_room(clicks, np.random.default_rng(0)) / 32767
    assert np.abs(samples).max() == pytest.approx(0.9, abs=1e-4)


def test_flac_holds_the_very_samples(tmp_path):
    samples = np.random.default_rng(0).integers(-20000, 20000, 5000).astype(np.int16)
    path = tmp_path / "a" / "b.flac"
    write_flac(path, samples)
    info = soundfile.info(path)
    assert (info.format, info.subtype) == ("FLAC", "PCM_16")
    assert (info.samplerate, info.channels) == (SAMPLE_RATE, 1)
    assert np.array_equal(soundfile.read(path, dtype="int16")[0], samples)
    assert os.listdir(path.parent) == ["b.flac"]


def test_an_interruption_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_text(path, "old\n")

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_text(path, "new\n")
    assert path.read_text() == "old\n"

import numpy as np
import pytest
import soundfile

from speechbrain_pitchrope.demo.audio import SAMPLE_RATE, add_room, trim, write_flac


def tone(hz, seconds):
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def test_trimming_leaves_nothing_to_trim():
    trimmed = trim(np.pad(tone(200, 1.0), 500))
    assert SAMPLE_RATE - 2 <= len(trimmed) <= SAMPLE_RATE
    assert np.array_equal(trim(trimmed), trimmed)


@pytest.mark.parametrize("seed", range(4))
def test_the_room_keeps_its_declared_ranges(seed):
    speech = tone(300, 2.0) * 0.01
    samples = add_room(speech, np.random.default_rng(seed)) / 32767
    pauses = len(samples) - len(speech)
    assert 0.3 * SAMPLE_RATE - 2 <= pauses <= 1.0 * SAMPLE_RATE

    def level(part):
        return 20 * np.log10(np.sqrt(np.mean(part**2)))

    # The shortest pause is pure noise, what follows the longest is speech.
    noise = level(samples[:2400])
    spoken = level(samples[8000 : len(speech)])
    assert -28.5 < spoken < -19.5
    assert 23 < spoken - noise < 42


def test_loud_peaks_are_turned_down_and_flac_holds_the_very_samples(tmp_path):
    clicks = np.zeros(SAMPLE_RATE)
    clicks[::4000] = 1.0
    samples = add_room(clicks, np.random.default_rng(0))
    assert np.abs(samples / 32767).max() == pytest.approx(0.9, abs=1e-4)
    path = tmp_path / "a" / "b.flac"
    write_flac(path, samples)
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.samplerate) == ("FLAC", "PCM_16", 16000)
    assert np.array_equal(soundfile.read(path, dtype="int16")[0], samples)

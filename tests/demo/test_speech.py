"""The synthesiser, its voices, and what a microphone adds."""

import ctypes
import os
import signal
import sys

import numpy as np
import pytest
import torch

from speechbrain_pitchrope.demo.corpus import VOLUME
from speechbrain_pitchrope.demo.speech import SAMPLE_RATE, Espeak, add_room, resample
from speechbrain_pitchrope.demo.voices import PROBES, VOICES
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch

loader = pytest.importorskip("espeakng_loader")

TEXT = "the strange lawyer watched five apples."


# f1 has flutter, f5 has echo and breath. They speak differently the second time.
@pytest.mark.parametrize("variant", ["f1", "f5", "m4"])
def test_the_sound_depends_on_nothing_but_what_this_voice_has_said(variant):
    first, other = Espeak(f"en-us+{variant}"), Espeak("en-us+f3")
    spoken = [first.speak(TEXT, seed=3), first.speak(TEXT, seed=4)]
    other.speak("did anything else come before?", pitch=80, rate=250)
    again = Espeak(f"en-us+{variant}")
    ctypes.CDLL(None).rand()
    assert np.array_equal(spoken[0], again.speak(TEXT, seed=3))
    other.speak("and in between?")
    assert np.array_equal(spoken[1], again.speak(TEXT, seed=4))
    assert not np.array_equal(*spoken)


def test_errors_name_the_text_the_path_or_the_package(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="no voice 'xx'"):
        Espeak("xx")
    with pytest.raises(ValueError, match="or silence, for the text ' '"):
        Espeak("en-us").speak(" ")
    long = tmp_path / ("d" * 159)
    long.symlink_to(loader.get_data_path())
    monkeypatch.setattr(loader, "get_data_path", lambda: str(long))
    with pytest.raises(ValueError, match="its path is longer than the 159 bytes"):
        Espeak("en-us")
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(ImportError, match=r"'speechbrain_pitchrope\[demo\]'"):
        Espeak("en-us")


def test_an_interruption_while_espeak_speaks_is_not_swallowed(monkeypatch):
    def interrupted(*_):
        os.kill(os.getpid(), signal.SIGINT)
        return 1  # for espeak-ng to stop

    monkeypatch.setattr(Espeak, "_receive", interrupted)
    # A process in the background may have been started with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            Espeak("en-us").speak(TEXT)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("language", VOICES)
def test_each_split_has_low_and_high_voices(language):
    sexes = {}
    for voice in VOICES[language]:
        espeak = Espeak(voice.name)
        samples = espeak.speak(PROBES[language], volume=VOLUME, **voice.style)
        samples = resample(samples, espeak.sample_rate)
        f0_hz, _ = AutocorrelationPitch()(torch.from_numpy(samples)[None])
        median = float(f0_hz[f0_hz > 0].median())
        sexes.setdefault(voice.split, set()).add(voice.sex)
        assert (80 < median < 160) if voice.sex == "M" else (145 < median < 320)
        assert 0.15 < np.abs(samples).max() < 0.8
    assert len({voice.name for voice in VOICES[language]}) == len(VOICES[language])
    assert all(found == {"F", "M"} for found in sexes.values())


def tone(hz, seconds):
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


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

from dataclasses import replace

import numpy as np
import pytest

from speechbrain_pitchrope.demo.espeak import Espeak, EspeakError
from speechbrain_pitchrope.demo.voices import (
    VOICES,
    check_probes,
    f0_contour,
    probe_voice,
    select_voices,
)

pytest.importorskip("espeakng_loader")


@pytest.fixture(scope="module")
def espeak():
    return Espeak()


@pytest.fixture(scope="module")
def probes(espeak):
    return [probe_voice(voice, espeak) for voice in VOICES]


def test_every_voice_sounds_as_declared_and_unlike_the_others(probes):
    check_probes(probes)
    for probe in probes:
        assert probe.f0_hz == pytest.approx(probe.voice.f0_hz, rel=0.03)


@pytest.mark.parametrize("voice", VOICES)
def test_no_voice_comes_near_to_clipping(espeak, voice):
    samples = voice.speak(espeak, "has the happy captain already painted my apple box?")
    assert 0.2 < np.abs(samples).max() < 0.8


def test_the_voices_cover_the_human_range():
    assert len(VOICES) >= 12
    assert len({voice.speaker for voice in VOICES}) == len(VOICES)
    assert len({voice.variant for voice in VOICES}) == len(VOICES)
    assert min(voice.f0_hz for voice in VOICES) < 85
    assert max(voice.f0_hz for voice in VOICES) > 290
    for split in ("train-demo", "dev-demo", "test-demo"):
        declared = [voice.f0_hz for voice in VOICES if voice.split == split]
        assert min(declared) < 120
        assert max(declared) > 220


@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_a_voice_off_its_pitch_is_named(probes, factor):
    off = replace(probes[3], f0_hz=factor * probes[3].voice.f0_hz)
    with pytest.raises(EspeakError, match=f"voice {off.voice.speaker} .* declared"):
        check_probes([*probes[:3], off])


def test_a_variant_without_effect_is_caught(espeak):
    voice = VOICES[0]
    twin = replace(voice, speaker=199, rate=voice.rate + 15, pitch=voice.pitch + 2)
    twins = [probe_voice(voice, espeak), probe_voice(twin, espeak)]
    with pytest.raises(EspeakError, match=f"{voice.speaker} .* and 199 .* differ by"):
        check_probes(twins)


@pytest.mark.parametrize("voice", VOICES[::5])
def test_a_question_rises_where_a_statement_falls(espeak, voice):
    ends = []
    for ending in ".?":
        samples = voice.speak(espeak, f"did the sailor follow the yellow wagon{ending}")
        f0_hz = f0_contour(samples, espeak.sample_rate)
        voiced = f0_hz[f0_hz > 0]
        # Melody in the whole and its last 60 ms, in octaves.
        assert np.std(np.log2(voiced)) > 0.03
        ends.append(np.log2(np.median(voiced[-12:]) / np.median(voiced)))
    assert ends[1] - ends[0] > 0.15


def test_fewer_voices_stay_apart():
    assert select_voices() == VOICES
    assert [voice.speaker for voice in select_voices(2)] == [
        101,
        102,
        201,
        202,
        301,
        302,
    ]
    with pytest.raises(ValueError, match="0 voices per split: expected 1 or more"):
        select_voices(0)

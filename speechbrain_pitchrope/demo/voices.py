"""The speakers of the demo corpora (voices.yaml); do they sound as declared?"""

from pathlib import Path
from typing import NamedTuple

import torch
from ruamel.yaml import YAML

from speechbrain_pitchrope.demo.texts import between

# The name of each corpus' language in espeak-ng.
ESPEAK_LANGUAGES = {"en": "en-us", "cmn": "cmn-latn-pinyin", "yue": "yue-latn-jyutping"}

# What every voice says first, to be measured. It is not part of a corpus.
PROBES = {
    "en": "the clever doctor carried seven yellow flowers over the narrow bridge.",
    "cmn": "ma1 na2 ma3 la4 ma1 la2 na4",
    "yue": "maa1 naa2 laa3 maa4 naa5 laa6",
}

# An utterance of a tone corpus deviates by at most so much from its voice's style.
SPREAD = {"rate": 20, "pitch": 15, "pitch_range": 10}

F0_TOLERANCE = 1.15  # largest measured over declared median f0; the smallest, inverted


class Voice(NamedTuple):
    """One speaker of a demo corpus: its split, and its settings in espeak-ng."""

    speaker: int
    sex: str  # "F" or "M", the register
    split: str
    name: str  # language and variant, such as en-us+m1
    pitch: int
    pitch_range: int
    rate: int
    f0_hz: float  # median that these settings gave when measured in the probe

    @property
    def style(self):
        """Its own rate, pitch and pitch range, as arguments of `Espeak.speak`."""
        return {name: getattr(self, name) for name in SPREAD}

    def draw_style(self, rng):
        """Draw rate, pitch and pitch range of one utterance around its own."""
        return {
            name: value + between(rng, -SPREAD[name], SPREAD[name])
            for name, value in self.style.items()
        }


def _read_voices():
    """{language: its voices}, from voices.yaml."""
    tables = YAML(typ="safe").load(Path(__file__).with_name("voices.yaml"))
    voices = {"en": [Voice(*row) for row in tables["en"]], "cmn": [], "yue": []}
    for speaker, sex, kind, variant, pitch, *f0_hz in tables["tonal"]:
        for language, hertz in zip(("cmn", "yue"), f0_hz, strict=True):
            place = f"{kind}-{language}", f"{ESPEAK_LANGUAGES[language]}+{variant}"
            voices[language].append(Voice(speaker, sex, *place, pitch, 50, 130, hertz))
    return voices


VOICES = _read_voices()


def check_voice(voice, tracker, samples):
    """Raise a ValueError unless the median f0 of a probe [N] is near the declared."""
    f0_hz, _ = tracker(torch.from_numpy(samples)[None])
    median = float(f0_hz[f0_hz > 0].median())
    if not voice.f0_hz / F0_TOLERANCE <= median <= voice.f0_hz * F0_TOLERANCE:
        raise ValueError(
            f"voice {voice.speaker} ({voice.name}) has a median f0 of {median:.1f} Hz, "
            f"where {voice.f0_hz:.1f} Hz are declared: this espeak-ng speaks it "
            "differently; measure it again and correct the voice's f0_hz"
        )

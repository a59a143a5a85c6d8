"""The speakers of the demo corpora, of voices.yaml."""

from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

from speechbrain_pitchrope.demo.texts import between

# The name of each corpus' language in espeak-ng.
ESPEAK_LANGUAGES = {"en": "en-us", "cmn": "cmn-latn-pinyin", "yue": "yue-latn-jyutping"}

# What every voice says first; how it sounds afterwards depends on it.
PROBES = {
    "en": "the clever doctor carried seven yellow flowers over the narrow bridge.",
    "cmn": "ma1 na2 ma3 la4 ma1 la2 na4",
    "yue": "maa1 naa2 laa3 maa4 naa5 laa6",
}

# An utterance of a tone corpus deviates by at most so much from its voice's style.
SPREAD = {"rate": 20, "pitch": 15, "pitch_range": 10}


class Voice(NamedTuple):
    """One speaker of a demo corpus: its split, and its settings in espeak-ng."""

    speaker: int
    sex: str  # "F" or "M", the register
    split: str
    name: str  # language and variant, such as en-us+m1
    pitch: int
    pitch_range: int = 50
    rate: int = 130

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
    voices = {"en": [Voice(*row) for row in tables["en"]]}
    for tag in ("cmn", "yue"):
        voices[tag] = [
            Voice(*who, f"{kind}-{tag}", f"{ESPEAK_LANGUAGES[tag]}+{variant}", pitch)
            for *who, kind, variant, pitch in tables["tonal"]
        ]
    return voices


VOICES = _read_voices()

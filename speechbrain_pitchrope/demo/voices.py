"""The speakers of the demo corpora, and the check that they sound as declared."""

from typing import NamedTuple

import torch

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


# Within a split, low and high voices take turns, so that the first two differ much.
_ENGLISH = (
    (101, "M", "train-demo", "en-us+m1", 36, 50, 130, 82.0),
    (102, "F", "train-demo", "en-us+f3", 60, 60, 135, 240.0),
    (103, "M", "train-demo", "en-us+m3", 55, 70, 120, 116.0),
    (104, "F", "train-demo", "en-us+f1", 45, 50, 140, 171.0),
    (105, "M", "train-demo", "en-us+m7", 80, 45, 145, 139.0),
    (106, "F", "train-demo", "en-us+anika", 62, 50, 120, 304.0),
    (107, "M", "train-demo", "en-us+Michael", 38, 75, 140, 106.0),
    (108, "F", "train-demo", "en-us+Annie", 12, 55, 125, 199.0),
    (109, "M", "train-demo", "en-us+Nguyen", 53, 50, 135, 155.0),
    (110, "F", "train-demo", "en-us+belinda", 60, 80, 135, 268.0),
    (111, "M", "train-demo", "en-us+m6", 45, 40, 150, 94.0),
    (112, "F", "train-demo", "en-us+f2", 60, 40, 130, 211.0),
    (201, "M", "dev-demo", "en-us+m2", 60, 60, 135, 115.0),
    (202, "F", "dev-demo", "en-us+linda", 50, 55, 130, 232.0),
    (301, "M", "test-demo", "en-us+m4", 42, 60, 130, 91.0),
    (302, "F", "test-demo", "en-us+f5", 65, 65, 135, 249.0),
)

# Variant, base pitch, and median f0 (Hz) measured in Mandarin and in Cantonese. Low
# voices speak higher than their own pitch: at 35 they would fall below 60 Hz.
_TONAL = (
    (101, "M", "train", "m1", 60, 92.0, 86.0),
    (102, "F", "train", "f3", 50, 180.0, 157.0),
    (103, "M", "train", "m3", 60, 102.0, 93.0),
    (104, "F", "train", "f1", 50, 161.0, 148.0),
    (105, "M", "train", "m7", 60, 100.0, 89.0),
    (106, "F", "train", "f4", 50, 162.0, 148.0),
    (107, "M", "train", "Andy", 60, 100.0, 94.0),
    (108, "F", "train", "linda", 50, 214.0, 203.0),
    (109, "M", "train", "adam", 60, 100.0, 91.0),
    (110, "F", "train", "steph", 50, 174.0, 166.0),
    (111, "M", "train", "Mario", 60, 100.0, 89.0),
    (112, "F", "train", "Annie", 50, 190.0, 153.0),
    (201, "M", "dev", "m2", 60, 104.0, 98.0),
    (202, "F", "dev", "f2", 50, 171.0, 154.0),
    (301, "M", "test", "m4", 60, 90.0, 81.0),
    (302, "F", "test", "f5", 50, 185.0, 169.0),
    (303, "M", "test", "Nguyen", 50, 124.0, 107.0),
    (304, "F", "test", "Alicia", 50, 217.0, 196.0),
)


def _tonal_voices(language, column):
    """The voices of a tone language, from the table above."""
    voices = []
    for speaker, sex, kind, variant, pitch, *f0_hz in _TONAL:
        split, name = f"{kind}-{language}", f"{ESPEAK_LANGUAGES[language]}+{variant}"
        voices.append(Voice(speaker, sex, split, name, pitch, 50, 130, f0_hz[column]))
    return tuple(voices)


VOICES = {
    "en": tuple(Voice(*row) for row in _ENGLISH),
    "cmn": _tonal_voices("cmn", 0),
    "yue": _tonal_voices("yue", 1),
}


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

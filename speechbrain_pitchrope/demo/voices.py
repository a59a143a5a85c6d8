"""The speakers of the demo corpora, and the check that they sound as declared."""

from dataclasses import dataclass

import numpy as np
import torch

from speechbrain_pitchrope.demo.audio import SAMPLE_RATE, resample
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch

__all__ = ["ESPEAK_LANGUAGES", "PROBES", "VOICES", "Voice", "measure_f0"]

# The name of each corpus' language in espeak-ng.
ESPEAK_LANGUAGES = {
    "en": "en-us",
    "cmn": "cmn-latn-pinyin",
    "yue": "yue-latn-jyutping",
}

# What every voice says first, to be measured. It is not part of a corpus.
PROBES = {
    "en": "the clever doctor carried seven yellow flowers over the narrow bridge.",
    "cmn": "ma1 na2 ma3 la4 ma1 la2 na4",
    "yue": "maa1 naa2 laa3 maa4 naa5 laa6",
}

# Largest measured over declared median f0, and its inverse the smallest.
F0_TOLERANCE = 1.15


@dataclass(frozen=True)
class Voice:
    """One speaker of a demo corpus.

    Arguments
    ---------
    speaker : int
        Its number, as LibriSpeech numbers readers.
    sex : str
        'F' or 'M', the register of the voice.
    split : str
        The split that it speaks in; splits share no speaker.
    name : str
        Language and variant of espeak-ng, such as 'en-us+m1'.
    pitch : int
        espeak-ng's base pitch, 0 .. 99.
    pitch_range : int
        espeak-ng's pitch range, 0 (monotone) .. 99.
    rate : int
        Speaking rate in words per minute, 80 .. 450.
    f0_hz : float
        Median f0 that these settings gave when measured in the probe, in Hz.
    """

    speaker: int
    sex: str
    split: str
    name: str
    pitch: int
    pitch_range: int
    rate: int
    f0_hz: float

    @property
    def style(self):
        """Its own rate, pitch and pitch range, as arguments of `Espeak.speak`."""
        return {
            "rate": self.rate,
            "pitch": self.pitch,
            "pitch_range": self.pitch_range,
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
    (101, "M", "train", "m1", 60, 90.0, 83.0),
    (102, "F", "train", "f3", 50, 177.0, 158.0),
    (103, "M", "train", "m3", 60, 100.0, 93.0),
    (104, "F", "train", "f1", 50, 158.0, 148.0),
    (105, "M", "train", "m7", 60, 99.0, 90.0),
    (106, "F", "train", "f4", 50, 158.0, 149.0),
    (107, "M", "train", "Andy", 60, 97.0, 90.0),
    (108, "F", "train", "linda", 50, 211.0, 204.0),
    (109, "M", "train", "adam", 60, 98.0, 90.0),
    (110, "F", "train", "steph", 50, 173.0, 166.0),
    (111, "M", "train", "Mario", 60, 99.0, 90.0),
    (112, "F", "train", "Annie", 50, 185.0, 154.0),
    (201, "M", "dev", "m2", 60, 100.0, 96.0),
    (202, "F", "dev", "f2", 50, 168.0, 154.0),
    (301, "M", "test", "m4", 60, 89.0, 80.0),
    (302, "F", "test", "f5", 50, 181.0, 170.0),
    (303, "M", "test", "Nguyen", 50, 123.0, 108.0),
    (304, "F", "test", "Alicia", 50, 213.0, 197.0),
)


def _tonal_voices(language, column):
    espeak_language = ESPEAK_LANGUAGES[language]
    return tuple(
        Voice(
            speaker=speaker,
            sex=sex,
            split=f"{split}-{language}",
            name=f"{espeak_language}+{variant}",
            pitch=pitch,
            pitch_range=50,
            rate=130,
            f0_hz=f0_hz[column],
        )
        for speaker, sex, split, variant, pitch, *f0_hz in _TONAL
    )


VOICES = {
    "en": tuple(Voice(*row) for row in _ENGLISH),
    "cmn": _tonal_voices("cmn", 0),
    "yue": _tonal_voices("yue", 1),
}


def measure_f0(voice, samples, sample_rate):
    """Measure the median f0 of a voice's probe and compare it with the declared one.

    Arguments
    ---------
    voice : Voice
        The voice.
    samples : numpy.ndarray
        Its probe, samples [N], float.
    sample_rate : int
        Samples per second.

    Returns
    -------
    float
        Median f0 over the voiced frames, in Hz.

    Raises
    ------
    ValueError
        If it is off the declared one by more than 15 %.
    """
    wavs = torch.from_numpy(resample(samples, sample_rate).astype(np.float32))
    f0_hz, _ = AutocorrelationPitch(SAMPLE_RATE)(wavs[None])
    voiced = f0_hz[f0_hz > 0]
    median = float(voiced.median()) if len(voiced) else 0.0
    if not voice.f0_hz / F0_TOLERANCE <= median <= voice.f0_hz * F0_TOLERANCE:
        raise ValueError(
            f"voice {voice.speaker} ({voice.name}) has a median f0 of {median:.1f} Hz, "
            f"where {voice.f0_hz:.1f} Hz are declared: this espeak-ng speaks it "
            "differently; measure it again and correct the voice's f0_hz"
        )
    return median

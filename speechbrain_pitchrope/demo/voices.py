"""The speakers of the demo corpus, and the check that they sound as declared.

espeak-ng keeps its voice where it does not know the one asked for, so a setting that
was accepted is no proof. Each voice speaks one sentence, its pitch is measured in the
sound, and no two voices may have the same spectrum.
"""

import itertools
import warnings
from dataclasses import dataclass

import numpy as np
from scipy import signal

from speechbrain_pitchrope.demo.espeak import EspeakError

__all__ = [
    "VOICES",
    "Probe",
    "Voice",
    "check_probes",
    "f0_contour",
    "probe_voice",
    "select_voices",
]

LANGUAGE = "en-us"

# At espeak-ng's normal volume of 100 some variants clip.
VOLUME = 60

PROBE_TEXT = "the clever doctor carried seven yellow flowers over the narrow bridge."

# Largest measured over declared median f0, and its inverse the smallest.
F0_TOLERANCE = 1.15

# Least difference of two voices' long-term spectra, root mean square over bands.
MIN_SPECTRAL_DISTANCE_DB = 1.5


@dataclass(frozen=True)
class Voice:
    """One speaker of the demo corpus.

    Arguments
    ---------
    speaker : int
        Its number, as LibriSpeech numbers readers.
    sex : str
        'F' or 'M', the register that it is heard in.
    split : str
        The split that it speaks in; splits share no speaker.
    variant : str
        Variant of espeak-ng's voice, which sets the formants.
    pitch : int
        espeak-ng's base pitch, 0 .. 99.
    pitch_range : int
        espeak-ng's pitch range, 0 (monotone) .. 99.
    rate : int
        Speaking rate in words per minute, 80 .. 450.
    f0_hz : float
        Median f0 that these settings gave when measured, in Hz.

    Example
    -------
    >>> VOICES[0].name
    'en-us+m1'
    """

    speaker: int
    sex: str
    split: str
    variant: str
    pitch: int
    pitch_range: int
    rate: int
    f0_hz: float

    @property
    def name(self):
        """Name of the voice in espeak-ng (str)."""
        return f"{LANGUAGE}+{self.variant}"

    def speak(self, espeak, text, seed=0):
        """Speaks a text.

        Arguments
        ---------
        espeak : speechbrain_pitchrope.demo.espeak.Espeak
            The synthesiser.
        text : str
            What to say.
        seed : int
            Seed of the noise in variants that breathe, 0 .. 2**31 - 1.

        Returns
        -------
        numpy.ndarray
            Samples [N], float32 in -1 .. 1, at `espeak.sample_rate`.
        """
        return espeak.speak(
            text,
            self.name,
            rate=self.rate,
            pitch=self.pitch,
            pitch_range=self.pitch_range,
            volume=VOLUME,
            seed=seed,
        )


# Within a split, low and high voices take turns, so that the first two differ much.
VOICES = (
    Voice(101, "M", "train-demo", "m1", 36, 50, 130, 82.0),
    Voice(102, "F", "train-demo", "f3", 60, 60, 135, 240.0),
    Voice(103, "M", "train-demo", "m3", 55, 70, 120, 116.0),
    Voice(104, "F", "train-demo", "f1", 45, 50, 140, 171.0),
    Voice(105, "M", "train-demo", "m7", 80, 45, 145, 139.0),
    Voice(106, "F", "train-demo", "anika", 62, 50, 120, 304.0),
    Voice(107, "M", "train-demo", "Michael", 38, 75, 140, 106.0),
    Voice(108, "F", "train-demo", "Annie", 12, 55, 125, 199.0),
    Voice(109, "M", "train-demo", "Nguyen", 53, 50, 135, 155.0),
    Voice(110, "F", "train-demo", "belinda", 60, 80, 135, 268.0),
    Voice(111, "M", "train-demo", "m6", 45, 40, 150, 94.0),
    Voice(112, "F", "train-demo", "f2", 60, 40, 130, 211.0),
    Voice(201, "M", "dev-demo", "m2", 60, 60, 135, 115.0),
    Voice(202, "F", "dev-demo", "linda", 50, 55, 130, 232.0),
    Voice(301, "M", "test-demo", "m4", 42, 60, 130, 91.0),
    Voice(302, "F", "test-demo", "f5", 65, 65, 135, 249.0),
)


@dataclass(frozen=True)
class Probe:
    """What was measured in the sound of a voice.

    Arguments
    ---------
    voice : Voice
        The voice.
    f0_hz : float
        Median f0 over the voiced frames of the probe sentence, in Hz; 0 if none is.
    spectrum_db : tuple
        Its long-term spectrum: mean power in bands of 250 Hz from 0 to 8 kHz, in dB
        over their mean.
    """

    voice: Voice
    f0_hz: float
    spectrum_db: tuple


def probe_voice(voice, espeak):
    """Lets a voice speak the probe sentence and measures it.

    Arguments
    ---------
    voice : Voice
        The voice.
    espeak : speechbrain_pitchrope.demo.espeak.Espeak
        The synthesiser.

    Returns
    -------
    Probe
        Median f0 and long-term spectrum.
    """
    samples = voice.speak(espeak, PROBE_TEXT)
    f0_hz = f0_contour(samples, espeak.sample_rate)
    voiced = f0_hz[f0_hz > 0]
    frequencies, power = signal.welch(samples, espeak.sample_rate, nperseg=1024)
    bands = np.digitize(frequencies, np.arange(0, 8001, 250)) - 1
    levels = [10 * np.log10(power[bands == band].mean() + 1e-12) for band in range(32)]
    median = float(np.median(voiced)) if len(voiced) else 0.0
    return Probe(voice, median, tuple(np.subtract(levels, np.mean(levels)).tolist()))


def f0_contour(samples, sample_rate):
    """f0 of clean speech by WORLD: DIO refined by StoneMask (Morise, 2009).

    Arguments
    ---------
    samples : numpy.ndarray
        Samples [N] of any real type.
    sample_rate : int
        Samples per second.

    Returns
    -------
    numpy.ndarray
        f0 [T] in Hz, one value every 5 ms, 50 .. 500, or 0 where unvoiced.

    Example
    -------
    >>> seconds = np.arange(16000) / 16000
    >>> f0_hz = f0_contour(signal.sawtooth(2 * np.pi * 120 * seconds), 16000)
    >>> round(float(np.median(f0_hz)))
    120
    """
    with warnings.catch_warnings():
        # pyworld 0.3.5 asks pkg_resources for its version, which warns.
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        import pyworld
    samples = np.ascontiguousarray(samples, np.float64)
    f0, times = pyworld.dio(samples, sample_rate, f0_floor=50.0, f0_ceil=500.0)
    return pyworld.stonemask(samples, f0, times, sample_rate)


def check_probes(probes):
    """Raises an error unless every voice sounds as declared and unlike the others.

    Arguments
    ---------
    probes : list of Probe
        The measurements of all voices.

    Raises
    ------
    EspeakError
        If a voice's f0 is off its declared one by more than 15 %, or if two voices
        have the same long-term spectrum, which a variant without effect leaves.

    Example
    -------
    >>> flat = (0.0,) * 32
    >>> check_probes([Probe(VOICES[0], 2 * VOICES[0].f0_hz, flat)])
    Traceback (most recent call last):
    speechbrain_pitchrope.demo.espeak.EspeakError: voice 101 (en-us+m1) ...
    """
    for probe in probes:
        declared = probe.voice.f0_hz
        if not declared / F0_TOLERANCE <= probe.f0_hz <= declared * F0_TOLERANCE:
            raise EspeakError(
                f"voice {probe.voice.speaker} ({probe.voice.name}) has a median f0 of "
                f"{probe.f0_hz:.1f} Hz, where {declared:.1f} Hz are declared: the "
                "variant or the pitch setting had no effect, or this espeak-ng speaks "
                "it differently; measure it again and correct the voice's f0_hz"
            )
    for one, other in itertools.combinations(probes, 2):
        difference = np.subtract(one.spectrum_db, other.spectrum_db)
        distance_db = float(np.sqrt(np.mean(difference**2)))
        if distance_db < MIN_SPECTRAL_DISTANCE_DB:
            raise EspeakError(
                f"voices {one.voice.speaker} ({one.voice.name}) and "
                f"{other.voice.speaker} ({other.voice.name}) differ by "
                f"{distance_db:.2f} dB in their spectra, less than "
                f"{MIN_SPECTRAL_DISTANCE_DB} dB: they would be one speaker under two "
                "numbers; give one of them another variant"
            )


def select_voices(per_split=None):
    """Returns the first few voices of each split.

    Arguments
    ---------
    per_split : int, optional
        How many, 1 or more; all that there are by default.

    Returns
    -------
    tuple
        Voice objects, in the order of VOICES.

    Raises
    ------
    ValueError
        If fewer than one is asked for.

    Example
    -------
    >>> [voice.speaker for voice in select_voices(1)]
    [101, 201, 301]
    """
    if per_split is not None and per_split < 1:
        raise ValueError(f"{per_split} voices per split: expected 1 or more")
    chosen = {}
    for voice in VOICES:
        chosen.setdefault(voice.split, []).append(voice)
    return tuple(voice for split in chosen.values() for voice in split[:per_split])

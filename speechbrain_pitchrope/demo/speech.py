"""From a text to an utterance as a microphone would give it, by espeak-ng.

espeak-ng keeps state from one utterance to the next (the position in its table of
pitch flutter, the phase of the voice, echoes, random numbers), so a text sounds a
little different each time. Only a library that was just loaded starts from the same
state. `Espeak` therefore loads a copy of its own: the same voice speaking the same
texts in the same order gives the same samples.
"""

import ctypes
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import soundfile
from scipy import signal

from speechbrain_pitchrope.files import replacing

SAMPLE_RATE = 16000

# Values of speak_lib.h.
AUDIO_OUTPUT_SYNCHRONOUS, INITIALIZE_DONT_EXIT = 2, 0x8000
CHARS_UTF8, POS_CHARACTER = 1, 1
PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "pitch_range": 4}

# Ctrl-C interrupts the main thread only. In a callback there it would be swallowed by
# ctypes, together with the samples that the callback was given.
_SPEAKER = ThreadPoolExecutor(1)
_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)

TRIM_DB = -50.0  # below the peak; what is fainter at either end is espeak-ng's pause

# Each utterance draws uniformly from these.
PAUSE_SECONDS = (0.15, 0.5)
LEVEL_DB = (-28.0, -20.0)  # root mean square of the speech over full scale
SNR_DB = (25.0, 40.0)

MAX_PEAK = 0.9


class Espeak:
    """A freshly loaded espeak-ng with one voice: 'en-us' or, a variant, 'en-us+f2'.

    Example
    -------
    >>> espeak = Espeak("en-us+f2")
    >>> samples = espeak.speak("hello there.", rate=130)
    >>> samples.dtype, espeak.sample_rate
    (dtype('float32'), 22050)
    """

    def __init__(self, voice):
        try:
            import espeakng_loader as loader
        except ImportError as error:
            raise ImportError(
                "the demo corpus needs espeak-ng, from the package espeakng-loader: "
                "pip install 'speechbrain_pitchrope[demo]'"
            ) from error
        data = loader.get_data_path()
        self.voice, self._chunks = voice, []
        self._callback = _Callback(self._receive)  # ctypes does not keep it alive
        self._library = _load_copy(loader.get_library_path())
        self.sample_rate = self._library.espeak_Initialize(
            AUDIO_OUTPUT_SYNCHRONOUS, 0, os.fsencode(data), INITIALIZE_DONT_EXIT
        )
        self._library.espeak_SetSynthCallback(self._callback)
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(
                f"espeak-ng has no voice {voice!r} in {data}: name one that it has, "
                "such as 'en-us'; or its path is longer than the 159 bytes it reads"
            )

    @property
    def version(self):
        """Version of the library (str), such as '1.52.0'."""
        self._library.espeak_Info.restype = ctypes.c_char_p
        return self._library.espeak_Info(None).decode()

    def speak(self, text, *, seed=0, **parameters):
        """Speak a text: samples [N], float32 in -1 .. 1, at `sample_rate`.

        The seed is that of the noise in variants that breathe. Parameters are `rate` in
        words per minute, 80 .. 450 (175), `pitch`, 0 .. 99 (50 is the variant's own),
        `pitch_range`, 0 (monotone) .. 99 (50), and `volume`, 0 .. 200 (100, at which
        some variants clip). What is not given stays as it was.
        """
        for name, value in parameters.items():
            self._library.espeak_SetParameter(PARAMETERS[name], value, 0)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self._chunks.clear()
        text_and_size = text.encode(), ctypes.c_size_t(len(text.encode()) + 1)
        arguments = (*text_and_size, 0, POS_CHARACTER, 0, CHARS_UTF8, None, None)
        status = _SPEAKER.submit(self._library.espeak_Synth, *arguments).result()
        samples = np.concatenate([np.zeros(0, np.int16), *self._chunks])
        if status != 0 or not samples.any():
            raise ValueError(
                f"espeak-ng returned {status} and {len(samples)} samples, or silence, "
                f"for the text {text!r} in the voice {self.voice!r}: choose another"
            )
        return samples.astype(np.float32) / 32768

    def _receive(self, samples, length, _events):
        """Take samples from the library while it speaks."""
        if samples and length > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (length,)).copy())
        return 0


def _load_copy(path):
    """Load a copy of a shared library, which shares no state with other copies."""
    # A library that is in use cannot be deleted on Windows; its copy stays there.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return ctypes.CDLL(shutil.copy(path, folder))


def trim(samples):
    """Cut off the pauses at both ends of [N]: what is 50 dB or more below the peak."""
    loudness = np.abs(samples)
    (loud,) = np.nonzero(loudness > 10 ** (TRIM_DB / 20) * loudness.max())
    return samples[loud[0] : loud[-1] + 1]


def resample(samples, sample_rate):
    """Resample [N] to 16 kHz with a polyphase low-pass filter."""
    divisor = int(np.gcd(SAMPLE_RATE, sample_rate))
    return signal.resample_poly(samples, SAMPLE_RATE // divisor, sample_rate // divisor)


def add_room(speech, rng):
    """Put speech [N] at 16 kHz between pauses, at a random level, into faint noise.

    The ratio of speech to noise is that of the speech's level; a peak beyond 0.9 turns
    the whole down. Return samples [M], M > N, int16.
    """
    before, after = (rng.uniform(*PAUSE_SECONDS, size=2) * SAMPLE_RATE).astype(int)
    level = 10 ** (rng.uniform(*LEVEL_DB) / 20)
    snr = 10 ** (rng.uniform(*SNR_DB) / 20)
    speech = speech * (level / np.sqrt(np.mean(np.square(speech))))
    samples = np.pad(speech, (before, after))
    noise = rng.standard_normal(len(samples))
    if rng.random() < 0.5:  # pink: -3 dB an octave above 20 Hz
        frequencies = np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE)
        tilted = np.fft.rfft(noise) / np.sqrt(np.maximum(frequencies, 20.0))
        noise = np.fft.irfft(tilted, len(noise))
    samples = samples + noise * (level / snr / np.sqrt(np.mean(np.square(noise))))
    samples *= min(1.0, MAX_PEAK / np.abs(samples).max())
    return np.round(samples * 32767).astype(np.int16)


def write_flac(path, samples):
    """Write int16 samples [N] as 16-bit FLAC at 16 kHz, whole or not at all."""
    with replacing(path) as part:
        soundfile.write(part, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")

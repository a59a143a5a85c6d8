"""From the synthesiser's samples to an utterance as a microphone would give it."""

import io

import numpy as np
import soundfile
from scipy import signal

from speechbrain_pitchrope.files import write_whole

SAMPLE_RATE = 16000

# Each utterance draws uniformly from these.
PAUSE_SECONDS = (0.15, 0.5)
LEVEL_DB = (-28.0, -20.0)  # root mean square of the speech over full scale
SNR_DB = (25.0, 40.0)

MAX_PEAK = 0.9

# Samples this far below the peak at either end are the synthesiser's own pause.
TRIM_DB = -50.0


def resample(samples, sample_rate):
    """Resample [N] to 16 kHz with a polyphase low-pass filter."""
    divisor = int(np.gcd(SAMPLE_RATE, sample_rate))
    return signal.resample_poly(samples, SAMPLE_RATE // divisor, sample_rate // divisor)


def trim(samples):
    """Cut off the pauses at both ends of [N]: what is 50 dB or more below the peak."""
    loudness = np.abs(samples)
    (loud,) = np.nonzero(loudness > 10 ** (TRIM_DB / 20) * loudness.max())
    return samples[loud[0] : loud[-1] + 1]


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
    if rng.random() < 0.5:
        noise = _pink(noise)
    samples = samples + noise * (level / snr / np.sqrt(np.mean(np.square(noise))))
    samples *= min(1.0, MAX_PEAK / np.abs(samples).max())
    return np.round(samples * 32767).astype(np.int16)


def _pink(white):
    """Tilt white noise [N] by -3 dB an octave above 20 Hz."""
    spectrum = np.fft.rfft(white)
    frequencies = np.fft.rfftfreq(len(white), 1 / SAMPLE_RATE)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(frequencies, 20.0)), len(white))


def write_flac(path, samples):
    """Write int16 samples [N] as 16-bit FLAC at 16 kHz, whole or not at all."""
    flac = io.BytesIO()
    soundfile.write(flac, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    write_whole(path, flac.getvalue())

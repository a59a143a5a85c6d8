"""Recordings of known f0 for ``benchmarks/pitch.py``, and the noise put on them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from scipy.signal import butter, lfilter, sosfilt

SAMPLE_RATE = 16000
TRUTH_STEP = 0.005  # s from value to value of a truth
CLIP_SECONDS = 6.0
N_SYNTHETIC = 24
N_BABBLE = 6


class Clip(NamedTuple):
    """One recording.

    Arguments
    ---------
    name : str
        Its identifier.
    synthesis : str
        How it was made; results are given for each synthesis.
    wav : array
        Samples at 16 kHz, shape [N].
    f0_hz : array
        f0 in Hz every 5 ms from 0 s, 0 where unvoiced.
    """

    name: str
    synthesis: str
    wav: np.ndarray
    f0_hz: np.ndarray

    @property
    def speaker(self):
        """Number of the speaker, with which the name begins."""
        return self.name.partition("-")[0]

    def truth_at(self, times):
        """f0 at these times in s, by the nearest value; 0 beyond the end."""
        index = np.rint(times / TRUTH_STEP).astype(int)
        inside = (index >= 0) & (index < len(self.f0_hz))
        return np.where(inside, self.f0_hz[index.clip(0, len(self.f0_hz) - 1)], 0.0)


def read_clips(folder):
    """Clips of a folder of ``ID.<synthesis>.flac`` and ``ID.f0.txt``.

    The truth has one f0 in Hz a line, every 5 ms from 0 s, 0 where unvoiced.
    """
    clips = []
    for truth in sorted(Path(folder).glob("*.f0.txt")):
        name = truth.name.removesuffix(".f0.txt")
        f0_hz = np.loadtxt(truth, ndmin=1)
        for path in sorted(truth.parent.glob(f"{name}.*.flac")):
            wav, rate = soundfile.read(path, dtype="float32")
            if rate != SAMPLE_RATE or wav.ndim != 1:
                raise ValueError(f"{path}: expected mono at {SAMPLE_RATE} Hz")
            clips.append(Clip(name, path.name.split(".")[-2], wav, f0_hz))
    if not clips:
        raise ValueError(f"{folder} holds no ID.f0.txt with an ID.<synthesis>.flac")
    return clips


def make_clips(n_clips=N_SYNTHETIC):
    """Clips made on the spot: harmonics through formants, fricatives and silence.

    Easier than speech, since their voicing begins and ends at once; for use where no
    resynthesised speech is at hand.
    """
    return [_make_clip(seed) for seed in range(n_clips)]


def _make_clip(seed):
    rng = np.random.default_rng(seed)
    n_truth = int(CLIP_SECONDS / TRUTH_STEP)
    n_samples = int(CLIP_SECONDS * SAMPLE_RATE)
    level = 90 * 2 ** rng.uniform(0, 1.5)  # 90 .. 255 Hz
    walk = np.cumsum(rng.normal(0, 0.02, n_truth))
    smooth = np.convolve(walk, np.hanning(41) / np.hanning(41).sum(), "same")
    f0 = np.clip(level * 2 ** (smooth - smooth.mean()), 65, 450)
    voiced, start = np.zeros(n_truth, bool), 0
    while start < n_truth:
        length, gap = rng.integers(20, 120), rng.integers(10, 60)
        voiced[start + gap : start + gap + length] = True
        start += gap + length
    time = np.arange(n_samples) / SAMPLE_RATE
    grid = np.arange(n_truth) * TRUTH_STEP
    f0_samples = np.interp(time, grid, f0)
    phase = 2 * np.pi * np.cumsum(f0_samples) / SAMPLE_RATE
    wav = sum(np.sin(k * phase) * (k * f0_samples < 7000) / k for k in range(1, 80))
    gate = np.interp(time, grid, voiced.astype(float))
    noise = rng.normal(0, 0.3, n_samples)
    source = gate * wav + 0.1 * (1 - gate) * noise * (rng.random() < 0.7)
    for centre, width in ((500, 90), (1500, 110), (2500, 150)):
        radius = np.exp(-np.pi * width / SAMPLE_RATE)
        angle = 2 * np.pi * centre * rng.uniform(0.7, 1.4) / SAMPLE_RATE
        poles = [1, -2 * radius * np.cos(angle), radius**2]
        source = lfilter([sum(poles)], poles, source)
    wav = (0.3 * source / np.abs(source).max()).astype(np.float32)
    return Clip(f"made-{seed:02}", "made", wav, np.where(voiced, f0, 0.0))


def white_noise(clip, snr_db, seed):
    """The clip's samples with white noise, in dB under the power of the whole clip."""
    return _add(
        clip.wav, np.random.default_rng(seed).normal(size=len(clip.wav)), snr_db
    )


def mains_hum(clip, snr_db, seed):
    """The clip's samples with six harmonics of mains, 50 Hz or 60 Hz in turn."""
    rng = np.random.default_rng(seed)
    time = np.arange(len(clip.wav)) / SAMPLE_RATE
    mains = 50 if seed % 2 else 60
    hum = sum(
        weight * np.sin(2 * np.pi * mains * k * time + rng.uniform(0, 2 * np.pi))
        for k, weight in enumerate((1, 0.6, 0.4, 0.2, 0.15, 0.1), 1)
    )
    return _add(clip.wav, hum, snr_db)


def babble(clip, snr_db, seed, clips):
    """The clip's samples with six of the other clips at once, equally loud."""
    rng = np.random.default_rng(seed)
    others = [
        other
        for other in clips
        if other.synthesis == clips[0].synthesis and other.name != clip.name
    ]
    voices = []
    for i in rng.permutation(len(others))[:N_BABBLE]:
        wav = np.resize(others[i].wav, len(clip.wav))
        voices.append(wav / np.sqrt(np.square(wav).mean()))
    return _add(clip.wav, sum(voices), snr_db)


def telephone(clip):
    """The clip's samples in the band of a telephone, by a Butterworth of order 4."""
    band = butter(4, (300, 3400), "band", fs=SAMPLE_RATE, output="sos")
    return sosfilt(band, clip.wav).astype(np.float32)


def _add(wav, noise, snr_db):
    gain = np.sqrt(
        np.square(wav).mean() / np.square(noise).mean() / 10 ** (snr_db / 10)
    )
    return (wav + gain * noise).astype(np.float32)


CONDITIONS = {
    "clean": lambda clip, seed, clips: clip.wav,
    "white, 10 dB": lambda clip, seed, clips: white_noise(clip, 10, seed),
    "white, 0 dB": lambda clip, seed, clips: white_noise(clip, 0, seed),
    "hum, 10 dB": lambda clip, seed, clips: mains_hum(clip, 10, seed),
    "300-3400 Hz": lambda clip, seed, clips: telephone(clip),
    "babble, 10 dB": lambda clip, seed, clips: babble(clip, 10, seed, clips),
}

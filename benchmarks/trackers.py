"""The trackers that ``benchmarks/pitch.py`` compares, behind one function each.

A tracker here takes a batch of equally long recordings [B, N] at 16 kHz and returns,
for each, three arrays: times in s, f0 in Hz, and how sure it is of voicing. Trackers of
one recording at a time are looped over. Each is imported only when it is made; one that
is not installed raises ImportError, and the benchmark leaves it out by name.
"""

import os
import sys
import warnings
from contextlib import contextmanager

import numpy as np
import torch

SAMPLE_RATE = 16000
F0_MIN, F0_MAX = 60.0, 500.0
HOP_MS = 10


def on_grid(f0_hz, confidence, hop_in_s=HOP_MS / 1000):
    """Batched [B, T] results on a regular grid as a list of (times, f0, confidence)."""
    times = np.arange(f0_hz.shape[1]) * hop_in_s
    return [
        (times, f0, sure)
        for f0, sure in zip(f0_hz.numpy(), confidence.numpy(), strict=True)
    ]


@contextmanager
def no_output():
    """Keep what a library's C code prints out of the tables."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def ours():
    """AutocorrelationPitch as it comes."""
    from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch

    tracker = AutocorrelationPitch(SAMPLE_RATE, HOP_MS, F0_MIN, F0_MAX)
    return lambda wavs: on_grid(*tracker(wavs))


def world(method):
    """WORLD's DIO with StoneMask, or Harvest with its own voicing."""
    from speechbrain_pitchrope.processing.pitch import World

    tracker = World(method, SAMPLE_RATE, HOP_MS, F0_MIN, F0_MAX, n_threads=1)
    tracker.voicing_tracker = None
    return lambda wavs: on_grid(*tracker(wavs))


def torchaudio_pitch():
    """torchaudio's cross-correlation with median smoothing; it never says unvoiced."""
    from torchaudio.functional import detect_pitch_frequency

    def track(wavs):
        f0_hz = detect_pitch_frequency(
            wavs,
            SAMPLE_RATE,
            HOP_MS / 1000,
            freq_low=int(F0_MIN),
            freq_high=int(F0_MAX),
        )
        return on_grid(f0_hz, torch.ones_like(f0_hz))

    return track


def speechbrain_autocorrelation():
    """SpeechBrain's compute_autocorr_features on frames of 50 ms, its default."""
    from speechbrain.processing.vocal_features import compute_autocorr_features

    window, hop = SAMPLE_RATE // 20, SAMPLE_RATE * HOP_MS // 1000
    lags = int(SAMPLE_RATE / F0_MAX), int(SAMPLE_RATE / F0_MIN)

    def track(wavs):
        padded = torch.nn.functional.pad(wavs, (window // 2, window // 2))
        frames = padded.unfold(-1, window, hop)
        # The function divides by the energy of a frame: silence is no number there.
        harmonicity, best_lags = compute_autocorr_features(frames + 1e-9, *lags)
        return on_grid(SAMPLE_RATE / best_lags, harmonicity.nan_to_num())

    return track


def kaldi():
    """Kaldi's pitch (Ghahremani 2014) with its probability-of-voicing feature."""
    import kaldi_native_fbank as knf

    options = knf.PitchExtractionOptions()
    options.samp_freq, options.frame_shift_ms = SAMPLE_RATE, HOP_MS
    options.min_f0, options.max_f0, options.snip_edges = F0_MIN, F0_MAX, False
    output = knf.ProcessPitchOptions()
    output.add_normalized_log_pitch = output.add_delta_pitch = False
    output.add_pov_feature = output.add_raw_log_pitch = True

    def track_one(wav):
        samples = (wav * 32768).numpy()
        found = knf.compute_and_process_kaldi_pitch(options, output, samples)
        times = np.arange(len(found)) * HOP_MS / 1000
        # The feature is 2 (1.0001 - |nccf|) ** 0.15 - 2: it falls as voicing rises.
        return times, np.exp(found[:, 1]), -found[:, 0]

    return lambda wavs: [track_one(wav) for wav in wavs]


def swift_f0():
    """SwiftF0 (a small neural network), 16 ms from frame to frame."""
    from swift_f0 import SwiftF0

    network = SwiftF0(threads=1)

    def track_one(wav):
        found = network.detect(wav.numpy(), SAMPLE_RATE, fmin=F0_MIN, fmax=F0_MAX)
        return found.timestamps, found.pitch_hz, found.confidence

    return lambda wavs: [track_one(wav) for wav in wavs]


def pesto_network():
    """PESTO (A. Riou et al., ISMIR 2023), trained without labels."""
    import pesto

    def track_one(wav):
        found = pesto.predict(wav, SAMPLE_RATE, step_size=HOP_MS)
        times, f0_hz, confidence = (x.numpy() for x in found[:3])
        return times / 1000, f0_hz, confidence

    return lambda wavs: [track_one(wav) for wav in wavs]


def reaper():
    """REAPER (Talkin): epochs and pitch together."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        import pyreaper

    def track_one(wav):
        samples = (wav * 32767).clamp(-32768, 32767).numpy().astype(np.int16)
        with no_output():
            _, _, times, f0_hz, _ = pyreaper.reaper(
                samples, SAMPLE_RATE, F0_MIN, F0_MAX, frame_period=HOP_MS / 1000
            )
        return times, f0_hz, (f0_hz > 0).astype(np.float32)

    return lambda wavs: [track_one(wav) for wav in wavs]


def praat():
    """Praat's autocorrelation method (Boersma 1993) through parselmouth."""
    import parselmouth

    def track_one(wav):
        sound = parselmouth.Sound(wav.double().numpy(), SAMPLE_RATE)
        pitch = sound.to_pitch_ac(
            time_step=HOP_MS / 1000, pitch_floor=F0_MIN, pitch_ceiling=F0_MAX
        )
        f0_hz = pitch.selected_array["frequency"]
        return pitch.xs(), f0_hz, (f0_hz > 0).astype(np.float32)

    return lambda wavs: [track_one(wav) for wav in wavs]


def torchcrepe(model="tiny"):
    """CREPE in torch, its small model, with Viterbi decoding."""
    import torchcrepe as crepe

    hop = SAMPLE_RATE * HOP_MS // 1000

    def track_one(wav):
        f0_hz, sure = crepe.predict(
            wav[None], SAMPLE_RATE, hop, F0_MIN, F0_MAX, model, return_periodicity=True
        )
        return (
            np.arange(f0_hz.shape[1]) * HOP_MS / 1000,
            f0_hz[0].numpy(),
            sure[0].numpy(),
        )

    return lambda wavs: [track_one(wav) for wav in wavs]


TRACKERS = {
    "AutocorrelationPitch (ours)": ours,
    "DIO + StoneMask (pyworld)": lambda: world("dio"),
    "Harvest (pyworld)": lambda: world("harvest"),
    "torchaudio detect_pitch_frequency": torchaudio_pitch,
    "SpeechBrain compute_autocorr_features": speechbrain_autocorrelation,
    "Kaldi pitch (kaldi-native-fbank)": kaldi,
    "SwiftF0 (swift-f0)": swift_f0,
    "PESTO (pesto-pitch)": pesto_network,
    "REAPER (pyreaper)": reaper,
    "Praat ac (praat-parselmouth)": praat,
    "CREPE tiny (torchcrepe)": torchcrepe,
}

PACKAGES = (
    "torch",
    "torchaudio",
    "speechbrain",
    "pyworld-prebuilt",
    "kaldi-native-fbank",
    "swift-f0",
    "pesto-pitch",
    "pyreaper",
    "praat-parselmouth",
    "torchcrepe",
)
"""What the trackers come from, for the list of versions."""

DECIDED = ("AutocorrelationPitch (ours)",)
"""Trackers whose voicing is a probability, decided at 0.5 and nowhere else."""

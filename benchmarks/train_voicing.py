"""Train the network that tells voiced from unvoiced frames.

    python benchmarks/train_voicing.py --data FOLDER --recordings FOLDER

``FOLDER`` is that of ``benchmarks/pitch.py``: clips whose f0 is known. The network
learns from every other speaker, those that ``pitch.py --held-out`` leaves out. Each
clip is used many times, changed at random: speed, noise of all colours, hum, babble,
reverberation, filters, clicks, an offset, cuts without a pause, long quiet margins.
Sustained voices, noise alone, and quiet beginnings of real recordings of the same
speakers (``--recordings``, files named as in LibriSpeech) are added. The path through
the candidates is part of what is trained, so that ``voicing`` comes out as a
probability. Writes ``voicing.json`` into the package.
"""

import argparse
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import soundfile
import torch
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

sys.path.insert(0, str(Path(__file__).resolve().parent))
from pitch_clips import SAMPLE_RATE, Clip, babble, mains_hum, read_clips

from speechbrain_pitchrope.processing import autocorrelation
from speechbrain_pitchrope.processing import voicing as voice
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch

HOP = SAMPLE_RATE // 100
N_HIDDEN = 32
FEATURE_NOISE = 0.15  # of a feature's deviation: nine speakers are easily learnt
WEIGHTS = Path(voice.__file__).with_name("voicing.json")


def coloured_noise(rng, n_samples):
    """Noise with a random slope, or of a random band, of unit power."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    hertz = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    kind = rng.random()
    if kind < 0.6:
        spectrum *= np.maximum(hertz, 20.0) ** (-rng.uniform(-0.3, 1.5))
    if kind > 0.4:
        low = 30 * 2 ** rng.uniform(0, 4)
        high = low * 2 ** rng.uniform(0.8, 4)
        leak = 10 ** (-rng.uniform(1, 4))
        spectrum *= np.where((hertz > low) & (hertz < high), 1.0, leak)
    noise = np.fft.irfft(spectrum, n_samples)
    return noise / (noise.std() + 1e-12)


def sustained_voice(rng):
    """A vowel or a tone of 60 to 1000 Hz, gliding or not, and its f0 every 10 ms."""
    n_samples = int(rng.uniform(1, 4) * SAMPLE_RATE)
    time = np.arange(n_samples) / SAMPLE_RATE
    f0 = 60 * 2 ** rng.uniform(0, 4.05)
    f0 = f0 * (
        1 + rng.uniform(0, 0.06) * np.sin(2 * np.pi * rng.uniform(0.5, 6) * time)
    )
    phase = 2 * np.pi * np.cumsum(f0) / SAMPLE_RATE
    corner, order = rng.uniform(200, 1500), rng.uniform(1, 3)
    n_harmonics = 1 if rng.random() < 0.15 else int(4000 / f0.max())
    wav = sum(
        np.cos(k * phase + k * k) / (1 + (k * f0 / corner) ** order)
        for k in range(1, max(1, n_harmonics) + 1)
    )
    return 0.2 * wav / wav.std(), f0[::HOP]


def change(rng, clip, clips):
    """One clip changed at random: samples and f0 every 10 ms."""
    wav, f0 = clip.wav.astype(float), clip.f0_hz
    speed = rng.integers(8, 14)
    if speed != 10:
        wav = resample_poly(wav, 10, speed)
        index = np.arange(int(len(f0) * 10 / speed)) * speed // 10
        f0 = f0[index] * speed / 10
    f0 = f0[::2]
    f0 = np.pad(f0, (0, max(0, len(wav) // HOP + 1 - len(f0))))[: len(wav) // HOP + 1]
    if rng.random() < 0.2:  # a word without a pause, or a start within speech
        edges = np.flatnonzero(np.diff(np.r_[0, f0 > 0, 0]))
        starts, ends = edges[::2], edges[1::2]
        long = np.flatnonzero(ends - starts >= 25)
        if len(long):
            i = rng.choice(long)
            j = min(len(ends) - 1, i + rng.integers(0, 3))
            first, last = starts[i], ends[j]
            wav, f0 = wav[first * HOP : (last - 1) * HOP + 1], f0[first:last]
    level = np.abs(wav).std() + 1e-9
    if rng.random() < 0.2:
        before, after = (int(rng.uniform(0, 3) * 100) for _ in range(2))
        wav = np.pad(wav, (before * HOP, after * HOP))
        f0 = np.pad(f0, (before, after))[: len(wav) // HOP + 1]
    changed = Clip(clip.name, clip.synthesis, wav, f0)
    seed = int(rng.integers(1 << 30))
    kind = rng.random()
    if kind < 0.1:
        wav = mains_hum(changed, rng.uniform(5, 25), seed)
    elif kind < 0.13:
        wav = babble(changed, rng.uniform(5, 20), seed, clips)
    elif kind < 0.17:
        tail = np.exp(-np.arange(6000) / SAMPLE_RATE * 6.9 / rng.uniform(0.15, 0.5))
        room = rng.standard_normal(6000) * tail * rng.uniform(0.02, 0.1)
        room[0] = 1
        wav = fftconvolve(wav, room)[: len(wav)]
    elif kind < 0.29:
        band = rng.uniform(100, 350), rng.uniform(2500, 4000)
        sections = butter(4, band, "band", fs=SAMPLE_RATE, output="sos")
        # Three in ten are twice as steep.
        wav = sosfilt(np.tile(sections, (1 + (rng.random() < 0.3), 1)), wav)
    elif kind < 0.33:
        wav = wav.copy()
        wav[:: int(rng.uniform(2000, 12000))] += rng.uniform(0.5, 9) * np.abs(wav).max()
    elif kind < 0.38:
        time = np.arange(len(wav)) / SAMPLE_RATE
        wav = wav - rng.uniform(1, 9) * np.abs(wav).max() * np.exp(-time / 0.03)
    if rng.random() < 0.7:
        snr = rng.uniform(-3, 15) if rng.random() < 0.6 else rng.uniform(25, 80)
        white = rng.random() < 0.5
        noise = (
            rng.standard_normal(len(wav)) if white else coloured_noise(rng, len(wav))
        )
        wav = wav + level * 10 ** (-snr / 20) * noise
    return wav, f0


def examples(rng, clips, n_copies):
    """Samples and f0 of each example."""
    for _ in range(n_copies):
        for clip in clips:
            others = [other for other in clips if other.speaker != clip.speaker]
            yield change(rng, clip, others)
        for _ in range(len(clips) // 6):
            wav, f0 = sustained_voice(rng)
            snr = rng.uniform(0, 60)
            noise = coloured_noise(rng, len(wav))
            if rng.random() < 0.3:
                wav, f0 = 0 * wav + 1e-6, 0 * f0
            yield wav + 0.2 * 10 ** (-snr / 20) * noise, f0


def quiet_beginnings(folder, speakers):
    """Real recordings of these speakers, up to a second after their quiet beginning.

    Quiet is what is 30 dB or more below the loudest frame, up to 0.15 s before the
    first that is not. f0 is 0 there, and -1, unknown, in the second behind it.
    """
    for path in sorted(Path(folder).rglob("*-*-*.*")):
        if path.name.partition("-")[0] not in speakers:
            continue
        wav, _ = soundfile.read(path)
        power = np.square(wav[: len(wav) // HOP * HOP].reshape(-1, HOP)).mean(1)
        start = np.flatnonzero(power > 1e-3 * power.max())[0] - 15
        if start > 20:
            f0 = np.zeros(start + 101)
            f0[start:] = -1
            yield wav[: (start + 100) * HOP], f0


def analyse(tracker, data):
    """Candidates, features and f0 of all frames, cut into equally long rows."""
    parts = []
    for wav, f0 in data:
        n_frames = len(wav) // HOP + 1
        with torch.no_grad():
            peaks, features, is_above = tracker.analyse(
                torch.from_numpy(wav).float()[None], n_frames
            )
        truth = torch.from_numpy(np.pad(f0, (0, max(0, n_frames - len(f0)))))[:n_frames]
        columns = *peaks, features, is_above[None].float(), truth[None, None].float()
        parts.append(torch.cat(columns)[:, 0])
    joined = torch.cat(parts, 1)
    n_rows = joined.shape[1] // 250
    return joined[:, : n_rows * 250].view(len(joined), n_rows, 250)


def split(rows):
    """Candidates, features, what is above the range and f0 of rows [n, B, T]."""
    n = autocorrelation.N_RANGES
    octaves, score, features = rows[:n], rows[n : 2 * n], rows[2 * n : -2]
    return autocorrelation.Candidates(octaves, score), features, rows[-2], rows[-1]


def train(tracker, rows, n_steps, seed):
    """Train the tracker's network on rows of frames."""
    network = tracker.voicing_network
    features = split(rows)[1]
    mean, std = features.flatten(1).mean(1), features.flatten(1).std(1) + 1e-3
    generator = torch.Generator().manual_seed(seed)
    n = len(mean)
    hidden = torch.randn(N_HIDDEN, n, generator=generator) / n**0.5
    output = 0.1 * torch.randn(1, N_HIDDEN, generator=generator)
    weights = [hidden, torch.zeros(N_HIDDEN), output, torch.full((1,), -0.85)]
    weights = [weight.requires_grad_() for weight in weights]
    optimiser = torch.optim.Adam(weights, 0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)

    def put():
        network.hidden = weights[0] / std
        network.hidden_bias = weights[1] - network.hidden @ mean
        network.output, network.output_bias = weights[2], weights[3]

    for step in range(n_steps):
        chosen = torch.randint(rows.shape[1], (32,), generator=generator)
        peaks, features, is_above, truth = split(rows[:, chosen])
        put()
        blur = torch.randn(features.shape, generator=generator) * std[:, None, None]
        features = features + FEATURE_NOISE * blur
        _, voicing = tracker.decide(peaks, network(features) + 2 * is_above)
        loss = torch.nn.functional.binary_cross_entropy(
            voicing.clamp(1e-6, 1 - 1e-6),
            (truth > 0).float(),
            # A voice above the range is not for it to tell.
            weight=((truth >= 0) & (truth < tracker.f0_max)).float(),
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 250 == 0:
            print(f"step {step}: {loss.item():.4f}", flush=True)
    with torch.no_grad():
        put()
    for name in ("hidden", "hidden_bias", "output", "output_bias"):
        setattr(network, name, getattr(network, name).detach())


def main():
    """Train and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="folder of clips with their f0")
    parser.add_argument("--copies", type=int, default=60, help="changes of each clip")
    parser.add_argument("--steps", type=int, default=2500, help="steps of 32 rows")
    parser.add_argument("--recordings", help="folder of real speech: SPEAKER-*-*.*")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(1)
    tracker = AutocorrelationPitch()
    clips = read_clips(args.data)
    speakers = sorted({clip.speaker for clip in clips}, key=int)
    learned = [clip for clip in clips if clip.speaker in speakers[::2]]
    rng = np.random.default_rng(args.seed)
    data = examples(rng, learned, args.copies)
    if args.recordings:
        quiet = quiet_beginnings(args.recordings, speakers[::2])
        data = itertools.chain(data, quiet)
    rows = analyse(tracker, data)
    print(f"{rows.shape[1] * 2.5 / 60:.0f} minutes of examples")
    train(tracker, rows, args.steps, args.seed)
    weights = {
        name: [[round(x, 5) for x in row] for row in values.tolist()]
        if values.ndim == 2
        else [round(x, 5) for x in values.tolist()]
        for name, values in tracker.voicing_network.named_buffers()
    }
    WEIGHTS.write_text(json.dumps({"weights": weights}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Accuracy and speed of f0 trackers, side by side, on recordings of known f0.

    python benchmarks/pitch.py [--data FOLDER [--held-out]] [--trackers ours] [--quick]

``FOLDER`` holds ``ID.<synthesis>.flac`` with ``ID.f0.txt`` (f0 in Hz every 5 ms);
without it, clips are synthesised on the spot. An ID begins with its speaker's number:
``--held-out`` leaves out the first of them and every other one after, by number, on
whom our voicing network was trained. Every tracker seeks 60 .. 500 Hz and is
scored at 10 ms steps:

- FFE, frame error: wrong voicing decisions plus f0 off by more than 20 %, in % of all
  frames (Chu and Alwan, ICASSP 2009);
- RPA, raw pitch accuracy: f0 within 50 cents, in % of the truly voiced frames;
- RTF, real-time factor: seconds of one thread per second of audio, on 16 recordings of
  10 s, the median of several turns.

To be fair to all, each gets the constant time shift that suits it best, and each that
gives a confidence instead of a decision gets its best threshold, both chosen on the
clean clips; ours is decided at 0.5. Prints tables in Markdown with machine, versions
and date. Trackers that are not installed are named and left out:
``pip install 'speechbrain_pitchrope[bench]'`` brings them all.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
from machine import describe
from pitch_clips import CONDITIONS, make_clips, read_clips
from timing import median_seconds, print_table
from trackers import DECIDED, HOP_MS, PACKAGES, SAMPLE_RATE, TRACKERS

SHIFTS = np.arange(-0.03, 0.0301, 0.005)  # s
SPEED_BATCH, SPEED_SECONDS = 16, 10
GROSS, CENTS = 0.2, 50


class Counts(NamedTuple):
    """Frames counted: all, truly voiced, in error, and with f0 within 50 cents."""

    frames: int = 0
    voiced: int = 0
    errors: int = 0
    accurate: int = 0

    def __add__(self, other):
        return Counts(*(x + y for x, y in zip(self, other, strict=True)))

    @property
    def ffe(self):
        """Frame error in %."""
        return 100 * self.errors / self.frames

    @property
    def rpa(self):
        """Raw pitch accuracy in %."""
        return 100 * self.accurate / max(1, self.voiced)


def count(truth_hz, f0_hz, voiced):
    """Score one recording, arrays of one value a frame."""
    truly = truth_hz > 0
    both = truly & voiced
    gross = np.abs(f0_hz[both] / truth_hz[both] - 1) > GROSS
    octaves = np.log2(np.maximum(f0_hz[truly], 1.0) / truth_hz[truly])
    return Counts(
        len(truth_hz),
        truly.sum(),
        (truly != voiced).sum() + gross.sum(),
        (1200 * np.abs(octaves) <= CENTS).sum(),
    )


def score(clip, found, shift, threshold):
    """Counts of one result (times, f0, confidence) at 10 ms steps of its clip."""
    times, f0_hz, confidence = found
    grid = np.arange(len(clip.wav) * 1000 // (SAMPLE_RATE * HOP_MS) + 1) * HOP_MS / 1000
    wanted = grid + shift
    after = np.searchsorted(times, wanted).clip(1, max(1, len(times) - 1))
    nearest = after - (wanted - times[after - 1] < times[after] - wanted)
    f0_hz, confidence = f0_hz[nearest], confidence[nearest]
    voiced = (confidence >= threshold) & (f0_hz > 0)
    return count(clip.truth_at(grid), f0_hz, voiced)


def totals(clips, results, shift, threshold):
    """Counts of each synthesis."""
    found = {}
    for clip, result in zip(clips, results, strict=True):
        counts = score(clip, result, shift, threshold)
        found[clip.synthesis] = found.get(clip.synthesis, Counts()) + counts
    return found


def best_setting(name, clips, results):
    """(shift, threshold) of the fewest errors on these clips."""
    confidences = np.concatenate([confidence for _, _, confidence in results])
    thresholds = [0.5]
    if name not in DECIDED and len(np.unique(confidences)) > 2:
        thresholds = np.unique(np.quantile(confidences, np.linspace(0.02, 0.98, 49)))
    settings = [(shift, 0.5) for shift in SHIFTS]

    def errors(setting):
        return sum(x.errors for x in totals(clips, results, *setting).values())

    if len(thresholds) > 1:
        middle = np.median(thresholds)
        settings = [(shift, middle) for shift in SHIFTS]
        shift, _ = min(settings, key=errors)
        settings = [(shift, threshold) for threshold in thresholds]
        shift, threshold = min(settings, key=errors)
        settings = [(shift, threshold) for shift in SHIFTS]
    return min(settings, key=errors)


def evaluate(name, track, clips):
    """(shift, threshold, {condition: {synthesis: Counts}}) of one tracker."""
    setting, found = None, {}
    names = list(dict.fromkeys(clip.name for clip in clips))
    for condition, noisy in CONDITIONS.items():
        results = []
        for clip in clips:
            # The same noise on every synthesis of a clip.
            wav = torch.from_numpy(noisy(clip, names.index(clip.name), clips))
            with torch.no_grad():
                results += track(wav[None])
        setting = setting or best_setting(name, clips, results)
        found[condition] = totals(clips, results, *setting)
    return *setting, found


def real_time_factor(track, turns):
    """Median seconds of work per second of audio, one thread."""
    generator = torch.Generator().manual_seed(0)
    size = SPEED_BATCH, SPEED_SECONDS * SAMPLE_RATE
    wavs = 0.1 * torch.randn(size, generator=generator)
    with torch.no_grad():
        elapsed = median_seconds({"": lambda: track(wavs)}, turns)
    return elapsed[""] / (SPEED_BATCH * SPEED_SECONDS)


def reliability(clips):
    """Rows of the reliability table of our voicing, and its calibration error."""
    probabilities, truths = [], []
    track = TRACKERS[DECIDED[0]]()
    for clip in clips:
        with torch.no_grad():
            [(times, _, probability)] = track(torch.from_numpy(clip.wav)[None])
        probabilities.append(probability)
        truths.append(clip.truth_at(times) > 0)
    probabilities, truths = np.concatenate(probabilities), np.concatenate(truths)
    bins = (10 * probabilities).astype(int).clip(0, 9)
    rows, error = [], 0.0
    for i in range(10):
        inside = bins == i
        if not inside.any():
            continue
        said, was, share = (
            probabilities[inside].mean(),
            truths[inside].mean(),
            inside.mean(),
        )
        error += share * abs(said - was)
        rows.append((i / 10, said, was, 100 * share))
    return rows, error


def held_out(clips):
    """The clips of the speakers on whom our voicing network was not trained."""
    speakers = sorted({clip.speaker for clip in clips}, key=int)
    return [clip for clip in clips if clip.speaker in speakers[1::2]]


def print_trackers(clips, names, turns):
    """The table of trackers."""
    syntheses = " / ".join(dict.fromkeys(clip.synthesis for clip in clips))
    columns = [f"FFE {condition}" for condition in CONDITIONS]
    columns += [f"RPA {condition}" for condition in CONDITIONS]
    print(f"\nFFE and RPA in %, {syntheses}\n")
    print(f"| tracker | {' | '.join(columns)} | RTF | shift (ms) |")
    print("| --- " * (len(columns) + 3) + "|")
    for name in names:
        try:
            track = TRACKERS[name]()
        except ImportError as error:
            print(f"| {name} | left out: {error} |" + " |" * (len(columns) + 1))
            continue
        shift, _, found = evaluate(name, track, clips)
        cells = [
            " / ".join(f"{getattr(counts, measure):.2f}" for counts in row.values())
            for measure in ("ffe", "rpa")
            for row in found.values()
        ]
        speed = f"{real_time_factor(track, turns):.4f}"
        print(
            f"| {name} | {' | '.join((*cells, speed, f'{1000 * shift:+.0f}'))} |",
            flush=True,
        )


def print_reliability(clips):
    """The reliability table of our voicing on the clean clips."""
    rows, error = reliability(clips)
    print(f"\nvoicing on the clean clips: expected calibration error {error:.4f}\n")
    cells = [
        (f"{low:.1f} .. {low + 0.1:.1f}", f"{said:.3f}", f"{was:.3f}", f"{share:.1f}")
        for low, said, was, share in rows
    ]
    head = ("bin", "mean voicing", "share truly voiced", "share of frames (%)")
    print_table(head, cells)


def print_features(turns):
    """Time of a whole PitchFbank over SpeechBrain's Fbank, taking turns."""
    from speechbrain.lobes.features import Fbank

    from speechbrain_pitchrope.lobes.features import PitchFbank

    features = {"Fbank": Fbank(n_mels=80), "PitchFbank": PitchFbank(n_mels=80)}
    wavs = 0.1 * torch.randn(SPEED_BATCH, SPEED_SECONDS * SAMPLE_RATE)
    runs = {name: partial(compute, wavs) for name, compute in features.items()}
    with torch.no_grad():
        fbank, ours = median_seconds(runs, turns).values()
    print(f"\nPitchFbank: {ours / fbank:.1f} times the time of Fbank, one thread")


def main():
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="folder of clips with their f0")
    parser.add_argument("--trackers", nargs="+", help="names that contain one of these")
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="only speakers not trained on; with --data",
    )
    parser.add_argument("--quick", action="store_true", help="three turns, not nine")
    args = parser.parse_args()
    names = [
        name
        for name in TRACKERS
        if not args.trackers or any(part in name for part in args.trackers)
    ]
    if not names:
        parser.error(f"no tracker of that name; there are {', '.join(TRACKERS)}")
    torch.set_num_threads(1)
    if args.held_out and not args.data:
        parser.error("--held-out is of speakers, and synthetic clips have none: --data")
    clips = read_clips(args.data) if args.data else make_clips()
    clips = held_out(clips) if args.held_out else clips
    seconds = sum(len(clip.wav) for clip in clips) / SAMPLE_RATE
    turns = 3 if args.quick else 9
    print(f"{describe(PACKAGES)}; {len(clips)} clips, {seconds:.0f} s")
    print_trackers(clips, names, turns)
    print_reliability(clips)
    print_features(turns)


if __name__ == "__main__":
    main()

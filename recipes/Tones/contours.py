"""How well pitch alone tells the tones of isolated syllables, without a network.

    python contours.py CORPUS TEXTS

CORPUS is a prepared fold of Tone Perfect. A support vector machine (scikit-learn, which
has to be installed) learns tones from the pitch channels of the training syllables, at
twelve points between the first and the last voiced frame, and names those of dev and
test. For each choice of channels, TEXTS/NAME/1 gets ref_ and hyp_ files in which a
syllable is its tone, such as A3.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from speechbrain.dataio.dataio import read_audio

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.features import PitchFbank

SAMPLE_RATE = 16000
N_POINTS = 12
SETS = {
    "shape": ("log_f0",),
    "shape_register": ("log_f0", "register"),
    "shape_speaker_level": ("log_f0", "speaker_level"),
    "no_f0": ("voicing", "prominence", "seconds"),
    "no_register": ("log_f0", "voicing", "prominence", "seconds"),
    "all_channels": ("log_f0", "register", "voicing", "prominence", "seconds"),
    "all_speaker_level": (
        *("log_f0", "speaker_level", "voicing", "prominence", "seconds"),
    ),
}
"""Name to what the machine is given. The speaker's level is the register less the mean
register of all syllables that this speaker says in the split."""


def describe(pitch, frame_shift):
    """Name to values of one syllable, of its channels [T, 4]; shifts in seconds."""
    channels = inband.Pitch(*pitch.numpy().T)
    voiced = np.flatnonzero(channels.voicing >= inband.VOICED)
    if len(voiced) < 2:  # no contour
        voiced = np.array([0, len(pitch) - 1])
    points = np.linspace(voiced[0], voiced[-1], N_POINTS)
    frames = np.arange(len(pitch))
    found = {
        "log_f0": np.interp(points, voiced, channels.log_f0[voiced]),
        "register": channels.register[voiced[:1]],
        "seconds": np.array([(voiced[-1] - voiced[0]) * frame_shift]),
    }
    for name in ("voicing", "prominence"):
        found[name] = np.interp(points, frames, getattr(channels, name))
    return found


def read_split(folder):
    """Ids, tones and descriptions of a split in LibriSpeech's layout."""
    compute_features = PitchFbank()
    frame_shift = (
        compute_features.hop_length / compute_features.compute_STFT.sample_rate
    )
    ids, tones, found, speakers = [], [], [], {}
    for transcripts in sorted(folder.glob("*/*/*.trans.txt")):
        for line in transcripts.read_text(encoding="utf-8").splitlines():
            name, syllable = line.split()
            audio = read_audio(str(transcripts.with_name(f"{name}.flac")))
            pitch = compute_features(audio[None])[0, :, -inband.N_CHANNELS :]
            ids.append(name)
            tones.append(syllable[-1])
            found.append(describe(pitch, frame_shift))
            speakers.setdefault(name.split("-")[0], []).append(found[-1])
    for syllables in speakers.values():
        mean = np.mean([syllable["register"] for syllable in syllables])
        for syllable in syllables:
            syllable["speaker_level"] = syllable["register"] - mean
    return ids, tones, found


def main(corpus, texts):
    """Learn and name tones with every set of channels."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    splits = {path.name: read_split(path) for path in sorted(corpus.glob("*-tp"))}
    _, train_tones, train = splits.pop("train-tp")
    for name, channels in SETS.items():
        machine = make_pipeline(StandardScaler(), SVC(C=3.0))
        machine.fit(stack(train, channels), train_tones)
        folder = texts / name / "1"
        folder.mkdir(parents=True, exist_ok=True)
        for split, (ids, tones, found) in splits.items():
            named = machine.predict(stack(found, channels))
            for kind, values in (("ref", tones), ("hyp", named)):
                lines = (f"{i} A{tone}\n" for i, tone in zip(ids, values, strict=True))
                (folder / f"{kind}_{split}.txt").write_text("".join(lines))
        (folder / "done").touch()


def stack(found, channels):
    """A matrix with one row for each syllable."""
    return np.array([np.concatenate([row[name] for name in channels]) for row in found])


if __name__ == "__main__":
    with torch.no_grad():
        main(Path(sys.argv[1]), Path(sys.argv[2]))

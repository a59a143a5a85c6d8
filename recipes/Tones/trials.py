"""Train as recipes/LibriSpeech does, with one thing changed: trials of evidence.md.

    python trials.py TRIAL HPARAMS [options of train.py]

A trial changes pitch, or the mels beside it, between features and model; or, for k_...,
the frequencies of the cosines. Where a variant and a trial are tried together, the page
calls the run VARIANT_TRIAL.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from speechbrain import Stage
from speechbrain.dataio.dataio import read_audio

RECIPE = Path(__file__).resolve().parents[1] / "LibriSpeech" / "ASR" / "transformer"
sys.path.append(str(RECIPE))
import train  # noqa: E402
from speechbrain_pitchrope import inband  # noqa: E402
from speechbrain_pitchrope.nnet import similarity  # noqa: E402
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch  # noqa: E402

RANGE = 0.35
"""Standard deviation, in octaves, that every speaker's log f0 is brought to."""


def pitch_dropout(mels, channels, brain):
    """In training, half of the utterances of a batch come without pitch."""
    keep = torch.rand(len(channels), 1, 1) < 0.5
    return mels, channels * keep if brain.stage == Stage.TRAIN else channels


def hidden_harmonics(mels, channels, brain, width=9):
    """In training, half of the utterances have mels averaged over their neighbours."""
    if brain.stage != Stage.TRAIN:
        return mels, channels
    padded = torch.nn.functional.pad(mels, 2 * (width // 2,), mode="replicate")
    smooth = torch.nn.functional.avg_pool1d(padded, width, stride=1)
    hidden = torch.rand(len(mels), 1, 1) < 0.5
    return torch.where(hidden, smooth, mels), channels


def without_register(mels, channels, brain):
    """Register is 0, so that the input holds no absolute pitch."""
    channels = channels.clone()
    channels[..., inband.CHANNELS.index("register")] = 0
    return mels, channels


def speaker_range(mels, channels, brain):
    """u is (log2 f0 - mean) * RANGE / deviation of the speaker, and register is 0."""
    pitch = inband.unpack(channels)
    levels = torch.tensor([brain.speakers[x.split("-")[0]] for x in brain.ids])
    mean, deviation = levels.T[..., None]
    u = (pitch.log_f0 + pitch.register - mean) * RANGE / deviation
    u = u * (pitch.log_f0 != 0)
    register = torch.zeros_like(u)
    return mels, inband.pack(pitch._replace(log_f0=u, register=register))


def speaker_levels(data_folder):
    """Speaker to mean and deviation of log2(f0 / 150 Hz) over all voiced frames."""
    tracker, octaves = AutocorrelationPitch(16000), {}
    for path in sorted(Path(data_folder).glob("*/*/*/*.flac")):
        f0_hz, voicing = tracker(read_audio(str(path))[None])
        voiced = (voicing >= inband.VOICED) & (f0_hz > 0)
        found = torch.log2(f0_hz[voiced] / inband.REFERENCE_HZ)
        octaves.setdefault(path.name.split("-")[0], []).append(found)
    return {
        speaker: (x.mean().item(), x.std().item())
        for speaker, found in octaves.items()
        for x in [torch.cat(found)]
    }


def interpolate(encoded):
    """u of what the front end gives, interpolated over unvoiced frames."""
    features, channels = inband.split(encoded)
    channels = channels.detach().clone()
    for frames in channels:
        u, voicing = frames[:, 0].numpy(), frames[:, 1].numpy()
        voiced = np.flatnonzero(voicing >= inband.VOICED)
        if len(voiced):
            filled = np.interp(np.arange(len(u)), voiced, u[voiced])
            filled = torch.from_numpy(filled).to(frames)
            frames[:, 0] = filled * inband.present(frames)[:, 0]
    return inband.append(features, channels)


BEFORE = {
    "pitch_dropout": pitch_dropout,
    "hidden_harmonics": hidden_harmonics,
    "without_register": without_register,
    "speaker_range": speaker_range,
}
"""Trials between features and front end; ``interpolated`` comes after it."""


class TrialASR(train.ASR):
    """The recipe's Brain with a trial before or behind its front end."""

    trial = None  # a name

    def compute_forward(self, batch, stage):
        """As the recipe's; the trial has to know whose utterances these are."""
        self.ids, self.stage = batch.id, stage
        return super().compute_forward(batch, stage)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        front_end = self.modules.CNN
        if self.trial == "speaker_range":
            self.speakers = speaker_levels(self.hparams.data_folder)
        if self.trial in BEFORE:
            front_end.register_forward_pre_hook(self._change)
        elif self.trial == "interpolated":
            front_end.register_forward_hook(lambda _, given, out: interpolate(out))

    def _change(self, front_end, given):
        return inband.append(*BEFORE[self.trial](*inband.split(*given), self))


def use_frequencies(k):
    """Give the cosines these three frequencies, in radians an octave."""
    _, shifts = similarity.COSINE_TABLE
    form = similarity.SIMILARITY["cosines"]
    table = (2 * (*k, *k, 0.0), shifts)
    similarity.SIMILARITY["cosines"] = form._replace(table=table)


def main(trial, arguments):
    """Run the recipe with a trial."""
    if trial.startswith("k_"):
        use_frequencies([float(k) for k in trial.split("_")[1:]])
    elif trial not in (*BEFORE, "interpolated"):
        names = ", ".join((*BEFORE, "interpolated", "k_2_4.5_9"))
        raise SystemExit(f"trial {trial!r} is unknown: choose one of {names}")
    TrialASR.trial = trial
    train.ASR = TrialASR
    train.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

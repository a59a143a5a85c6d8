"""The recipe's train.py with f0 that is tracked once."""

import csv
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain import Stage
from speechbrain.dataio.batch import PaddedBatch

from librispeech_dataio import cached_pitch, make_datasets, make_tokenizer
from speechbrain_pitchrope.augment.time_domain import PitchSpeedPerturb
from speechbrain_pitchrope.dataio.f0_cache import F0Cache
from speechbrain_pitchrope.figures.training import read_train_log
from speechbrain_pitchrope.processing.pitch import World
from speechbrain_pitchrope.scoring.wer_files import read_errors
from tests.recipes.test_train import script

WORLD = "!new:speechbrain_pitchrope.processing.pitch.World"
SETTINGS = {
    "pitch_tracker": WORLD,  # DIO
    "number_of_epochs": 1,
    # One utterance a batch: DIO hears padding.
    "dynamic_batching": False,
    "batch_size": 1,
}


@pytest.fixture(scope="module")
def cached(train_script):
    """The output folder of a run with cached f0."""
    code, printed = train_script.run("f0_cached", f0="cached", **SETTINGS)
    assert code == 0, printed
    return train_script.folder / "f0_cached"


def losses(folder):
    log = read_train_log((folder / "train_log.txt").read_text().splitlines())
    return np.array([log["train loss"], log["valid loss"]])


def test_losses_are_those_of_f0_tracked_on_the_fly(train_script, cached):
    code, printed = train_script.run("f0_on_the_fly", f0="on_the_fly", **SETTINGS)
    assert code == 0, printed
    folder = train_script.folder / "f0_on_the_fly"
    assert not (folder / "manifests/f0").exists()
    np.testing.assert_allclose(losses(cached), losses(folder), rtol=0.01)


def test_all_splits_are_cached(cached):
    cache = F0Cache(cached / "manifests/f0", World("dio"))
    keys = set()
    for name in ("train", "valid", "test-demo"):
        with open(cached / f"manifests/{name}.csv", newline="") as file:
            keys |= {row["ID"] for row in csv.DictReader(file)}
    assert len(keys) == len(cache) > 0
    assert all(key in cache for key in keys)


def test_batches_carry_the_cached_contour(train_script, cached):
    """Padded like the waveform, and mapped to the speed that was drawn."""
    with open(cached / "hyperparams.yaml") as stream:
        hparams = load_hyperpyyaml(stream)
    hparams["speed_perturb"] = PitchSpeedPerturb(16000, [90, 110])
    datasets = make_datasets(hparams, make_tokenizer(hparams))
    tracker, ratios = World("dio"), set()
    for name in ("train", "valid", "test-demo"):
        items = [datasets[name][i] for i in range(min(4, len(datasets[name])))]
        for item in items:
            expected, _ = tracker(item["sig"][None])
            f0_hz = item["f0_hz"]
            assert f0_hz.shape == item["voicing"].shape == expected[0].shape
            both = (f0_hz > 0) & (expected[0] > 0)
            cents = 1200 * torch.log2(f0_hz[both] / expected[0][both])
            assert cents.abs().median() < (20 if name == "train" else 0.2)
            if name == "train":
                before = float(datasets[name].data[item["id"]]["duration"]) * 16000
                ratios.add(round(before / len(item["sig"]), 1))
        batch = PaddedBatch(items)
        features = hparams["compute_features"](batch.sig.data, **cached_pitch(batch))
        assert features.isfinite().all()
        assert features_of(batch).keys() == {"f0_hz", "voicing"}
    assert ratios == {0.9, 1.1}


def features_of(batch):
    """What train.py hands to ``compute_features`` beside the waveforms of a batch."""

    class Handed(Exception):
        """The end of the part that is looked at."""

    def compute_features(wavs, **pitch):
        assert wavs is batch.sig.data
        raise Handed(pitch)

    brain = SimpleNamespace(
        device="cpu", hparams=SimpleNamespace(compute_features=compute_features)
    )
    with pytest.raises(Handed) as handed:
        script().ASR.compute_forward(brain, batch, Stage.TRAIN)
    return handed.value.args[0]


def test_distributed_runs_with_loader_workers_share_a_cache(train_script):
    """Built by the main process while the other one waits; mapped to three speeds."""
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    command = train_script.command(
        *("f0_distributed", "--distributed_backend=gloo"),
        launcher=(sys.executable, *torchrun),
        number_of_epochs=1,
        f0="cached",
        pitch_tracker=WORLD,
        speeds="[90, 100, 110]",
        num_workers=1,
    )
    result = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    folder = train_script.folder / "f0_distributed"
    assert len(F0Cache(folder / "manifests/f0", World("dio"))) == 24
    assert read_errors(folder / "wer_test-demo.txt").utterances > 0


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"f0": "sometimes"}, "f0 is 'sometimes': choose on_the_fly or cached"),
        ({"f0": "cached"}, "World, this is .*AutocorrelationPitch"),
    ],
)
def test_wrong_settings_are_refused(train_script, cached, settings, message):
    manifests = cached / "manifests"
    arguments = train_script.command(
        "f0_refused", skip_prep=True, manifest_folder=manifests, **settings
    )
    with pytest.raises(ValueError, match=message):
        script().main(arguments[2:])

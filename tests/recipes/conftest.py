"""A tiny generated corpus, and ways to run the recipe's real train.py on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speechbrain_pitchrope.demo.corpus import make_demo_corpus

RECIPE = Path(__file__).parents[2] / "recipes/LibriSpeech/ASR/transformer"

# The smallest model that still has a front end and two attention layers.
TINY = {
    "d_model": 32,
    "d_ffn": 64,
    "nhead": 2,
    "num_encoder_layers": 2,
    "max_batch_length_train": 20,
    "warmup": 20,
    "lr_adam": 0.002,
    "number_of_epochs": 3,
    "valid_beam_size": 2,
    "test_beam_size": 2,
}


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A demo corpus of 24 utterances: splits train-demo, dev-demo, test-demo."""
    root = tmp_path_factory.mktemp("corpus")
    make_demo_corpus(root, utterances=24, voices_per_split=2, progress=False)
    return root


class TrainScript:
    """The recipe's train.py with conformer_mini.yaml and a tiny model.

    Arguments
    ---------
    corpus : pathlib.Path
        Folder of the demo corpus.
    folder : pathlib.Path
        Where the runs' output folders are made.
    """

    def __init__(self, corpus, folder):
        self.corpus, self.folder = corpus, folder

    def characters(self):
        """Number of tokens when each is a character: unk, bos, eos, and its own."""
        files = self.corpus.glob("train-demo/*/*/*.trans.txt")
        lines = (line for path in files for line in path.read_text().splitlines())
        return 3 + len(set().union(*(line.partition(" ")[2] for line in lines)) | {" "})

    def command(self, name, *flags, launcher=(sys.executable,), **settings):
        """The command line of a run whose output folder has this name."""
        settings = TINY | {"output_neurons": self.characters()} | settings
        return [
            *launcher,
            str(RECIPE / "train.py"),
            str(RECIPE / "hparams/conformer_mini.yaml"),
            *(f"--data_folder={self.corpus}", f"--output_folder={self.folder / name}"),
            *('--train_splits=["train-demo"]', '--dev_splits=["dev-demo"]'),
            *('--test_splits=["test-demo"]', "--device=cpu", "--noprogressbar"),
            *(f"--{key}={value}" for key, value in settings.items()),
            *flags,
        ]

    def start(self, name, *flags, **settings):
        """A run in the background."""
        return subprocess.Popen(
            self.command(name, *flags, **settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "2"},
        )

    def run(self, name, *flags, **settings):
        """A whole run: (exit code, what it printed)."""
        process = self.start(name, *flags, **settings)
        printed, _ = process.communicate()
        return process.returncode, printed


@pytest.fixture(scope="session")
def train_script(corpus, tmp_path_factory):
    return TrainScript(corpus, tmp_path_factory.mktemp("results"))

"""A tiny generated corpus, and ways to run the recipe's real train.py on it."""

import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from speechbrain_pitchrope.demo.corpus import make_demo_corpus
from speechbrain_pitchrope.figures.training import read_train_log

RECIPE = Path(__file__).parents[2] / "recipes/LibriSpeech/ASR/transformer"

# The smallest model that still has a front end and two attention layers.
TINY = {
    "d_model": 32,
    "d_ffn": 64,
    "nhead": 2,
    "num_encoder_layers": 2,
    "max_batch_length_train": 8,
    "warmup": 20,
    "lr_adam": 0.002,
    "number_of_epochs": 1,
    "test_beam_size": 2,
    "num_workers": 0,
}
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A demo corpus of 24 utterances: splits train-demo, dev-demo, test-demo."""
    root = tmp_path_factory.mktemp("corpus")
    make_demo_corpus(root, utterances=24, voices_per_split=2, progress=False)
    return root


def script():
    """The module train.py."""
    spec = importlib.util.spec_from_file_location("train", RECIPE / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TrainScript:
    """The recipe's train.py with a tiny model, on a corpus; runs go to a folder."""

    def __init__(self, corpus, folder):
        self.corpus, self.folder = corpus, folder

    def characters(self):
        """Number of tokens when each is a character: unk, bos, eos, and its own."""
        files = self.corpus.glob("train-demo/*/*/*.trans.txt")
        lines = (line for path in files for line in path.read_text().splitlines())
        return 3 + len(set().union(*(line.partition(" ")[2] for line in lines)) | {" "})

    def arguments(self, name, *flags, yaml="conformer_mini", **settings):
        """Arguments of train.py for a run whose output folder has this name."""
        settings = TINY | {"output_neurons": self.characters()} | settings
        path = RECIPE / f"hparams/{yaml}.yaml" if isinstance(yaml, str) else yaml
        return [
            str(path),
            *(f"--data_folder={self.corpus}", f"--output_folder={self.folder / name}"),
            *('--train_splits=["train-demo"]', '--dev_splits=["dev-demo"]'),
            *('--test_splits=["test-demo"]', "--device=cpu", "--noprogressbar"),
            *(f"--{key}={value}" for key, value in settings.items()),
            *flags,
        ]

    def run(self, name, *flags, **settings):
        """A whole run in this process, on one thread: its output folder."""
        root, threads = logging.getLogger(), torch.get_num_threads()
        handlers, level, hook = root.handlers[:], root.level, sys.excepthook
        torch.set_num_threads(1)  # sums in another order are other sums
        try:
            script().main(self.arguments(name, *flags, **settings))
        finally:
            root.handlers[:], sys.excepthook = handlers, hook
            root.setLevel(level)
            torch.set_num_threads(threads)
        return self.folder / name

    def start(self, name, *flags, launcher=(), **settings):
        """A run in the background."""
        arguments = self.arguments(name, *flags, **settings)
        return subprocess.Popen(
            [sys.executable, *launcher, str(RECIPE / "train.py"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )


@pytest.fixture(scope="session")
def train_script(corpus, tmp_path_factory):
    return TrainScript(corpus, tmp_path_factory.mktemp("results"))


def log_of(folder):
    """What train_log.txt tells of the epochs."""
    return read_train_log((folder / "train_log.txt").read_text().splitlines())

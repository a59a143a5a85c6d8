"""A tiny generated corpus, and ways to run the recipe's real train.py on it."""

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import train
from speechbrain_pitchrope.demo.corpus import make_demo_corpus
from speechbrain_pitchrope.figures.training import read_train_log

RECIPE = Path(__file__).parents[2] / "recipes/LibriSpeech/ASR/transformer"

# The smallest model that still has a front end and two attention layers.
TINY = {
    **{"d_model": 32, "d_ffn": 64, "nhead": 2, "num_encoder_layers": 2},
    "output_neurons": 29,  # unk, bos, eos, and the characters of the corpus
    **{"max_batch_length_train": 8, "warmup": 20, "lr_adam": 0.002},
    **{"number_of_epochs": 1, "test_beam_size": 2, "num_workers": 0},
}
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    """A demo corpus of 24 utterances: splits train-demo, dev-demo, test-demo."""
    root = tmp_path_factory.mktemp("corpus")
    make_demo_corpus(root, utterances=24, voices_per_split=2, progress=False)
    return root


class TrainScript:
    """The recipe's train.py with a tiny model, on a corpus; runs go to a folder."""

    def __init__(self, corpus, folder):
        self.corpus, self.folder = corpus, folder

    def arguments(self, name, *flags, yaml="conformer_mini", **settings):
        """Arguments of train.py for a run whose output folder has this name."""
        names = ("train", "dev", "test")
        splits = {f"{key}_splits": f'["{key}-demo"]' for key in names}
        folders = {"data_folder": self.corpus, "output_folder": self.folder / name}
        settings = TINY | splits | folders | settings
        path = RECIPE / f"hparams/{yaml}.yaml" if isinstance(yaml, str) else yaml
        return [
            *(str(path), "--device=cpu", "--noprogressbar", *flags),
            *(f"--{key}={value}" for key, value in settings.items()),
        ]

    def run(self, name, *flags, **settings):
        """A whole run in this process, on one thread: its output folder."""
        root, threads = logging.getLogger(), torch.get_num_threads()
        handlers, level, hook = root.handlers[:], root.level, sys.excepthook
        torch.set_num_threads(1)  # sums in another order are other sums
        try:
            train.main(self.arguments(name, *flags, **settings))
        finally:
            root.handlers[:], sys.excepthook = handlers, hook
            root.setLevel(level)
            torch.set_num_threads(threads)
        return self.folder / name

    def start(self, name, *flags, launcher=(), **settings):
        """A run in the background."""
        arguments = self.arguments(name, *flags, **settings)
        command = [sys.executable, *launcher, str(RECIPE / "train.py"), *arguments]
        settings = {"text": True, "env": os.environ | {"OMP_NUM_THREADS": "1"}}
        settings |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, **settings)


@pytest.fixture(scope="session")
def train_script(corpus, tmp_path_factory):
    return TrainScript(corpus, tmp_path_factory.mktemp("results"))


def until(condition, seconds=60):
    """Wait until a condition holds, for a minute at most."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def log_of(folder):
    """What train_log.txt tells of the epochs."""
    return read_train_log((folder / "train_log.txt").read_text().splitlines())

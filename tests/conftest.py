"""A recording of a known voice, and trained runs to draw it with and to report."""

import os

# One thread, as the workers of a loader have: a process that is forked from one with
# more would wait for threads that it has not. Before torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import soundfile
import torch

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run, make_tested_run
from tests.signals import utterance


def run_of(variant):
    """A fixture: a run of 2 layers, 2 heads, 8 rotary pairs."""

    @pytest.fixture(scope="session")
    def run_folder(tmp_path_factory):
        folder = tmp_path_factory.mktemp("runs") / variant
        with torch.random.fork_rng():
            torch.manual_seed(0)
            make_run(folder, variant=variant)
        return folder

    return run_folder


run_folder, rope_folder = run_of("all"), run_of("rope")


@pytest.fixture
def refused(capsys):
    """What a command tells that fails; beside it, nothing is printed."""

    def run(*words):
        capsys.readouterr()  # what was printed before
        assert main([str(word) for word in words]) == 1
        printed = capsys.readouterr()
        assert printed.err.startswith(f"pitchrope {words[0]}: ") and not printed.out
        return printed.err

    return run


@pytest.fixture(scope="session")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("audio") / "voice.wav"
    soundfile.write(path, utterance(180.0).numpy(), 16000)
    return str(path)


@pytest.fixture(scope="session")
def run(run_folder):
    return load_trained(run_folder)


@pytest.fixture(scope="session")
def tested(tmp_path_factory):
    """A tested run of variant all that was moved since, and its corpus."""
    root = tmp_path_factory.mktemp("tested")
    make_tested_run(root / "then", root / "corpus")
    return (root / "then").rename(root / "a <b> & c"), root / "corpus"

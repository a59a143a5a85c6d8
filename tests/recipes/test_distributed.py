"""Two processes on one machine, with gloo: README's torchrun command without GPUs."""

import os
import signal
import socket
import subprocess

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from torch.nn.parallel import DistributedDataParallel

from speechbrain_pitchrope.runs.checkpoints import AtomicCheckpointer, RandomState
from speechbrain_pitchrope.scoring.wer_files import read_errors
from tests.recipes.conftest import RECIPE, TINY, TORCHRUN, until
from tests.signals import batch_of, utterance

SAVES = 60
SETTINGS = {"avg_checkpoints": 1, "ckpt_interval_minutes": 0, "ckpt_interval_steps": 2}


def work(rank, folder, port):
    """What each of two processes does; the first writes what came of it."""
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    save(folder / "save", rank)
    compare_gradients(folder / "gradients.pt", rank)
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
    os._exit(0)  # gloo's threads may outlive Python's objects, and abort the process


def save(folder, rank):
    """Checkpoints as fast as can be, of random generators too, which are resumed."""
    torch.manual_seed(rank)
    recoverables = {"model": torch.nn.Linear(2, 2)}
    recoverables["random_state"] = RandomState(torch.Generator())
    checkpointer = AtomicCheckpointer(folder, recoverables)
    for _ in range(SAVES):
        checkpointer.save_and_keep_only(num_to_keep=1)
    drawn = torch.rand(3)
    checkpointer.recover_if_possible()
    assert torch.equal(torch.rand(3), drawn)


def compare_gradients(path, rank):
    """Gradients of two utterances: one in each process, and both in one."""
    overrides = TINY | {"data_folder": "", "output_folder": str(path.with_suffix(""))}
    overrides |= {"transformer_dropout": 0.0}
    with open(RECIPE / "hparams/conformer_mini.yaml") as stream:
        hparams = load_hyperpyyaml(stream, overrides)
    for parameter in hparams["model"].parameters():  # away from where pitch is unused
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    wavs, lengths = batch_of(utterance(120.0), utterance(240.0, seed=1))
    tokens = torch.randint(3, TINY["output_neurons"], (2, 9))
    found, modules = {}, hparams["modules"]
    for name, part in (("alone", slice(None)), ("both", slice(rank, rank + 1))):
        if name == "both":  # as speechbrain.Brain wraps what has parameters
            for key in ("CNN", "Transformer", "ctc_lin"):
                modules[key] = DistributedDataParallel(modules[key])
        feats = modules["normalize"](hparams["compute_features"](wavs[part]))
        src = modules["CNN"](feats)
        encoded, _ = modules["Transformer"](src, None, lengths[part], pad_idx=0)
        p_ctc = hparams["log_softmax"](modules["ctc_lin"](encoded))
        whole = torch.ones(len(p_ctc))
        hparams["ctc_cost"](p_ctc, tokens[part], whole, whole).sum().backward()
        parameters = hparams["model"].named_parameters()
        found[name] = {key: value.grad.clone() for key, value in parameters}
        hparams["model"].zero_grad()
    if rank == 0:
        torch.save(found, path)


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """The folder in which two processes did their work, a deadlock excluded."""
    folder = tmp_path_factory.mktemp("two")
    with socket.create_server(("localhost", 0)) as server:
        port = str(server.getsockname()[1])
    context = torch.multiprocessing.spawn(work, (folder, port), 2, join=False)
    try:
        until(lambda: context.join(timeout=5), 120)
    finally:
        for process in context.processes:
            process.kill()  # they would wait for each other
    return folder


def test_sixty_saves_leave_the_last_checkpoint(worked):
    (left,) = (worked / "save").iterdir()
    assert {path.name for path in left.iterdir()} == {
        *("CKPT.yaml", "model.ckpt"),
        *("random_state.ckpt", "random_state.ckpt.rank1"),
    }


def test_gradients_are_those_of_one_process(worked):
    found = torch.load(worked / "gradients.pt")
    assert found["both"].keys() == found["alone"].keys()
    for key, expected in found["alone"].items():
        assert expected.any(), key
        torch.testing.assert_close(found["both"][key], expected, rtol=1e-3, atol=1e-5)


def wait(process, seconds=180):
    """(Exit code, what was printed) of a run that ends by itself."""
    try:
        printed, _ = process.communicate(timeout=seconds)
    finally:
        process.terminate()  # torchrun ends its workers
    return process.returncode, printed


def start(train_script, name, **settings):
    settings |= SETTINGS | {"launcher": TORCHRUN}
    return train_script.start(name, "--distributed_backend=gloo", **settings)


def test_the_recipe_resumes_after_one_process_was_killed(train_script):
    folder = train_script.folder / "ranks"
    process = start(train_script, "ranks", number_of_epochs=4)
    until(lambda: list((folder / "save").glob("CKPT+*")) or process.poll())
    assert process.poll() is None
    command = ["pgrep", "-P", str(process.pid)]
    children = subprocess.run(command, check=True, capture_output=True, text=True)
    os.kill(int(children.stdout.split()[-1]), signal.SIGKILL)
    code, _ = wait(process)
    assert code != 0
    assert not (folder / "wer_test-demo.txt").exists()

    code, printed = wait(start(train_script, "ranks", number_of_epochs=4))
    assert code == 0, printed
    assert (folder / "train_log.txt").read_text().count("epoch:") == 4
    assert read_errors(folder / "wer_test-demo.txt").utterances > 0


def test_an_error_of_the_main_process_ends_the_other(train_script):
    code, printed = wait(start(train_script, "faulty", check_audio="never"), seconds=60)
    assert code == 1
    assert "check_audio: expected full or header, found 'never'" in printed

"""Checkpoints survive a kill while they are written, a full disk, and damage."""

import errno
import re

import pytest
import torch

from speechbrain_pitchrope.runs.checkpoints import AtomicCheckpointer

KILLED = KeyboardInterrupt()  # stands for the end of the process
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def model():
    return torch.nn.Linear(3, 2)


@pytest.mark.parametrize(
    ("error", "said"), [(KILLED, None), (FULL, r"No space left to write into {} \(")]
)
def test_a_half_written_checkpoint_is_never_seen(tmp_path, model, error, said):
    def die(obj, path):
        path.write_bytes(b"half")
        raise error

    AtomicCheckpointer(tmp_path, {"model": model}).save_checkpoint()
    whole = model.weight.detach().clone()
    torch.nn.init.zeros_(model.weight)
    hooks = {"model": die}
    dying = AtomicCheckpointer(tmp_path, {"model": model}, custom_save_hooks=hooks)
    with pytest.raises(type(error), match=said and said.format(tmp_path)):
        dying.save_checkpoint()
    assert error is KILLED or len(list(tmp_path.iterdir())) == 1
    resumed = AtomicCheckpointer(tmp_path, {"model": model})
    assert len(resumed.list_checkpoints()) == 1
    resumed.recover_if_possible()
    assert torch.equal(model.weight, whole)
    assert resumed.save_checkpoint().paramfiles["model"].is_file()
    found = {checkpoint.path for checkpoint in resumed.list_checkpoints()}
    assert found == set(tmp_path.iterdir())


def test_checkpoints_of_one_second_or_one_name(tmp_path, model):
    """The former do not collide; of the latter, the second replaces the first."""
    checkpointer = AtomicCheckpointer(tmp_path, {"model": model})
    paths = {checkpointer.save_checkpoint().path for _ in range(4)}
    assert paths == set(tmp_path.iterdir())
    checkpointer.save_and_keep_only(name="best", num_to_keep=1)
    torch.nn.init.ones_(model.bias)
    saved = checkpointer.save_checkpoint(name="best")
    assert torch.load(saved.paramfiles["model"])["bias"].sum() == 2
    assert list(tmp_path.iterdir()) == [saved.path]


@pytest.mark.parametrize("name", ["model.ckpt", "CKPT.yaml"])
def test_a_damaged_checkpoint_is_named(tmp_path, model, name):
    checkpointer = AtomicCheckpointer(tmp_path, {"model": model})
    damaged = checkpointer.save_checkpoint().path
    content = (damaged / name).read_bytes()
    (damaged / name).write_bytes(content[: len(content) // 2])
    message = f"{re.escape(str(damaged))} can.t be read .*remove this folder"
    with pytest.raises(ValueError, match=message):
        checkpointer.recover_if_possible()

"""Checkpoints that are there as a whole or not at all, and resume to the bit."""

import logging
import random
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import torch
from speechbrain.utils.checkpoints import (
    Checkpointer,
    mark_as_loader,
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain.utils.distributed import ddp_barrier, get_rank, if_main_process
from speechbrain.utils.logger import get_logger

from speechbrain_pitchrope.files import naming_a_full_disk, reading

logger = get_logger(__name__)

REMEDY = "if it is damaged, remove this folder to resume from the checkpoint before"


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's Checkpointer, safe against a kill while it writes.

    Upstream writes into the checkpoint's own folder. A run that is killed meanwhile
    leaves a checkpoint that looks like the newest, lacks files, and can't resume. Here
    the folder gets its name when all is written. All arguments are upstream's.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> checkpointer = AtomicCheckpointer(folder, {"model": torch.nn.Linear(2, 2)})
    >>> saved = checkpointer.save_checkpoint(name="first")
    >>> [path.name for path in folder.iterdir()]
    ['CKPT+first']
    """

    def save_checkpoint(
        self, meta=None, end_of_epoch=True, name=None, verbosity=logging.INFO
    ):
        """Save a checkpoint, as upstream; OSError names the folder of a full disk."""
        folder, staging = self.checkpoints_dir, self.checkpoints_dir / "unfinished"
        path = self._new_checkpoint_dirpath()
        if name is not None:
            path = self._custom_checkpoint_dirpath(name)
        if if_main_process():
            shutil.rmtree(staging, ignore_errors=True)
        try:
            self.checkpoints_dir = staging
            with naming_a_full_disk(folder):
                written = super().save_checkpoint(
                    meta or {}, end_of_epoch, path.name.partition("+")[2], logging.DEBUG
                )
        except Exception:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        finally:
            self.checkpoints_dir = folder
        ddp_barrier()  # every process has written its files
        if if_main_process():
            if path.exists():  # a name used again
                path.rename(staging / "replaced")
            written.path.rename(path)
            shutil.rmtree(staging)
        ddp_barrier()  # no process lists the folder before the checkpoint has its name
        if written is None:
            return None
        logger.log(verbosity, "Saved a checkpoint in %s", path)
        return self._construct_checkpoint_objects([path])[0]

    def load_checkpoint(self, checkpoint):
        """Load a checkpoint; ValueError names one that can't be loaded."""
        with reading(checkpoint.path, REMEDY):
            super().load_checkpoint(checkpoint)

    @staticmethod
    def _construct_checkpoint_objects(checkpoint_dirs):
        found = []
        for folder in checkpoint_dirs:
            with reading(folder, REMEDY):
                found += Checkpointer._construct_checkpoint_objects([folder])
                float(found[-1].meta["unixtime"])
        return found


@partial(register_checkpoint_hooks, save_on_main_only=False)
class RandomState:
    """The state of all random generators, to be one of a checkpointer's recoverables.

    Each process has its own: that of the main process is in the checkpoint's file, the
    others' in files beside it. Workers that load data begin a resumed epoch with draws
    of their own, so a run is repeated to the bit with ``num_workers: 0``.

    Arguments
    ---------
    loader : torch.Generator
        The generator given to the data loader, which draws from it as an epoch begins.
        It would else draw from torch's own, whose state is resumed before that.

    Example
    -------
    >>> state, path = RandomState(torch.Generator()), getfixture("tmp_path") / "a.ckpt"
    >>> state.save(path)
    >>> before = torch.rand(()).item(), random.random(), np.random.rand()
    >>> state.load(path, end_of_epoch=False)
    >>> before == (torch.rand(()).item(), random.random(), np.random.rand())
    True
    """

    def __init__(self, loader):
        self.loader = loader

    @mark_as_saver
    def save(self, path):
        """Write this process's state."""
        name, keys, *rest = np.random.get_state()
        state = {
            "python": random.getstate(),
            "numpy": (name, keys.tolist(), *rest),
            "torch": torch.get_rng_state(),
            "loader": self.loader.get_state(),
        }
        if torch.cuda.is_initialized():
            state["cuda"] = torch.cuda.get_rng_state()
        torch.save(state, self._own(path))

    @mark_as_loader
    def load(self, path, end_of_epoch):
        """Read this process's state, unless there were fewer processes."""
        path = self._own(path)
        if not path.is_file():
            return
        state = torch.load(path, weights_only=True)
        random.setstate(state["python"])
        np.random.set_state(state["numpy"])
        torch.set_rng_state(state["torch"])
        if "cuda" in state and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["cuda"])
        self.loader.set_state(state["loader"])

    def _own(self, path):
        """The file of this process."""
        return Path(path if if_main_process() else f"{path}.rank{get_rank()}")

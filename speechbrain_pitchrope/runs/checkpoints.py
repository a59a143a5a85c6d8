"""Checkpoints that are there as a whole or not at all."""

import logging
import shutil

from speechbrain.utils.checkpoints import Checkpoint, Checkpointer
from speechbrain.utils.distributed import ddp_barrier, if_main_process
from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

UNFINISHED = "unfinished"


class AtomicCheckpointer(Checkpointer):
    """SpeechBrain's Checkpointer, safe against a kill while it writes.

    Upstream writes into the checkpoint's own folder. A run that is killed meanwhile (a
    cluster's time limit, a full disk) leaves a checkpoint that looks like the newest
    and lacks files, and can't resume. Here the folder gets its name when all is
    written.

    Arguments
    ---------
    checkpoints_dir : str
        Folder of the checkpoints; made if it is not there.
    *args, **kwargs : tuple, dict
        As of ``speechbrain.utils.checkpoints.Checkpointer``.

    Example
    -------
    >>> import torch
    >>> folder = getfixture("tmp_path")
    >>> checkpointer = AtomicCheckpointer(folder, {"model": torch.nn.Linear(2, 2)})
    >>> saved = checkpointer.save_checkpoint(name="first")
    >>> sorted(path.name for path in saved.path.iterdir())
    ['CKPT.yaml', 'model.ckpt']
    >>> [path.name for path in folder.iterdir()]
    ['CKPT+first']
    """

    def save_checkpoint(
        self, meta=None, end_of_epoch=True, name=None, verbosity=logging.INFO
    ):
        """Save a checkpoint; arguments and result are upstream's."""
        folder = self.checkpoints_dir
        path = self._new_checkpoint_dirpath()
        if name is not None:
            path = self._custom_checkpoint_dirpath(name)
        name = path.name.partition("+")[2]
        staging = folder / UNFINISHED
        if if_main_process():
            shutil.rmtree(staging, ignore_errors=True)
        try:
            self.checkpoints_dir = staging
            written = super().save_checkpoint(
                meta or {}, end_of_epoch, name, logging.DEBUG
            )
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
        paramfiles = {key: path / file.name for key, file in written.paramfiles.items()}
        return Checkpoint(path, written.meta, paramfiles)

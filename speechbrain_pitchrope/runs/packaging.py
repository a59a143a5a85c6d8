"""A trained run as a folder that SpeechBrain's inference interfaces load.

    output folder of train.py -> package: hyperparams.yaml   what to build
                                          streaming.yaml     if the model can stream
                                          model.ckpt         averaged weights
                                          normalizer.ckpt    statistics
                                          tokenizer.ckpt     SentencePiece model
                                          lm.ckpt            if the test used one

A model with a decoder becomes an ``EncoderDecoderASR``, CTC alone an ``EncoderASR``; a
model that was trained with ``pitch_level: window`` (or ``fixed``) and ``norm_type:
global`` is a ``StreamingASR`` as well, by greedy CTC. (``train.py`` trains on whole
utterances: what chunks cost such a model is not known.) All are of
``speechbrain.inference.ASR``. A package decodes as the test did, and may be moved:
no path stands in it.

Runs of swapped recipes become packages as well (``utils.swapped_run``); a transducer is
an ``EncoderDecoderASR``, and a ``StreamingASR`` if it was trained to be one.
"""

import shutil
from pathlib import Path

import torch

from speechbrain_pitchrope.runs.inference_yaml import inference_yaml, streaming_yaml
from speechbrain_pitchrope.runs.swapped_run import is_swapped, open_swapped
from speechbrain_pitchrope.runs.swapped_yaml import (
    swapped_inference_yaml,
    swapped_streaming_yaml,
)
from speechbrain_pitchrope.runs.trained import HYPERPARAMS, load_trained

STREAMING = "streaming.yaml"

FILES = (
    *(HYPERPARAMS, STREAMING),
    *("model.ckpt", "normalizer.ckpt", "tokenizer.ckpt", "lm.ckpt"),
    *("pt_model.ckpt", "normalize.ckpt"),  # BEST-RQ's names
)
"""What a package consists of."""


def package_run(output_folder, package_folder=None):
    """Package a finished run, of our recipe or of a swapped one of SpeechBrain's.

    Arguments
    ---------
    output_folder : str
        The run's output folder; or one of its checkpoints, to package that one alone
        (of our recipe, ``recipes/LibriSpeech/ASR/transformer/train.py``).
    package_folder : str, optional
        Where to; ``package`` in the output folder if not given. A package that is
        there already is replaced.

    Returns
    -------
    pathlib.Path
        The package's folder.

    Raises
    ------
    ValueError
        If this is not a run's folder, or if there is something else than a package
        where the package shall be.
    FileNotFoundError
        If the run has no checkpoint, or the file of its language model is gone.
    """
    if is_swapped(output_folder):
        return _package_swapped(open_swapped(output_folder), package_folder)
    run = load_trained(output_folder)
    folder = Path(package_folder or run.folder / "package")
    language_model = run.hparams["lm_file"]
    if language_model is not None and not Path(language_model).is_file():
        raise FileNotFoundError(
            f"{run.folder} was tested with the language model {language_model}, which "
            "is not there: bring the file back, or correct lm_file in "
            f"{run.folder / HYPERPARAMS}"
        )
    tokens = run.tokenizer.serialized_model_proto()
    texts = {STREAMING: streaming_yaml(run), HYPERPARAMS: inference_yaml(run)}
    _empty(folder)
    torch.save(run.hparams["model"].state_dict(), folder / "model.ckpt")
    run.hparams["normalize"]._save(folder / "normalizer.ckpt")
    (folder / "tokenizer.ckpt").write_bytes(tokens)
    if language_model is not None:
        shutil.copyfile(language_model, folder / "lm.ckpt")
    _write(folder, texts)
    return folder


def _package_swapped(run, package_folder):
    folder = Path(package_folder or run.folder / "package")
    text, files = swapped_inference_yaml(run)
    texts = {STREAMING: swapped_streaming_yaml(run), HYPERPARAMS: text}
    fetched = {
        name: run.fetched_file(name) for name in files.keys() - run.trained.keys()
    }
    _empty(folder)
    for name in files.keys() & run.trained.keys():
        run.save(name, folder / f"{name}.ckpt")
    for name, path in {**fetched, "tokenizer": run.tokenizer[1]}.items():
        shutil.copyfile(path, folder / f"{name}.ckpt")
    _write(folder, texts)
    return folder


def _write(folder, texts):
    """Write what there is of the yaml files, whose lack marks an unfinished package."""
    for name, text in texts.items():
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")


def _empty(folder):
    """Make the folder, or take an earlier package out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    strange = sorted({path.name for path in folder.iterdir()} - set(FILES))
    if strange:
        raise ValueError(
            f"{folder} holds {', '.join(strange)}, which belong to no package: choose "
            "another folder"
        )
    for name in FILES:
        (folder / name).unlink(missing_ok=True)

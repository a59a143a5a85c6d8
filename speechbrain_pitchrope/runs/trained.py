"""Opening the output folder of a training run: the model that its test used.

``train.py`` of ``recipes/LibriSpeech/ASR/transformer`` tests the average of its best
checkpoints. Figures and reports must show that same model, so both load it here.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError

import sentencepiece
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.utils.checkpoints import METAFNAME, average_checkpoints

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.parameter_transfer import differences, listing
from speechbrain_pitchrope.runs.settings import (
    HYPERPARAMS,
    folder_of_run,
    settings_to_load,
)


@dataclass
class TrainedRun:
    """A trained model as its test used it.

    Arguments
    ---------
    folder : pathlib.Path
        The run's output folder.
    hparams : dict
        Its hyperparams.yaml, loaded.
    modules : torch.nn.ModuleDict
        normalize, CNN, Transformer, ctc_lin and seq_lin, in eval mode.
    attention : list of PitchRoPEMHA
        Attention of each encoder layer, in the order of ``learned_pitch.txt``.
    epochs : list of int
        The epochs whose checkpoints were averaged, sorted.
    """

    folder: Path
    hparams: dict
    modules: torch.nn.ModuleDict
    attention: list
    epochs: list

    @property
    def variant(self):
        """Name of the run's variant."""
        return self.hparams["variant"]

    @property
    def pitch_attention(self):
        """Settings of the run's variant, as of ``variants.load_variant``."""
        return self.hparams["pitch_attention"]

    @cached_property
    def tokenizer(self):
        """The run's SentencePiece model; ValueError if its file is gone."""
        path = self.hparams["tokenizer_file"]
        if path is None:
            entry = self.hparams["tokenizer"].keywords
            name = f"{entry['vocab_size']}_{entry['model_type']}.model"
            path = Path(entry["model_dir"]) / name
        if not Path(path).is_file():
            raise ValueError(
                f"{self.folder} was trained with the tokenizer {path}, which is not "
                "there: bring the file back, or correct tokenizer_file in "
                f"{self.folder / HYPERPARAMS}"
            )
        return sentencepiece.SentencePieceProcessor(model_file=str(path))

    @torch.no_grad()
    def encode(self, wavs, wav_lens=None):
        """What the encoder makes of a batch, as in ``train.py``.

        Arguments
        ---------
        wavs : torch.Tensor
            Samples at the run's ``sample_rate``, shape [B, N], zeros where padded.
        wav_lens : torch.Tensor, optional
            Relative lengths, shape [B]; all 1 if not given.

        Returns
        -------
        enc_out : torch.Tensor
            Shape [B, T, d_model], one frame each 40 ms.
        p_ctc : torch.Tensor
            Log-probabilities of the CTC tokens, shape [B, T, output_neurons].
        """
        if wav_lens is None:
            wav_lens = torch.ones(len(wavs))
        feats = self.modules["normalize"](
            self.hparams["compute_features"](wavs), wav_lens
        )
        src = self.modules["CNN"](feats)
        enc_out = self.modules["Transformer"].encode(src, wav_lens)
        return enc_out, self.hparams["log_softmax"](self.modules["ctc_lin"](enc_out))


def load_trained(output_folder):
    """Open a run of ``train.py`` with the weights that its test used.

    Nothing is written into the folder, which may have been moved since.

    Arguments
    ---------
    output_folder : str
        The run's output folder; or one of its checkpoints, ``save/CKPT+...``, to use
        that one alone.

    Returns
    -------
    TrainedRun

    Raises
    ------
    ValueError
        If this is not a run's folder, or if the weights don't fit the model that
        hyperparams.yaml describes.
    FileNotFoundError
        If no epoch has been finished.
    """
    given = Path(output_folder).absolute()
    folder = folder_of_run(given)
    hparams = _load_hparams(folder)
    if (given / METAFNAME).is_file():
        which = {"ckpt_predicate": lambda found: found.path.name == given.name}
    else:
        which = selection_criterion(hparams["num_decoder_layers"])
    checkpoints = load_average(
        hparams["checkpointer"], hparams["model"], hparams["avg_checkpoints"], **which
    )
    modules = torch.nn.ModuleDict(hparams["modules"]).eval()
    return TrainedRun(
        folder,
        hparams,
        modules,
        [net for net in modules.modules() if isinstance(net, PitchRoPEMHA)],
        sorted(found.meta["epoch"] for found in checkpoints if "epoch" in found.meta),
    )


def selection_criterion(num_decoder_layers):
    """What tells good checkpoints, as keyword arguments of SpeechBrain's checkpointer.

    Example
    -------
    >>> selection_criterion(6), selection_criterion(0)
    ({'max_key': 'ACC'}, {'min_key': 'CER'})
    """
    return {"max_key": "ACC"} if num_decoder_layers > 0 else {"min_key": "CER"}


def load_average(checkpointer, model, max_num_checkpoints, **which):
    """Recover the best checkpoint, with the average of the best as the model.

    Arguments
    ---------
    checkpointer : speechbrain.utils.checkpoints.Checkpointer
        Its recoverable "model" is the one that is averaged.
    model : torch.nn.Module
        That recoverable; changed in place.
    max_num_checkpoints : int
        So many checkpoints are averaged, or as many as there are.
    **which : dict
        ``max_key``, ``min_key`` or ``ckpt_predicate``, as of ``find_checkpoints``.

    Returns
    -------
    list of speechbrain.utils.checkpoints.Checkpoint
        What was averaged, the best first.

    Raises
    ------
    FileNotFoundError
        If there is no such checkpoint.
    ValueError
        If the weights are of another model, or can't be read; the message names the
        tensors, or the files.
    """
    checkpoints = checkpointer.find_checkpoints(
        max_num_checkpoints=max_num_checkpoints, **which
    )
    if not checkpoints:
        raise _no_checkpoint(checkpointer.checkpoints_dir)
    try:
        weights = average_checkpoints(checkpoints, recoverable_name="model")
    except (EOFError, RuntimeError, UnpicklingError) as error:
        paths = ", ".join(str(found.path / "model.ckpt") for found in checkpoints)
        raise ValueError(
            f"no weights can be read from {paths}: {error}; was one cut short when it "
            "was copied? Copy it again, or take its folder away"
        ) from error
    faults = differences(model.state_dict(), weights)
    if any(faults.values()):
        raise ValueError(
            f"{checkpoints[0].path} holds weights of another variant or of other sizes "
            f"than the yaml describes.\n{listing(faults)}"
        )
    checkpointer.load_checkpoint(checkpoints[0])
    model.load_state_dict(weights)
    return checkpoints


def _no_checkpoint(folder):
    return FileNotFoundError(
        f"there is no checkpoint of a finished epoch in {folder}: train first, or mend "
        "output_folder"
    )


def _load_hparams(folder):
    """The run's hyperparams.yaml, loaded. No number is drawn from the caller's seed."""
    text, save_folder = settings_to_load(folder)
    if not Path(save_folder).is_dir():  # a checkpointer would make it
        raise _no_checkpoint(save_folder)
    with torch.random.fork_rng(devices=[]):
        hparams = load_hyperpyyaml(text)
    mark = folder / "variant.json"
    if mark.is_file():
        trained = json.loads(mark.read_text(encoding="utf-8"))["pitch_attention"]
        if trained != hparams["pitch_attention"]:
            raise ValueError(
                f"{folder} was trained with {trained}, and its variant "
                f"{hparams['variant']!r} now means {hparams['pitch_attention']}: use "
                "the revision it was trained with"
            )
    return hparams

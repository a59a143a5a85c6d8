"""Opening the output folder of a training run: the model that its test used.

``train.py`` of ``recipes/LibriSpeech/ASR/transformer`` tests the average of its best
checkpoints. Figures and reports must show that same model, so both load it here.
"""

import io
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sentencepiece
import torch
from hyperpyyaml import load_hyperpyyaml
from ruamel.yaml import YAML, MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.error import YAMLError
from speechbrain.utils.checkpoints import METAFNAME, average_checkpoints

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.utils.parameter_transfer import differences, listing

HYPERPARAMS = "hyperparams.yaml"
"""What SpeechBrain's create_experiment_directory keeps a run's settings in."""

NEEDED = (
    *(
        "output_folder",
        "save_folder",
        "variant",
        "pitch_attention",
        "num_decoder_layers",
    ),
    *("compute_features", "modules", "model", "log_softmax", "sample_rate"),
    *("checkpointer", "avg_checkpoints", "blank_index", "tokenizer", "tokenizer_file"),
)
"""Entries of hyperparams.yaml that are read here."""

LEFT_OUT = ("__set_seed", "train_logger")
"""Entries that are not made here: one would reseed the caller, one write a log."""


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
                f"{self.folder / 'hyperparams.yaml'}"
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
    folder = _folder_of_run(given)
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
        If the weights are of another model; the message names the tensors.
    """
    checkpoints = checkpointer.find_checkpoints(
        max_num_checkpoints=max_num_checkpoints, **which
    )
    if not checkpoints:
        raise _no_checkpoint(checkpointer.checkpoints_dir)
    weights = average_checkpoints(checkpoints, recoverable_name="model")
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


def _folder_of_run(given):
    """The output folder that this path names or lies in."""
    inside_save = [given.parent.parent] if (given / METAFNAME).is_file() else []
    for folder in (given, *inside_save):
        if (folder / HYPERPARAMS).is_file():
            return folder
    found = f"holds no {HYPERPARAMS}" if given.is_dir() else "is no folder"
    raise ValueError(
        f"{given} {found}: give the output folder of a run of train.py, or a "
        "checkpoint in it, save/CKPT+..."
    )


def _load_hparams(folder):
    """The run's hyperparams.yaml, loaded. No number is drawn from the caller's seed."""
    text, save_folder = _moved_yaml(folder)
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


def _moved_yaml(folder):
    """Text of hyperparams.yaml with its paths in this folder, and its save_folder.

    References are resolved in it, so every path under the output folder of the time
    names that folder.
    """
    path = folder / HYPERPARAMS
    try:
        root = YAML().compose(path)
        entries = {key.value: value for key, value in root.value}
    except (YAMLError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} is not a mapping in YAML: {error}") from error
    missing = sorted(set(NEEDED) - entries.keys())
    if missing:
        raise ValueError(
            f"{path} has no {', '.join(missing)}: give the output folder of "
            "recipes/LibriSpeech/ASR/transformer/train.py"
        )
    then = entries["output_folder"].value.rstrip("/")
    for scalar in _scalars(root):
        if scalar.value == then or scalar.value.startswith(f"{then}/"):
            scalar.value = str(folder) + scalar.value[len(then) :]
    root.value = [entry for entry in root.value if entry[0].value not in LEFT_OUT]
    text = io.StringIO()
    YAML().serialize(root, text)
    return text.getvalue(), entries["save_folder"].value


def _scalars(root):
    """Every scalar of a YAML document, once, however often it is referred to."""
    waiting, seen = [root], {}
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen[id(node)] = node
        if isinstance(node, MappingNode):
            waiting.extend(part for entry in node.value for part in entry)
        elif isinstance(node, SequenceNode):
            waiting.extend(node.value)
    return [node for node in seen.values() if isinstance(node, ScalarNode)]

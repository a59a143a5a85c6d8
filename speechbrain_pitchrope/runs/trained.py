"""The model of a run, with the weights that its test used."""

import json
from dataclasses import dataclass
from functools import cached_property

import sentencepiece
import torch
from hyperpyyaml import load_hyperpyyaml
from ruamel.yaml import YAML
from speechbrain.dataio.encoder import CTCTextEncoder
from speechbrain.utils.checkpoints import (
    Checkpointer,
    average_state_dicts,
    torch_patched_state_dict_load,
)

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.parameter_transfer import differences, listing
from speechbrain_pitchrope.runs.run import (
    CHECKPOINT_META,
    HYPERPARAMS,
    DamagedRun,
    Run,
    open_run,
    reading,
)
from speechbrain_pitchrope.variants import load_variant

OUTPUTS = ("back_end_ffn", "ctc_lin", "proj_ctc", "log_softmax")
"""Entries that make log-probabilities of CTC of the encoder's output, if there."""

COPY = "copy it again, or take its folder away"


@dataclass(eq=False)
class TrainedRun:
    """A trained model as its test used it. Made by ``load_trained``."""

    run: Run
    hparams: dict
    """The objects of its yaml that make the model, by the names that SpeechBrain's
    recipes give them: compute_features, normalize, CNN, Transformer, model; and
    sample_rate and blank_index."""
    modules: torch.nn.ModuleDict
    """Those of hparams that are networks, in eval mode."""
    attention: list
    """PitchRoPEMHA of each encoder layer, in order."""
    epochs: list
    """The epochs whose checkpoints were averaged, sorted."""
    files: dict
    """Name to path of each file of the best checkpoint."""

    @property
    def folder(self):
        """The output folder."""
        return self.run.folder

    @property
    def variant(self):
        """Name of the run's variant."""
        return self.run.variant

    @cached_property
    def tokenizer(self):
        """The run's tokenizer, as SentencePieceProcessor: id_to_piece, decode_ids."""
        return load_tokenizer(self.run)

    @torch.no_grad()
    def encode(self, wavs, wav_lens=None):
        """Samples [B, N] -> enc_out [B, T, d_model], and log-probabilities of the CTC
        tokens [B, T, output_neurons]: of a model without CTC, blank in every frame.
        """
        if wav_lens is None:
            wav_lens = torch.ones(len(wavs))
        feats = self.hparams["compute_features"](wavs)
        src = self.hparams["CNN"](self.hparams["normalize"](feats, wav_lens))
        enc_out = self.hparams["Transformer"].encode(src, wav_lens)
        p_ctc = enc_out
        for name in OUTPUTS:
            p_ctc = self.hparams[name](p_ctc) if name in self.hparams else p_ctc
        if p_ctc is enc_out or "log_softmax" not in self.hparams:
            blank = torch.tensor(self.hparams["blank_index"])
            p_ctc = (
                torch.nn.functional.one_hot(blank).log().expand(*enc_out.shape[:2], -1)
            )
        return enc_out, p_ctc


def load_trained(output_folder):
    """Open a run, or its folder as in ``open_run``, with the weights of its test.

    This runs what the run's hyperparams.yaml names. Nothing is written, and no number
    is drawn from the caller's seed. Returns a TrainedRun; a ValueError names a file
    that is missing or damaged, or weights that don't fit the model.
    """
    is_open = isinstance(output_folder, Run)
    run = output_folder if is_open else open_run(output_folder)
    checkpoints = used_checkpoints(run)
    hparams = _build(run)
    for name, entry in run.trained.items():
        paths = [one.path / f"{name}.ckpt" for one in checkpoints]
        # Recipes average "model" alone, and take the rest from the best checkpoint.
        if isinstance(hparams[entry], torch.nn.ModuleList):
            paths = paths if name == "model" else paths[:1]
            hparams[entry].load_state_dict(mean_weights(hparams[entry], paths))
        else:
            read_state(paths[0])
            hparams[entry]._load(paths[0])
    networks = {k: v for k, v in hparams.items() if isinstance(v, torch.nn.Module)}
    modules = torch.nn.ModuleDict(networks).eval()
    return TrainedRun(
        run,
        hparams,
        modules,
        [net for net in modules.modules() if isinstance(net, PitchRoPEMHA)],
        sorted(one.meta["epoch"] for one in checkpoints if "epoch" in one.meta),
        {name: checkpoints[0].path / f"{name}.ckpt" for name in run.trained},
    )


def _build(run):
    """The objects of the yaml that make the model, new; ``TrainedRun.hparams``."""
    mark = run.folder / "variant.json"
    if mark.is_file():
        with reading(mark, "remove it, and the run is taken for what its yaml says"):
            then = json.loads(mark.read_text(encoding="utf-8"))["pitch_attention"]
        now = load_variant(run.variant)
        if then != now:
            raise ValueError(
                f"{run.folder} was trained with {then}, and its variant "
                f"{run.variant!r} now means {now}: use the revision it was trained with"
            )
    names = [*run.chain.values(), *run.trained.values()]
    names += [name for name in OUTPUTS if name in run.entries]
    with reading(run.folder / HYPERPARAMS, "use the revision it was trained with"):
        with torch.random.fork_rng(devices=[]):
            hparams = load_hyperpyyaml(run.excerpt(names))
        hparams["sample_rate"] = int(run.settings["sample_rate"])
        hparams["blank_index"] = int(run.settings.get("blank_index") or 0)
    return hparams | {name: hparams[entry] for name, entry in run.chain.items()}


def used_checkpoints(run):
    """The checkpoints that the test of a run averaged, the best first."""
    with reading(run.folder / HYPERPARAMS, "correct save_folder"):
        folder, metas = run.save_folder, []
    for path in folder.glob(f"*/{CHECKPOINT_META}"):
        with reading(path, COPY):
            metas.append(YAML(typ="safe").load(path))
            float(metas[-1]["unixtime"]), metas[-1]["end-of-epoch"]
    keys = [key for key in ("ACC", "CER", "WER") if any(key in meta for meta in metas)]
    which = {"max_key" if "ACC" in keys else "min_key": (*keys, None)[0]}
    if run.checkpoint is not None:
        which = {"ckpt_predicate": lambda one: one.path.name == run.checkpoint}
    checkpoints = []
    if metas and (keys or run.checkpoint):
        with reading(folder, "correct avg_checkpoints, or copy the checkpoints again"):
            count = int(run.settings.get("avg_checkpoints") or 1)
            checkpointer = Checkpointer(folder)
            checkpoints = checkpointer.find_checkpoints(
                max_num_checkpoints=count, **which
            )
    if not checkpoints:
        raise ValueError(
            f"there is no checkpoint of a finished epoch in {folder}: train first, or "
            f"correct output_folder in {run.folder / HYPERPARAMS}"
        )
    return checkpoints


def read_state(path):
    """What a file of a checkpoint holds; ValueError if damaged or not finite."""
    with reading(path, COPY):
        state = torch_patched_state_dict_load(path)
        faults = [
            name
            for name, value in state.items()
            if isinstance(value, torch.Tensor) and not value.isfinite().all()
        ]
    if faults:
        raise DamagedRun(
            f"{path} holds NaN or infinite numbers in {', '.join(faults[:3])}: the "
            "training diverged; use a checkpoint of an earlier epoch"
        )
    return state


def mean_weights(model, paths):
    """The mean of state dicts; ValueError if they are damaged or of another model."""

    def fitting(path):
        weights = read_state(path)
        faults = differences(model.state_dict(), weights)
        if any(faults.values()):
            raise ValueError(
                f"{path} holds weights of another variant or of other sizes than the "
                f"yaml describes.\n{listing(faults)}"
            )
        return weights

    return average_state_dicts(map(fitting, paths))


def load_tokenizer(run):
    """The tokenizer of a run; ValueError if it is damaged or not the model's."""
    with reading(run.folder / HYPERPARAMS, "correct it"):
        path = run.tokenizer_file
    with reading(path, "bring the whole file back"):
        if path.suffix == ".txt":
            tokenizer = _Letters()
            tokenizer.load(path)
        else:
            tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(path))
        found = len(tokenizer)
        expected = int(run.settings.get("output_neurons") or found)
    if found != expected:
        raise ValueError(
            f"{path} has {found} tokens and output_neurons is {expected}: bring the "
            "tokenizer of the training back"
        )
    return tokenizer


class _Letters(CTCTextEncoder):
    """SpeechBrain's label encoder, asked as one asks a SentencePieceProcessor."""

    def id_to_piece(self, i):
        return self.ind2lab[i]

    def decode_ids(self, ids):
        return "".join(map(self.id_to_piece, ids))

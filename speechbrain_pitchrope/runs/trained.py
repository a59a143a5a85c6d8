"""The model of a run, with the weights that its test used."""

import json
from functools import cached_property

import sentencepiece
import torch
from hyperpyyaml import load_hyperpyyaml
from ruamel.yaml import YAML
from speechbrain.dataio.encoder import CTCTextEncoder
from speechbrain.utils.checkpoints import (
    average_state_dicts,
    torch_patched_state_dict_load,
)

from speechbrain_pitchrope.files import DamagedFile, reading
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.runs.run import Run, open_run
from speechbrain_pitchrope.variants import load_variant, variant_names

# Entries that make log-probabilities of CTC of the encoder's output, if there.
OUTPUTS = ("back_end_ffn", "ctc_lin", "proj_ctc", "log_softmax")
COPY = "copy it again, or take its folder away"


class TrainedRun(Run):
    """A run and its model, as its test used it. Made by ``load_trained``.

    ``hparams`` are the objects of its yaml that make the model, by the names that
    SpeechBrain's recipes give them: compute_features, normalize, CNN, Transformer,
    model; and sample_rate and blank_index. ``modules`` are those that are networks, in
    eval mode; ``attention`` is the PitchRoPEMHA of each encoder layer, in order.
    ``files`` are those of the best checkpoint, ``epochs`` those that were averaged.
    """

    def __init__(self, run):
        super().__init__(run.folder, dict(run.entries), run.checkpoint)
        checkpoints = used_checkpoints(run)
        self.epochs = sorted(x["epoch"] for x in checkpoints.values() if "epoch" in x)
        self.hparams, self.files = _build(run), {}
        for name, entry in run.trained.items():
            paths = [folder / f"{name}.ckpt" for folder in checkpoints]
            # Recipes average "model" alone, and take the rest from the best checkpoint.
            states = map(read_state, paths if name == "model" else paths[:1])
            target, self.files[name] = self.hparams[entry], paths[0]
            with reading(paths[0], "use the variant and sizes it was trained with"):
                if isinstance(target, torch.nn.ModuleList):
                    target.load_state_dict(average_state_dicts(states))
                else:
                    read_state(paths[0])
                    target._load(paths[0])
        objects = self.hparams.items()
        networks = {k: v for k, v in objects if isinstance(v, torch.nn.Module)}
        self.modules = torch.nn.ModuleDict(networks).eval()
        nets = self.modules.modules()
        self.attention = [net for net in nets if isinstance(net, PitchRoPEMHA)]

    @cached_property
    def tokenizer(self):
        """The tokenizer, as SentencePieceProcessor: id_to_piece, decode_ids."""
        path = self.tokenizer_file
        with reading(path, "bring the whole file back"):
            if path.suffix == ".txt":
                tokenizer = _Letters()
                tokenizer.load(path)
            else:
                tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(path))
            found = len(tokenizer)
            expected = int(self.settings.get("output_neurons") or found)
        if found != expected:
            raise DamagedFile(
                f"{path} has {found} tokens and output_neurons is {expected}: bring "
                "the tokenizer of the training back"
            )
        return tokenizer

    @torch.no_grad()
    def encode(self, wavs):
        """Samples [B, N] -> enc_out [B, T, d_model], and log-probabilities of the CTC
        tokens [B, T, output_neurons]: of a model without CTC, blank in every frame.
        """
        hparams, wav_lens = self.hparams, torch.ones(len(wavs))
        feats = hparams["normalize"](hparams["compute_features"](wavs), wav_lens)
        enc_out = hparams["Transformer"].encode(hparams["CNN"](feats), wav_lens)
        p_ctc = enc_out
        for name in OUTPUTS:
            p_ctc = hparams[name](p_ctc) if name in hparams else p_ctc
        if p_ctc is enc_out or "log_softmax" not in hparams:
            blank = torch.nn.functional.one_hot(torch.tensor(hparams["blank_index"]))
            p_ctc = blank.log().expand(*enc_out.shape[:2], -1)
        return enc_out, p_ctc


def load_trained(run):
    """What ``open_run`` takes, as a TrainedRun.

    This runs what hyperparams.yaml names. Nothing is written, and the caller's random
    numbers stay the same. A ValueError names what is missing, damaged or does not fit.
    """
    return TrainedRun(open_run(run))


def _build(run):
    """The objects of the yaml that make the model, new; ``TrainedRun.hparams``."""
    mark = run.folder / "variant.json"
    if mark.is_file():
        with reading(mark, "remove it, and the run is taken for what its yaml says"):
            then = json.loads(mark.read_text(encoding="utf-8"))["pitch_attention"]
        if then != (now := load_variant(run.variant)):
            same = [name for name in variant_names() if load_variant(name) == then]
            raise ValueError(
                f"{run.folder} was trained with {then}, and its variant "
                f"{run.variant!r} now means {now}: use the revision it was trained with"
                + f", or write {''.join(same)} in its hyperparams.yaml"
                * bool(same)
            )
    names = [*run.chain.values(), *run.trained.values()]
    names += [name for name in OUTPUTS if name in run.entries]
    with reading(run.path, "use the revision it was trained with"):
        with torch.random.fork_rng(devices=[]):
            hparams = load_hyperpyyaml(run.excerpt(names))
        hparams["sample_rate"] = int(run.settings["sample_rate"])
        hparams["blank_index"] = int(run.settings.get("blank_index") or 0)
    return hparams | {name: hparams[entry] for name, entry in run.chain.items()}


def used_checkpoints(run):
    """{folder: its CKPT.yaml} of those that the test averaged, the best first."""
    metas = {}
    for path in run.save_folder.glob("*/CKPT.yaml"):
        with reading(path, COPY):
            metas[path.parent] = YAML(typ="safe").load(path)
            float(metas[path.parent]["unixtime"])
    keys = [x for x in ("ACC", "CER", "WER") if any(x in y for y in metas.values())]

    def rank(folder):  # as SpeechBrain's Checkpointer: of equals the newest first
        score, time = metas[folder][keys[0]], metas[folder]["unixtime"]
        return -score if keys[0] == "ACC" else score, -time

    used = [folder for folder in metas if folder.name == run.checkpoint]
    if run.checkpoint is None and keys:
        with reading(run.save_folder, "correct avg_checkpoints, or copy them again"):
            count = int(run.settings.get("avg_checkpoints") or 1)
            used = sorted((x for x in metas if keys[0] in metas[x]), key=rank)[:count]
    if not used:
        raise ValueError(
            f"there is no checkpoint of a finished epoch in {run.save_folder}: train "
            f"first, or correct output_folder in {run.path}"
        )
    return {folder: metas[folder] for folder in used}


def read_state(path):
    """What a file of a checkpoint holds; ValueError if damaged or not finite."""
    with reading(path, COPY):
        state = torch_patched_state_dict_load(path)
        tensors = {k: v for k, v in state.items() if isinstance(v, torch.Tensor)}
        faults = [name for name in tensors if not tensors[name].isfinite().all()]
    if faults:
        raise DamagedFile(
            f"{path} holds NaN or infinite numbers in {', '.join(faults[:3])}: the "
            "training diverged; use a checkpoint of an earlier epoch"
        )
    return state


class _Letters(CTCTextEncoder):
    """SpeechBrain's label encoder, asked as one asks a SentencePieceProcessor."""

    def id_to_piece(self, i):
        return self.ind2lab[i]

    def decode_ids(self, ids):
        return "".join(map(self.id_to_piece, ids))

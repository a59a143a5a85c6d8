"""Output folders as swapped recipes of SpeechBrain's leave them, without training."""

from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references
from ruamel.yaml import YAML
from speechbrain.dataio.encoder import CTCTextEncoder
from speechbrain.utils.checkpoints import average_state_dicts

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.swapping.rewrite import swap
from tests.made_runs import WORDS, make_tokenizer, set_statistics
from tests.swapping.recipes import FEATURES, HEAD, PIECES, ROTARY, model

_MORE = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
MORE = YAML(typ="safe", pure=True).load(_MORE)
COMMON = HEAD + MORE["settings"] + FEATURES
CTC_ONLY = COMMON + model(decoders=0) + MORE["outputs"]
RECIPES = {
    "joint": COMMON + model() + MORE["outputs"] + MORE["joint"] + MORE["fetched"],
    "ctc": CTC_ONLY + MORE["ctc"],
    "after_pretraining": CTC_ONLY + MORE["after_pretraining"],
    "transducer": COMMON.replace("norm_type: 'sentence'", "norm_type: global")
    + PIECES["chunk_sampler"]
    + model(ROTARY, decoders=0)
    + MORE["transducer"]
    + MORE["fetched"],
}
RECIPES = {name: text + MORE["checkpoints"] for name, text in RECIPES.items()}
RECIPES["after_pretraining"] = (
    RECIPES["after_pretraining"]
    .replace("avg_checkpoints: 2\n", "")
    .replace("n_neurons: 31", "n_neurons: 29")
    .replace("normalizer: !ref", "pt_model: !ref <pt_model>\n        normalize: !ref")
)
"""Those that can be packaged."""


def make_swapped_run(folder, recipe, variant="all"):
    """A finished run of one of ``RECIPES``, swapped, whose weights are random.

    Returns what the recipe's yaml makes, with weights as the test has them.
    """
    text = swap(RECIPES[recipe].replace("tgt_vocab: 8", "tgt_vocab: 31"), variant)
    overrides = {"data_folder": "audio", "output_folder": str(folder)}
    folder.mkdir(parents=True)
    resolved = resolve_references(text, overrides).getvalue()
    (folder / "hyperparams.yaml").write_text(resolved, encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        hparams = load_hyperpyyaml(text, overrides)
    _make_files(folder / "save", hparams, recipe)
    set_statistics(hparams["normalize"], 20)
    networks = [hparams[name] for name in ("model", "pt_model") if name in hparams]
    states = []
    for epoch, score in ((1, 40.0), (2, 30.0)):
        for parameter in (p for net in networks for p in net.parameters()):
            parameter.data.add_(0.1 * torch.randn_like(parameter))
        ours = (m for m in networks[-1].modules() if isinstance(m, PitchRoPEMHA))
        for net in ours:
            net.similarity_even.data.add_(1.0)
        meta = {"epoch": epoch, "WER": score, "ACC": 100 - score}
        states.append({k: v.clone() for k, v in networks[0].state_dict().items()})
        hparams["checkpointer"].save_checkpoint(meta)
    if "avg_checkpoints" in hparams:
        networks[0].load_state_dict(average_state_dicts(states))
    hparams["modules"] = torch.nn.ModuleDict(
        {k: v for k, v in hparams.items() if isinstance(v, torch.nn.Module)}
    ).eval()
    return hparams


def _make_files(save_folder, hparams, recipe):
    """Tokenizer and language model, where the recipe has put them."""
    save_folder.mkdir(exist_ok=True)
    if recipe == "after_pretraining":
        letters = CTCTextEncoder()
        letters.update_from_iterable(WORDS)
        letters.insert_blank(index=0)
        letters.save(str(save_folder / "label_encoder.txt"))
        return
    make_tokenizer(save_folder)
    if recipe != "ctc":
        (save_folder / "31_char.model").rename(save_folder / "tokenizer.ckpt")
        hparams["tokenizer"].load(str(save_folder / "tokenizer.ckpt"))
        hparams["lm_model"].eval()
        torch.save(hparams["lm_model"].state_dict(), save_folder / "lm.ckpt")

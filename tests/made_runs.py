"""Output folders as train.py leaves them, made without training."""

import csv
import shutil
from pathlib import Path

import sentencepiece
import soundfile
import torch
from hyperpyyaml import load_hyperpyyaml, resolve_references
from speechbrain.lobes.models.transformer.TransformerLM import TransformerLM

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.variants import claim_output_folder
from tests.scoring.files import write_wer
from tests.signals import utterance

HPARAMS = Path(__file__).parents[1] / "recipes/LibriSpeech/ASR/transformer/hparams"
SIZES = {"d_model": 32, "d_ffn": 32, "nhead": 2, "num_encoder_layers": 2}
JOINT = {
    **{"num_decoder_layers": 1, "output_neurons": 31, "test_beam_size": 2},
    **{"max_decode_ratio": 0.2, "avg_checkpoints": 1},  # else it may never end
}
"""Settings of conformer_small.yaml; with them a run is not conformer_mini.yaml's."""
WORDS = "THE QUICK BROWN FOX JUMPS OVER A LAZY DOG'S BACK"
LOG = """\
epoch: 1, lr: 2e-3, steps: 220, pitch slope: 0.1 - valid loss: 39.9, valid WER: 81.4
epoch: 2, lr: 1e-3, steps: 440, pitch slope: 0.2 - valid loss: 12.0, valid WER: 44.94
"""
SPLITS = {
    "test-a": {
        "1-1-0": ("THE LAZY FOX", "THE LAZY FOX"),
        "1-1-1": ("A QUICK FOX", "A QUICK BROWN BOX"),
        "2-1-0": ("JUMPS OVER A DOG", "JUMPS OVER DOG"),
    },
    "test-b": {
        "3-1-0": ("BACK", ""),
        "3-1-1": ("A <eps> & <script>", "A <i> & <script>"),
    },
}
"""Split to {utterance: (said, recognised)}."""


def make_run(folder, scores=(30.0,), variant="all", spread=0.3, **settings):
    """A finished run whose weights are random: the state dict of each epoch's model.

    ``scores`` are CERs in percent, or ACCs if the model has a decoder; ``spread`` is
    the standard deviation of what is added to the parameters that use pitch; other
    settings are entries of conformer_mini.yaml, or of conformer_small.yaml (``JOINT``).
    """
    size = "small" if "num_decoder_layers" in settings else "mini"
    text = (HPARAMS / f"conformer_{size}.yaml").read_text(encoding="utf-8")
    folders = {"data_folder": str(folder), "output_folder": str(folder)}
    overrides = SIZES | folders | {"variant": variant} | settings
    folder.mkdir(parents=True)
    # As create_experiment_directory, which would also take over the process's log.
    resolved = resolve_references(text, overrides).getvalue()
    (folder / "hyperparams.yaml").write_text(resolved, encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        hparams = load_hyperpyyaml(text, overrides)
    claim_output_folder(folder, variant, hparams["pitch_attention"])
    make_tokenizer(folder / "tokenizer")
    set_statistics(hparams["normalize"], 80)
    key = "ACC" if hparams["num_decoder_layers"] else "CER"
    states = []
    for epoch, score in enumerate(scores, start=1):
        for name, parameter in hparams["model"].named_parameters():
            ours = name.rpartition(".")[2] in PitchRoPEMHA.PITCH_PARAMETERS
            step = (spread if ours else 0.02) * torch.randn_like(parameter)
            parameter.data.add_(step)
        states.append({k: v.clone() for k, v in hparams["model"].state_dict().items()})
        hparams["checkpointer"].save_checkpoint({"epoch": epoch, key: score})
    return states


def make_tested_run(folder, corpus, **settings):
    """A run that was tested on ``SPLITS``, with its recordings in ``corpus``."""
    make_run(folder, data_folder=str(corpus), test_splits=list(SPLITS), **settings)
    (folder / "train_log.txt").write_text(LOG)
    (folder / "manifests").mkdir()
    for split, utterances in SPLITS.items():
        write_wer(folder / f"wer_{split}.txt", utterances)
        write_wer(folder / f"cer_{split}.txt", utterances, split_tokens=True)
        (corpus / split).mkdir(parents=True, exist_ok=True)
        with open(folder / f"manifests/{split}.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["ID", "duration", "wav", "wrd"])
            for number, (name, (said, _)) in enumerate(utterances.items()):
                wav = utterance(120.0 + 40 * number, seconds=1.2, seed=number)
                soundfile.write(corpus / split / f"{name}.wav", wav.numpy(), 16000)
                rows.writerow([name, 1.2, f"$data_root/{split}/{name}.wav", said])


def set_statistics(normalize, n_mels):
    """As after training: the level and spread of mels in dB."""
    normalize.count = 1
    normalize.glob_mean = torch.full((n_mels,), -30.0)
    normalize.glob_std = torch.full((n_mels,), 15.0)


def make_tokenizer(folder, kind="char", size=31):
    """A tokenizer, by default of 31 characters, where SpeechBrain would have put it."""
    folder.mkdir(exist_ok=True)
    settings = {"unk_id": 0, "bos_id": 1, "eos_id": 2, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([WORDS] * 10),
        model_prefix=str(folder / f"{size}_{kind}"),
        model_type=kind,
        vocab_size=size,
        hard_vocab_limit=False,
        **settings,
    )


def make_language_model(path, vocab, **settings):
    """Save random weights of a small TransformerLM; the settings of a run with it."""
    sizes = {"d_model": 16, "nhead": 2, "num_encoder_layers": 1, "d_ffn": 16}
    settings |= {"num_decoder_layers": 0, "activation": torch.nn.GELU}
    torch.save(TransformerLM(vocab, **sizes, **settings).state_dict(), path)
    return {"lm_file": str(path), "lm_model": sizes | {"dropout": 0.5}}


def damage(folder, pattern, change):
    """Change the content of files by a function of it; None removes them."""
    paths = list(folder.glob(pattern))
    assert paths
    for path in paths:
        if change is not None:
            content = path.read_bytes()
            path.write_bytes(change(content))
            assert path.read_bytes() != content
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def half(content):
    """A damage: a file ends early."""
    return content[: len(content) // 2]


def replaced(old, new):
    """A damage: a text is another one."""
    return lambda content: content.replace(old.encode(), new.encode())

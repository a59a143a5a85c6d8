"""The tokens, datasets and batches that ``train.py`` trains on, as its yaml says."""

from pathlib import Path

import sentencepiece
import speechbrain as sb
import torch
from speechbrain.dataio.dataset import (
    DynamicItemDataset,
    add_dynamic_item,
    set_output_keys,
)
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.utils.data_pipeline import provides, takes
from speechbrain.utils.distributed import run_on_main


def make_tokenizer(hparams):
    """The SentencePiece model that was given, or one trained on the training text."""
    if hparams["tokenizer_file"] is None:
        run_on_main(hparams["tokenizer"])  # trains it, unless it is trained
        tokenizer = hparams["tokenizer"]().sp
    else:
        tokenizer = sentencepiece.SentencePieceProcessor()
        tokenizer.load(hparams["tokenizer_file"])
    found, expected = tokenizer.vocab_size(), hparams["output_neurons"]
    if found != expected:
        raise ValueError(
            f"the tokenizer has {found} tokens and output_neurons is {expected}: set "
            f"output_neurons: {found}"
        )
    return tokenizer


def make_datasets(hparams, tokenizer):
    """Datasets of the manifests: {"train": ..., "valid": ..., <test split>: ...}."""
    folder = Path(hparams["manifest_folder"])
    names = {"train": "train", "valid": "valid"}
    names.update({split: split for split in hparams["test_splits"]})
    datasets = {
        key: DynamicItemDataset.from_csv(
            folder / f"{name}.csv", replacements={"data_root": hparams["data_folder"]}
        )
        for key, name in names.items()
    }
    if hparams["sorting"] not in ("random", "ascending", "descending"):
        raise ValueError(
            f"sorting is {hparams['sorting']!r}: choose random, ascending or descending"
        )
    for key, dataset in datasets.items():
        order = hparams["sorting"] if key == "train" else "ascending"
        if order != "random":
            datasets[key] = dataset.filtered_sorted(
                sort_key="duration", reverse=order == "descending"
            )
    if hparams["sorting"] != "random":
        hparams["train_dataloader_opts"]["shuffle"] = False

    @takes("wav")
    @provides("sig")
    def read(wav):
        return read_speech(wav)

    @takes("wav")
    @provides("sig")
    def read_and_perturb(wav):
        return hparams["speed_perturb"](read_speech(wav).unsqueeze(0)).squeeze(0)

    @takes("wrd")
    @provides("wrd", "tokens_bos", "tokens_eos", "tokens")
    def encode(wrd):
        tokens = tokenizer.encode_as_ids(wrd)
        yield wrd
        yield torch.LongTensor([hparams["bos_index"], *tokens])
        yield torch.LongTensor([*tokens, hparams["eos_index"]])
        yield torch.LongTensor(tokens)

    for key, dataset in datasets.items():
        add_dynamic_item([dataset], read_and_perturb if key == "train" else read)
    add_dynamic_item(list(datasets.values()), encode)
    set_output_keys(
        list(datasets.values()),
        ["id", "sig", "wrd", "tokens_bos", "tokens_eos", "tokens"],
    )
    return datasets


def read_speech(wav):
    """Samples of a recording; its preparation was a while ago, so look once more."""
    sig = sb.dataio.dataio.read_audio(wav)
    if sig.ndim != 1 or not sig.isfinite().all() or not sig.any():
        raise ValueError(
            f"{wav}: found samples of shape {list(sig.shape)}, finite: "
            f"{bool(sig.isfinite().all())}, silent: {not sig.any()}; expected mono "
            "speech. The file has changed since it was prepared: prepare the data again"
        )
    return sig


def make_loader_options(hparams, datasets):
    """Options of the training and validation loaders: (train, valid)."""
    train = hparams["train_dataloader_opts"]
    valid = hparams["valid_dataloader_opts"]
    if hparams["dynamic_batching"]:
        train = {
            "batch_sampler": DynamicBatchSampler(
                datasets["train"], **hparams["dynamic_batch_sampler_train"]
            ),
            "num_workers": hparams["num_workers"],
        }
        valid = {
            "batch_sampler": DynamicBatchSampler(
                datasets["valid"], **hparams["dynamic_batch_sampler_valid"]
            )
        }
    return train, valid

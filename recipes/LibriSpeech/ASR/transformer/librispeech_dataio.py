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
from speechbrain.dataio.sampler import (
    DynamicBatchSampler,
    ReproducibleRandomSampler,
)
from speechbrain.utils.data_pipeline import provides, takes
from speechbrain.utils.distributed import run_on_main

from speechbrain_pitchrope.dataio.f0_building import build_f0_cache
from speechbrain_pitchrope.dataio.f0_cache import F0Cache


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

    cache = open_f0_cache(hparams, datasets)
    signal = ("sig",) if cache is None else ("sig", "f0_hz", "voicing")

    def make_reader(perturb):
        @takes("id", "wav")
        @provides(*signal)
        def read(utterance, wav):
            sig = read_speech(wav)
            pitch = () if cache is None else cache.read(utterance, len(sig))
            if perturb is not None:
                sig = perturb(sig.unsqueeze(0)).squeeze(0)
                if pitch:
                    pitch = perturb.follow(*pitch, len(sig))
            yield sig
            yield from pitch

        return read

    @takes("wrd")
    @provides("wrd", "tokens_bos", "tokens_eos", "tokens")
    def encode(wrd):
        tokens = tokenizer.encode_as_ids(wrd)
        yield wrd
        yield torch.LongTensor([hparams["bos_index"], *tokens])
        yield torch.LongTensor([*tokens, hparams["eos_index"]])
        yield torch.LongTensor(tokens)

    for key, dataset in datasets.items():
        perturb = hparams["speed_perturb"] if key == "train" else None
        add_dynamic_item([dataset], make_reader(perturb))
    add_dynamic_item(list(datasets.values()), encode)
    set_output_keys(
        list(datasets.values()),
        ["id", *signal, "wrd", "tokens_bos", "tokens_eos", "tokens"],
    )
    return datasets


def open_f0_cache(hparams, datasets):
    """The cache that holds the f0 of all splits, once built; None for on the fly."""
    if hparams["f0"] not in ("on_the_fly", "cached"):
        raise ValueError(f"f0 is {hparams['f0']!r}: choose on_the_fly or cached")
    if hparams["f0"] == "on_the_fly":
        return None
    recordings = {}
    for dataset in datasets.values():
        for utterance, row in dataset.data.items():
            if recordings.setdefault(utterance, row["wav"]) != row["wav"]:
                raise ValueError(
                    f"{utterance} is both {recordings[utterance]} and {row['wav']}: f0 "
                    "is cached by ID, so each recording needs one of its own"
                )
    folder, tracker = hparams["f0_folder"], hparams["pitch_tracker"]
    run_on_main(build_f0_cache, args=[folder, recordings, tracker, read_speech])
    return F0Cache(folder, tracker)


def cached_pitch(batch):
    """What ``compute_features`` takes beside the waveforms: cached f0, or nothing."""
    if not hasattr(batch, "f0_hz"):
        return {}
    return {"f0_hz": batch.f0_hz.data, "voicing": batch.voicing.data}


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
    n_samples = hparams["samples_per_epoch"]
    if n_samples is not None:
        if hparams["dynamic_batching"] or hparams["sorting"] != "random":
            raise ValueError(
                f"samples_per_epoch is {n_samples}: draw samples with dynamic_batching:"
                " False and sorting: random, or leave the key null for whole epochs"
            )
        sampler = ReproducibleRandomSampler(
            datasets["train"], seed=hparams["seed"], num_samples=n_samples
        )
        train = {**train, "shuffle": False, "sampler": sampler}
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

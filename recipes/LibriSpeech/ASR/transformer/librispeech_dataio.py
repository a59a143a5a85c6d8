"""The tokens, datasets and batches that ``train.py`` trains on, as its yaml says."""

import copy
import tempfile
from pathlib import Path

import sentencepiece
import torch
from speechbrain.dataio.dataio import read_audio
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.dataio.sampler import DynamicBatchSampler, ReproducibleRandomSampler
from speechbrain.utils.data_pipeline import provides, takes
from speechbrain.utils.distributed import run_on_main

from speechbrain_pitchrope.dataio.audio import LARGEST_SAMPLE
from speechbrain_pitchrope.dataio.pitch_cache import PitchCache
from speechbrain_pitchrope.files import write_whole


def make_tokenizer(hparams):
    """The SentencePiece model that was given, or one trained on the training text."""
    path = hparams["tokenizer_file"]
    if path is None:
        settings = hparams["tokenizer"].keywords
        name = f"{settings['vocab_size']}_{settings['model_type']}.model"
        path = Path(settings["model_dir"]) / name
        run_on_main(train_tokenizer, args=[hparams["tokenizer"], path])
    try:
        tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(path))
    except RuntimeError as error:
        raise ValueError(
            f"the tokenizer {path} is damaged ({error}): remove the file to have it "
            "trained anew, or bring it back if a model has been trained with it"
        ) from error
    found, expected = tokenizer.vocab_size(), hparams["output_neurons"]
    if found != expected:
        raise ValueError(
            f"the tokenizer has {found} tokens and output_neurons is {expected}: set "
            f"output_neurons: {found}"
        )
    return tokenizer


def train_tokenizer(tokenizer, path):
    """Train a tokenizer elsewhere, unless it is there: a kill leaves no half of it."""
    if path.is_file():
        return
    with tempfile.TemporaryDirectory() as folder:
        tokenizer(model_dir=folder)
        write_whole(path, Path(folder, path.name).read_bytes())


def make_datasets(hparams, tokenizer):
    """Datasets of the manifests: {"train": ..., "valid": ..., <test split>: ...}."""
    if hparams["sorting"] not in ("random", "ascending", "descending"):
        raise ValueError(
            f"sorting is {hparams['sorting']!r}: choose random, ascending or descending"
        )
    if hparams["sorting"] != "random":
        hparams["train_dataloader_opts"]["shuffle"] = False
    cache, signal = None, ("sig",)
    if hparams["f0_folder"] is not None:
        # A copy: the features' own tracker may go to a GPU.
        tracker = copy.deepcopy(hparams["pitch_tracker"])
        cache = PitchCache(hparams["f0_folder"], tracker)
        signal = ("sig", "f0_hz", "voicing")

    def make_reader(perturb):
        @takes("id", "wav")
        @provides(*signal)
        def read(utterance, wav):
            recording = sig = read_speech(wav)
            if perturb is not None:
                sig = perturb(recording.unsqueeze(0)).squeeze(0)
                utterance += f"@{perturb.speeds[perturb.samp_index]:g}"
            yield sig
            if cache is not None:
                yield from cache(utterance, recording, sig)

        return read

    @takes("wrd")
    @provides("wrd", "tokens_bos", "tokens_eos", "tokens")
    def encode(wrd):
        tokens = tokenizer.encode_as_ids(wrd)
        yield wrd
        yield torch.LongTensor([hparams["bos_index"], *tokens])
        yield torch.LongTensor([*tokens, hparams["eos_index"]])
        yield torch.LongTensor(tokens)

    datasets = {}
    for name in ("train", "valid", *hparams["test_splits"]):
        dataset = DynamicItemDataset.from_csv(
            Path(hparams["manifest_folder"], f"{name}.csv"),
            replacements={"data_root": hparams["data_folder"]},
        )
        order = hparams["sorting"] if name == "train" else "ascending"
        if order != "random":
            reverse = order == "descending"
            dataset = dataset.filtered_sorted(sort_key="duration", reverse=reverse)
        perturb = hparams["speed_perturb"] if name == "train" else None
        dataset.add_dynamic_item(make_reader(perturb))
        dataset.add_dynamic_item(encode)
        dataset.set_output_keys(
            ["id", *signal, "wrd", "tokens_bos", "tokens_eos", "tokens"]
        )
        datasets[name] = dataset
    letters = set().union(*(row["wrd"] for row in datasets["train"].data.values()))
    blank = hparams["blank_index"]  # the tokenizer's unknown piece has its number
    unknown = [
        x for x in sorted(letters - {" "}) if blank in tokenizer.encode_as_ids(x)
    ]
    if unknown:
        raise ValueError(
            f"the tokenizer has no token for {', '.join(unknown)} of the training "
            "texts, which would become the blank of CTC: give one trained on such texts"
        )
    return datasets


def read_speech(wav):
    """Samples of a recording; its preparation was a while ago, so look once more."""
    sig = read_audio(wav)
    peak = sig.abs().max() if sig.numel() else 0
    if sig.ndim != 1 or not 0 < peak <= LARGEST_SAMPLE:  # nor NaN
        raise ValueError(
            f"{wav}: found samples of shape {list(sig.shape)} with a peak of {peak:g}, "
            "expected mono speech with a peak above 0 and of at most "
            f"{LARGEST_SAMPLE:g}. The file has changed since it was prepared: prepare "
            "the data again"
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
    # What a loader draws as an epoch begins is kept apart: see RandomState.
    generator = torch.Generator().manual_seed(hparams["seed"])
    return {**train, "generator": generator}, valid

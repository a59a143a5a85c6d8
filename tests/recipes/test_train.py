"""The recipe's train.py as its users run it: train, kill, resume, test, refuse."""

import itertools
import json
import multiprocessing
import os
import re
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.core import Stage
from speechbrain.decoders import CTCPrefixBeamSearcher

import train
from speechbrain_pitchrope.names import ASR_SUBSTITUTES
from speechbrain_pitchrope.runs.checkpoints import AtomicCheckpointer
from speechbrain_pitchrope.scoring.systems import read_texts
from speechbrain_pitchrope.scoring.wer_files import read_errors, read_utterances
from tests.made_runs import half, make_language_model
from tests.recipes.conftest import RECIPE, TINY, TrainScript, log_of

SETTINGS = {
    **{"number_of_epochs": 3, "avg_checkpoints": 2, "speeds": "[90, 100, 110]"},
    **{"ckpt_interval_minutes": 0, "ckpt_interval_steps": 1},  # one at each update
}
JOINT = {
    **{"yaml": "conformer_small", "token_type": "char", "num_decoder_layers": 1},
    **{"valid_search_interval": 1, "valid_beam_size": 2},
    "max_decode_ratio": 0.1,  # an untrained decoder doesn't know when to end
}


def newest_weights(folder):
    """State dict of the checkpoint that was written last."""
    files = sorted(folder.glob("save/*/model.ckpt"), key=lambda file: file.parent)
    return torch.load(files[-1])


@pytest.fixture(scope="module")
def finished(train_script):
    """The output folder of a run that nothing interrupted."""
    return train_script.run("finished", **SETTINGS)


def test_the_model_learns_also_of_pitch(finished):
    log = log_of(finished)
    assert log["epoch"].tolist() == [1, 2, 3]
    assert log["train loss"][-1] < 0.9 * log["train loss"][0]
    assert log["valid loss"][-1] < log["valid loss"][0]
    _, *rows = (finished / "learned_pitch.txt").read_text().splitlines()
    assert len(rows) == TINY["num_encoder_layers"] * TINY["nhead"]
    assert any(float(row.split()[2]) > 0 for row in rows)
    assert not list(finished.rglob("*.part")) + list(finished.rglob("unfinished"))


def test_error_rate_files_agree_with_the_texts(finished):
    refs, hyps = read_texts(finished / "hyp_test-demo.txt")
    assert list(refs) == list(hyps) == sorted(refs) != []
    scored = read_utterances(finished / "wer_test-demo.txt")
    assert scored.keys() == refs.keys()
    for name, utterance in scored.items():
        assert list(utterance.reference) == list(refs[name])
        assert list(utterance.hypothesis) == list(hyps[name])
    words = sum(map(len, refs.values()))
    assert read_errors(finished / "cer_test-demo.txt").words > words


def be_killed(train_script, name, saves, settings):
    """A run that is killed where it would save one checkpoint more than these."""
    save, count = AtomicCheckpointer.save_checkpoint, itertools.count()

    def dying(self, *args, **kwargs):
        if next(count) == saves:
            os.kill(os.getpid(), signal.SIGKILL)
        save(self, *args, **kwargs)

    AtomicCheckpointer.save_checkpoint = dying
    train_script.run(name, **settings)


@pytest.mark.parametrize("saves, accumulated", [(5, 1), (8, 1), (4, 2)])
def test_a_killed_run_ends_as_any_other(train_script, finished, saves, accumulated):
    """To the bit: draws of all kinds go on where they were, also in accumulation.

    Five saves are those of an epoch but for its last one, which is logged already.
    """
    settings = SETTINGS | {"grad_accumulation_factor": accumulated}
    if accumulated > 1:
        finished = train_script.run("accumulated", **settings)
    folder = train_script.folder / f"killed_{saves}"
    process = multiprocessing.get_context("fork").Process(
        target=be_killed, args=(train_script, folder.name, saves, settings)
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert log_of(folder)["epoch"].tolist() == [1]

    train_script.run(folder.name, **settings)
    for name in ("train_log.txt", "wer_test-demo.txt", "learned_pitch.txt"):
        assert (folder / name).read_text() == (finished / name).read_text()
    resumed, expected = newest_weights(folder), newest_weights(finished)
    assert resumed.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(resumed[key], value), key


def test_a_padded_utterance_is_decoded_to_its_last_frame():
    """As alone: SpeechBrain's search would cut 12.67 frames of a batch to 12."""
    search = CTCPrefixBeamSearcher(0, [*"-ABC"], space_token="-")
    brain = SimpleNamespace(
        has_decoder=False, hparams=SimpleNamespace(test_search=search)
    )
    p_ctc = torch.full((2, 19, 4), -20.0)
    p_ctc[:, :12, 0] = p_ctc[0, 12, 1] = p_ctc[1, 12:, 2] = p_ctc[0, 13:, 3] = 0.0
    for rows, lengths in ((p_ctc, [12.67 / 19, 1.0]), (p_ctc[:1, :13], [1.0])):
        scored = None, torch.tensor(lengths), Stage.TEST
        assert train.ASR.transcribe(brain, rows, *scored)[0] == "A"


def test_test_only_gives_the_same_files(train_script, finished):
    names = [f"{kind}_test-demo.txt" for kind in ("wer", "cer", "ref", "hyp")]
    before = {name: (finished / name).read_text() for name in names}
    for name in names:
        (finished / name).unlink()
    train_script.run("finished", "--test_only", **SETTINGS)
    assert before == {name: (finished / name).read_text() for name in names}


def test_weights_that_are_not_finite_are_named(train_script, finished):
    unlocked = shutil.ignore_patterns("run.lock")  # closed once, it is held no more
    copy = shutil.copytree(finished, train_script.folder / "diverged", ignore=unlocked)
    weights = newest_weights(copy)
    next(iter(weights.values())).fill_(np.nan)
    for path in copy.glob("save/*/model.ckpt"):
        torch.save(weights, path)
    with pytest.raises(ValueError, match=r"model.ckpt holds NaN or infinite numbers"):
        train_script.run("diverged", "--test_only", **SETTINGS)


def test_a_second_run_in_the_folder_is_refused(train_script, finished):
    """This process holds the folder until it ends."""
    process = train_script.start("finished", **SETTINGS)
    printed, _ = process.communicate()
    assert process.returncode == 1
    assert re.search(r"in use by another run \(process \d+ on .* since \d", printed)


def test_joint_training_warm_start_and_language_model(train_script, tmp_path):
    """A decoder, the beam search with CTC and LM scorers, accumulation, bf16, logs."""
    events = tmp_path / "events"
    flags = ("--grad_accumulation_factor=2", "--precision=bf16")
    folder = train_script.run("joint", *flags, tensorboard_logs=events, **JOINT)
    assert "beam: 2, " in (folder / "train_log.txt").read_text()
    assert list(events.glob("events.out*"))

    vocab = TINY["output_neurons"]
    lm = make_language_model(tmp_path / "lm.ckpt", vocab, normalize_before=False)
    (weights,) = (folder / "save").glob("*/model.ckpt")
    folder = train_script.run(
        "rescored",
        tokenizer_file=next((folder / "tokenizer").glob("*_char.model")),
        pretrained_model=weights,
        lm_file=lm["lm_file"],
        lm_model=json.dumps(lm["lm_model"]),  # its dropout is not in the test
        **JOINT,
    )
    assert "with 0 new tensors" in (folder / "log.txt").read_text()
    read_errors(folder / "wer_test-demo.txt")


def test_ctc_alone_of_a_model_that_had_a_decoder(train_script):
    search = "!name:speechbrain.decoders.ctc.CTCPrefixBeamSearcher"
    settings = JOINT | {"num_decoder_layers": 0, "test_search": search}
    folder = train_script.run("without_decoder", **settings)
    assert "ACC" not in (folder / "train_log.txt").read_text()
    read_errors(folder / "wer_test-demo.txt")


def test_diagnostic_settings_go_on_top_of_the_mini_model(train_script):
    """Utterances are drawn one by one; a report is written at the end."""
    settings = {"number_of_epochs": 2, "samples_per_epoch": 5, "yaml": "diagnostic"}
    folder = train_script.run("diagnostic", **settings)
    assert log_of(folder)["steps"].tolist() == [5, 10]
    text = (folder / "hyperparams.yaml").read_text()
    assert re.search(r"^batch_size: 1\b", text, re.MULTILINE)
    assert "of test-demo" in (folder / "report.html").read_text()
    assert "Missing in the report" not in (folder / "log.txt").read_text()


@pytest.mark.parametrize(
    "variant, starts_at_zero",
    [
        ("all_input", ["pitch_input.projection.weight"]),
        ("multistream", ["streams.gates.waveform", "streams.gates.pitch"]),
    ],
)
def test_what_a_variant_adds_is_trained(train_script, variant, starts_at_zero):
    """Parallel streams, from the waveform to the test, by one flag."""
    settings = {"variant": variant, "number_of_epochs": 2}
    folder = train_script.run(variant, "--precision=bf16", **settings)
    log = log_of(folder)
    assert log["train loss"][1] < log["train loss"][0]
    read_errors(folder / "wer_test-demo.txt")
    weights = newest_weights(folder)
    for key in starts_at_zero:
        (trained,) = (value for full, value in weights.items() if full.endswith(key))
        assert trained.any(), key


def test_f0_that_is_kept_gives_the_losses_of_f0_tracked_on_the_fly(train_script):
    """One utterance a batch, for DIO is not exact beside padding."""
    settings = {
        "pitch_tracker": "!new:speechbrain_pitchrope.processing.pitch.World",
        **dict(dynamic_batching=False, batch_size=1, speeds="[90, 100, 110]"),
    }
    kept = train_script.folder / "f0"
    losses = []
    for name, f0_folder in (("kept", kept), ("tracked", "null"), ("read", kept)):
        log = log_of(train_script.run(f"f0_{name}", f0_folder=f0_folder, **settings))
        losses.append([log["train loss"][0], log["valid loss"][0]])
    np.testing.assert_allclose(losses, [losses[0]] * 3)
    names = {path.stem.partition("@") for path in kept.glob("World-*/*.npz")}
    assert len(names) == 24
    assert {speed for _, _, speed in names} == {"", "90", "100", "110"}


@pytest.mark.parametrize("left", ASR_SUBSTITUTES, ids=lambda row: row.entry)
def test_a_class_left_unswapped_is_named(train_script, finished, tmp_path, left):
    text = (RECIPE / "hparams/conformer_mini.yaml").read_text()
    # Arguments that only our classes have go as well, as they would in a recipe.
    text = re.sub(rf"!new:{re.escape(left.ours)}.*", f"!new:{left.upstream}", text)
    text = re.sub(r"\n    (pitch_\w+|streams|n_features): .*", "", text)
    (tmp_path / "half.yaml").write_text(text)
    prepared = dict(skip_prep=True, manifest_folder=finished / "manifests")
    # Who is not told of the pitch channels at all meets an unexpected width.
    with pytest.raises((ValueError, RuntimeError), match=f"`{left.entry}`|shape"):
        train_script.run(f"half_{left.entry}", yaml=tmp_path / "half.yaml", **prepared)


def test_wrong_settings_are_refused(train_script, finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    whole = next((finished / "tokenizer").glob("*.model"))
    Path("half.model").write_bytes(half(whole.read_bytes()))
    torch.save(3.0, "three.ckpt")
    soundfile.write("4.wav", np.full(4000, 0.1), 16000)
    other = shutil.copytree(finished / "manifests", tmp_path / "m") / "train.csv"
    other.write_text(other.read_text().replace("THE", "THÉ"))
    files = [finished / name for name in ("variant.json", "train_log.txt")]
    before = [file.read_text() for file in files]
    for settings, message in (
        ({"test_search": "null"}, "without decoder expected !name: of a CTC beam"),
        ({"pretrained_model": "nowhere.ckpt"}, "pretrained_model is nowhere.ckpt"),
        ({"tokenizer_file": "nowhere.model"}, "tokenizer_file is nowhere.model"),
        ({"tokenizer_file": "half.model"}, "tokenizer half.model is damaged"),
        ({"pretrained_model": "half.model"}, "half.model can't be read .*: give the"),
        ({"pretrained_model": "three.ckpt"}, "three.ckpt can't be read .*: give the"),
        ({"pretrained_model": "4.wav"}, r"4.wav can't be read \(IndexE.*: give the"),
        ({"manifest_folder": "m", "skip_prep": True}, "no token for É of"),
        ({"variant": "all+shuffled_f0", "dynamic_batching": False}, "valid_.*give 2"),
        ({"sorting": "by_mood"}, "sorting is 'by_mood'"),
        ({"test_splits": "test-demo"}, "test_splits is 'test-demo': expected a list"),
        ({"data_folder": "null"}, "data_folder is None: expected a str"),
        ({"avg_checkpoints": 0}, "avg_checkpoints is 0: expected 1 or more"),
        ({"output_neurons": 7}, "and output_neurons is 7"),
        ({"variant": "rope"}, "holds a run of variant 'all'.*this is variant"),
    ):
        with pytest.raises((ValueError, FileNotFoundError), match=message):
            train_script.run("finished", **SETTINGS | settings)
        assert [file.read_text() for file in files] == before


@pytest.mark.parametrize("sample", [0.0, np.nan, 1e30])
def test_audio_that_went_bad_later_is_named(finished, corpus, tmp_path, sample):
    shutil.copytree(corpus, tmp_path / "corpus")
    bad = sorted((tmp_path / "corpus/train-demo").rglob("*.flac"))[0]
    wav = tmp_path / "bad.wav"
    soundfile.write(wav, np.full(32000, sample), 16000, subtype="FLOAT")
    wav.rename(bad)
    prepared = dict(skip_prep=True, manifest_folder=finished / "manifests")
    with pytest.raises(ValueError, match=rf"{bad.name}: found.* prepare the data ag"):
        TrainScript(tmp_path / "corpus", tmp_path).run("bad", **prepared)

"""The recipe's train.py as its users run it: train, kill, resume, test, refuse."""

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import torch
from speechbrain.lobes.models.transformer.TransformerLM import TransformerLM
from speechbrain.utils.edit_distance import wer_details_for_batch, wer_summary

from speechbrain_pitchrope.dataio.audio import read_mono
from speechbrain_pitchrope.figures.training import read_train_log
from speechbrain_pitchrope.names import ASR_SUBSTITUTES
from speechbrain_pitchrope.nnet.summary import learned_pitch
from speechbrain_pitchrope.runs.folder import load_recogniser
from speechbrain_pitchrope.runs.trained import load_trained
from speechbrain_pitchrope.scoring.wer_files import read_errors
from tests.page import read_page
from tests.recipes.conftest import RECIPE, TINY
from tests.signals import batch_of

EPOCHS = 4
SETTINGS = {
    "number_of_epochs": EPOCHS,
    "max_batch_length_train": 8,
    "avg_checkpoints": 2,
    "ckpt_interval_minutes": 0,
    "ckpt_interval_steps": 1,  # a checkpoint at each update
}
JOINT = {
    "num_decoder_layers": 1,
    "ctc_weight": 0.3,
    "number_of_epochs": 1,
    "valid_search_interval": 1,
    "max_decode_ratio": 0.1,  # an untrained decoder doesn't know when to end
}


def script():
    """The module train.py."""
    spec = importlib.util.spec_from_file_location("train", RECIPE / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def log_of(folder):
    return read_train_log((folder / "train_log.txt").read_text().splitlines())


def transcripts(path):
    """A Kaldi-style text file as {utterance: words}."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {key: words for key, *words in lines}


@pytest.fixture(scope="module")
def finished(train_script):
    """The output folder of a run that nothing interrupted."""
    code, printed = train_script.run("finished", **SETTINGS)
    assert code == 0, printed
    return train_script.folder / "finished"


def test_loss_falls(finished):
    log = log_of(finished)
    assert log["epoch"].tolist() == [1, 2, 3, 4]
    assert log["train loss"][-1] < 0.8 * log["train loss"][0]
    assert log["valid loss"][-1] < log["valid loss"][0]


def test_error_rate_files_agree_with_the_texts(finished):
    refs = transcripts(finished / "ref_test-demo.txt")
    hyps = transcripts(finished / "hyp_test-demo.txt")
    assert list(refs) == list(hyps) == sorted(refs)
    details = wer_details_for_batch(
        list(refs), list(refs.values()), list(hyps.values())
    )
    expected = wer_summary(details)
    wer = read_errors(finished / "wer_test-demo.txt")
    assert wer.utterances == len(refs) > 0
    assert wer.words == sum(map(len, refs.values()))
    assert wer.rate == round(expected["WER"], 2)
    assert wer.insertions == expected["insertions"]
    assert read_errors(finished / "cer_test-demo.txt").words > wer.words


def test_what_was_learned_is_written_down(finished):
    _, *rows = (finished / "learned_pitch.txt").read_text().splitlines()
    assert len(rows) == TINY["num_encoder_layers"] * TINY["nhead"]
    assert any(float(row.split()[2]) > 0 for row in rows)


def test_a_run_opens_as_it_was_tested(finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    run = load_trained(finished)
    tested = (finished / "learned_pitch.txt").read_text()
    assert learned_pitch(run.hparams["model"]) + "\n" == tested
    assert len(run.epochs) == SETTINGS["avg_checkpoints"]
    assert before == {path: path.stat().st_mtime_ns for path in finished.rglob("*")}


def test_a_killed_run_resumes_where_it_stopped(train_script, finished):
    folder = train_script.folder / "killed"
    process = train_script.start("killed", **SETTINGS)
    wait_for(lambda: checkpoint_within(folder, epoch=2), process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "wer_test-demo.txt").exists()
    before = log_of(folder)["epoch"].tolist()
    assert 1 <= len(before) < EPOCHS

    code, printed = train_script.run("killed", **SETTINGS)
    assert code == 0, printed
    log, uninterrupted = log_of(folder), log_of(finished)
    # No epoch is repeated or left out, and each has the updates it would have had.
    assert log["epoch"].tolist() == uninterrupted["epoch"].tolist()
    assert log["steps"].tolist() == uninterrupted["steps"].tolist()
    read_errors(folder / "wer_test-demo.txt")


def checkpoint_within(folder, epoch):
    """Whether this epoch has begun and left a checkpoint."""
    log = folder / "train_log.txt"
    if not log.is_file() or log.read_text().count("\n") < epoch - 1:
        return False
    finished_at = log.stat().st_mtime
    marks = (path / "CKPT.yaml" for path in (folder / "save").glob("CKPT+*"))
    return any(
        path.is_file()
        and path.stat().st_mtime > finished_at
        and "end-of-epoch: false" in path.read_text()
        for path in marks
    )


def wait_for(condition, process, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_test_only_gives_the_same_files_and_a_report(train_script, finished):
    names = [f"{kind}_test-demo.txt" for kind in ("wer", "cer", "ref", "hyp")]
    before = {name: (finished / name).read_text() for name in names}
    for name in names:
        (finished / name).unlink()
    code, printed = train_script.run("finished", "--test_only", report=True, **SETTINGS)
    assert code == 0, printed
    assert before == {name: (finished / name).read_text() for name in names}
    check_report(finished, printed)
    assert "findfont" not in (finished / "log.txt").read_text()


def check_report(folder, printed):
    """The report shows the run's error rate, and nothing is missing on it."""
    page = read_page(folder / "report.html")
    assert "Missing in the report" not in printed
    assert not page.all("section", id="missing")
    rate = f"{read_errors(folder / 'wer_test-demo.txt').rate:.2f}"
    assert rate in page.one("section", id="errors").one("table").text
    articles = page.all("article")
    assert articles
    for article in articles:
        assert article.all("audio") and article.all("img")


def read_alike(folder, corpus):
    """The package of a run gives the texts of its test, by file and in one batch."""
    hyps = transcripts(folder / "hyp_test-demo.txt")
    assert any(hyps.values())
    asr = load_recogniser(folder / "package", "cpu")
    paths = {path.stem: path for path in (corpus / "test-demo").rglob("*.flac")}
    texts = {key: asr.transcribe_file(str(path)) for key, path in paths.items()}
    assert {key: text.split() for key, text in texts.items()} == hyps
    wavs, lengths = batch_of(*(read_mono(path, 16000) for path in paths.values()))
    assert lengths.min() < 0.9
    together, _ = asr.transcribe_batch(wavs, lengths)
    assert dict(zip(paths, together, strict=True)) == texts


def test_the_package_reads_as_the_test_did(train_script, finished):
    read_alike(finished, train_script.corpus)


def test_joint_training_warm_start_and_language_model(train_script, finished, tmp_path):
    """A decoder, the beam search with CTC and LM scorers, accumulation, bf16, logs."""
    code, printed = train_script.run(
        *("joint", "--grad_accumulation_factor=2", "--precision=bf16"),
        tensorboard_logs=tmp_path / "events",
        **JOINT,
    )
    assert code == 0, printed
    folder = train_script.folder / "joint"
    assert "beam: 2, " in (folder / "train_log.txt").read_text()
    assert list((tmp_path / "events").glob("events.out*"))

    sizes = dict(d_model=16, nhead=2, num_encoder_layers=1, d_ffn=16)
    language_model = TransformerLM(
        vocab=train_script.characters(),
        **sizes,
        **dict(num_decoder_layers=0, activation=torch.nn.GELU, normalize_before=False),
    )
    torch.save(language_model.state_dict(), tmp_path / "lm.ckpt")
    (weights,) = (folder / "save").glob("*/model.ckpt")
    code, printed = train_script.run(
        "rescored",
        tokenizer_file=next((folder / "tokenizer").glob("*_char.model")),
        pretrained_model=weights,
        lm_file=tmp_path / "lm.ckpt",
        lm_model=json.dumps(sizes | {"dropout": 0.5}),  # not in the test
        **JOINT,
    )
    assert code == 0, printed
    assert "with 0 new tensors" in printed
    read_errors(train_script.folder / "rescored/wer_test-demo.txt")
    for run in ("joint", "rescored"):
        read_alike(train_script.folder / run, train_script.corpus)


@pytest.mark.parametrize(
    "variant, precision",
    [("all_input", "bf16"), ("multistream", "fp32"), ("multistream", "bf16")],
)
def test_what_a_variant_adds_is_trained(train_script, variant, precision):
    """Parallel streams, from the waveform to the test, by one flag."""
    name = f"{variant}_{precision}"
    code, printed = train_script.run(
        name, f"--variant={variant}", f"--precision={precision}", number_of_epochs=2
    )
    assert code == 0, printed
    folder = train_script.folder / name
    log = log_of(folder)
    assert log["train loss"][1] < log["train loss"][0]
    read_errors(folder / "wer_test-demo.txt")
    weights = torch.load(next((folder / "save").glob("*/model.ckpt")))
    starts_at_zero = {
        "all_input": ("pitch_input.projection.weight",),
        "multistream": ("streams.gates.waveform", "streams.gates.pitch"),
    }
    for key in starts_at_zero[variant]:
        (trained,) = (value for full, value in weights.items() if full.endswith(key))
        assert trained.any(), key


def test_two_processes_train_one_model(train_script):
    """Distributed as on GPUs, with gloo."""
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    command = train_script.command(
        *("distributed", "--distributed_backend=gloo", "--report=True"),
        launcher=(sys.executable, *torchrun),
        number_of_epochs=1,
    )
    result = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    folder = train_script.folder / "distributed"
    check_report(folder, result.stdout + result.stderr)
    scored = read_errors(folder / "wer_test-demo.txt").utterances
    assert scored == len(transcripts(folder / "ref_test-demo.txt"))


def test_a_folder_of_another_variant_is_refused(train_script, finished):
    arguments = train_script.command("finished", variant="rope")[2:]
    with pytest.raises(
        ValueError, match=r"holds a run of variant 'all'.*this is variant"
    ):
        script().main(arguments)
    assert json.loads((finished / "variant.json").read_text())["variant"] == "all"


@pytest.mark.parametrize("left", ASR_SUBSTITUTES, ids=lambda row: row.entry)
def test_a_class_left_unswapped_is_named(train_script, tmp_path, left):
    text = (RECIPE / "hparams/conformer_mini.yaml").read_text()
    # Arguments that only our classes have go as well, as they would in a recipe.
    text = re.sub(rf"!new:{re.escape(left.ours)}.*", f"!new:{left.upstream}", text)
    text = re.sub(r"\n    (pitch_\w+|streams|n_features): .*", "", text)
    (tmp_path / "half.yaml").write_text(text)
    arguments = train_script.command("half")[2:]
    arguments[0] = str(tmp_path / "half.yaml")
    with pytest.raises(ValueError, match=f"`{left.entry}` is !new:.*{left.ours}"):
        script().main(arguments)
    assert not (train_script.folder / "half/train_log.txt").exists()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"ctc_weight": 0.5}, "ctc_weight is 0.5 and num_decoder_layers is 0"),
        ({"pretrained_model": "nowhere.ckpt"}, "pretrained_model is nowhere.ckpt"),
        ({"tokenizer_file": "nowhere.model"}, "tokenizer_file is nowhere.model"),
    ],
)
def test_contradicting_settings_are_refused(train_script, settings, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        script().main(train_script.command("refused", **settings)[2:])
    assert not (train_script.folder / "refused/train_log.txt").exists()


def test_a_report_without_matplotlib_is_refused_before_the_work(
    train_script, monkeypatch
):
    module = script()

    def refuse():
        raise ImportError("figures need matplotlib")

    monkeypatch.setattr(module, "require_matplotlib", refuse)
    arguments = train_script.command("refused", report=True)[2:]
    with pytest.raises(ImportError, match="figures need matplotlib"):
        module.main(arguments)
    assert not (train_script.folder / "refused/train_log.txt").exists()


@pytest.mark.parametrize("sample", [0.0, np.nan], ids=["silent", "nan"])
def test_audio_that_went_bad_after_preparation_is_named(
    train_script, finished, corpus, tmp_path, sample
):
    shutil.copytree(corpus, tmp_path / "corpus")
    bad = sorted((tmp_path / "corpus/train-demo").rglob("*.flac"))[0]
    wav = tmp_path / "bad.wav"
    soundfile.write(wav, np.full(32000, sample), 16000, subtype="FLOAT")
    wav.rename(bad)
    code, printed = type(train_script)(tmp_path / "corpus", tmp_path).run(
        "bad", skip_prep=True, manifest_folder=finished / "manifests"
    )
    assert code == 1
    assert f"{bad.name}: found samples" in printed
    assert "prepare the data again" in printed

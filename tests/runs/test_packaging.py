"""A package decodes as its run does, wherever it lies, by public classes alone."""

import re
import shutil

import pytest
import torch
from speechbrain.inference.ASR import EncoderASR, EncoderDecoderASR
from speechbrain.lobes.models.transformer.TransformerLM import TransformerLM

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.runs.packaging import package_run
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run
from tests.signals import batch_of, utterance

LM_SIZES = {"d_model": 16, "nhead": 2, "num_encoder_layers": 1, "d_ffn": 16}
JOINT = {
    "num_decoder_layers": 1,
    "ctc_weight": 0.3,
    "max_decode_ratio": 0.2,  # an untrained decoder doesn't know when to end
    "test_beam_size": 2,
}
WAVS = [utterance(110.0, 1.3), utterance(220.0, 0.7, seed=1), utterance(150.0, 2.01)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Output folders of runs: CTC alone, joint, and joint with a language model."""
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    make_run(root / "ctc", (30.0, 40.0), avg_checkpoints=2)
    make_run(root / "joint", **JOINT)
    language_model = TransformerLM(
        vocab=31, num_decoder_layers=0, activation=torch.nn.GELU, **LM_SIZES
    )
    torch.save(language_model.state_dict(), root / "trained_lm.ckpt")
    lm_model = LM_SIZES | {"dropout": 0.5}  # not when decoding
    lm_file = str(root / "trained_lm.ckpt")
    make_run(root / "lm", **JOINT, lm_file=lm_file, lm_model=lm_model, lm_weight=5.0)
    return root


@pytest.fixture(scope="module")
def packages(runs):
    """Packages of all runs, in a folder of their own."""
    for name in ("ctc", "joint", "lm"):
        moved = runs.parent / "moved" / name
        shutil.move(package_run(runs / name), moved)
    return runs.parent / "moved"


def opened(folder):
    interface = EncoderASR if folder.name == "ctc" else EncoderDecoderASR
    return interface.from_hparams(source=str(folder), run_opts={"device": "cpu"})


@pytest.mark.parametrize("name", ["ctc", "joint", "lm"])
def test_padded_batches_give_what_utterances_give_alone(packages, name):
    asr = opened(packages / name)
    alone = [asr.transcribe_batch(wav[None], torch.ones(1))[0][0] for wav in WAVS]
    assert len(set(alone)) == len(WAVS)
    assert asr.transcribe_batch(*batch_of(*WAVS))[0] == alone


@pytest.mark.parametrize("name", ["ctc", "joint"])
def test_the_encoder_is_the_runs(runs, packages, name):
    asr, run = opened(packages / name), load_trained(runs / name)
    for wav in WAVS:
        enc_out, p_ctc = run.encode(wav[None])
        found = asr.encode_batch(wav[None], torch.ones(1))
        expected = p_ctc if name == "ctc" else enc_out
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_the_search_is_the_tests(runs, packages):
    """Settings that were changed for the run are in the package."""
    search = opened(packages / "lm").mods.decoder.search
    assert search.beam_size == JOINT["test_beam_size"]
    assert search.max_decode_ratio == JOINT["max_decode_ratio"]
    weights = {key: value for key, value in search.scorer.weights.items() if value}
    assert weights == {"ctc": 0.4, "transformerlm": 5.0}
    language_model = search.scorer.full_scorers["transformerlm"].lm
    expected = torch.load(runs / "trained_lm.ckpt")
    for key, value in language_model.state_dict().items():
        assert torch.equal(value, expected[key])
    assert not any(module.training for module in language_model.modules())


@pytest.mark.parametrize("name", ["joint", "lm"])
def test_all_networks_go_to_the_device(packages, name):
    """What is in no module would stay on the CPU."""
    asr = opened(packages / name)
    held = {id(parameter) for parameter in asr.mods.parameters()}
    assert {id(parameter) for parameter in asr.hparams.model.parameters()} <= held


@pytest.mark.parametrize("name", ["ctc", "joint", "lm"])
def test_its_yaml_names_public_classes_and_no_paths(runs, packages, name):
    text = (packages / name / "hyperparams.yaml").read_text()
    classes = re.findall(r"!(?:new|name|apply):([\w.]+)", text)
    ours, theirs = "speechbrain_pitchrope.", ("speechbrain.", "torch.nn.", "sentence")
    assert all(path.startswith((ours, *theirs)) for path in classes)
    assert sum(path.startswith(ours) for path in classes) >= 5
    assert str(runs) not in text
    # Each entry is written once and found by reference.
    assert not re.search(r"&id\d|\*id\d", text)
    files = {path.name for path in (packages / name).iterdir()}
    expected = {f"{stem}.ckpt" for stem in ("model", "normalizer", "tokenizer")}
    expected |= {"hyperparams.yaml", *(["lm.ckpt"] if name == "lm" else [])}
    assert files == expected


def test_loading_leaves_no_traces(packages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(packages.rglob("*"))
    opened(packages / "ctc")
    assert sorted(packages.rglob("*")) == before
    assert list(tmp_path.iterdir()) == []


def test_a_package_is_replaced_and_nothing_else(runs, tmp_path, capsys):
    run, folder = str(runs / "lm"), tmp_path / "package"
    assert main(["package", run, "--out", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert main(["package", str(runs / "ctc"), "--out", str(folder)]) == 0
    assert not (folder / "lm.ckpt").exists()
    (folder / "thesis.tex").write_text("mine")
    assert main(["package", run, "--out", str(folder)]) == 1
    assert "package holds thesis.tex, which belong to no" in capsys.readouterr().err
    assert (folder / "model.ckpt").is_file()


def test_an_unfinished_package_does_not_load(runs, tmp_path, monkeypatch):
    package_run(runs / "ctc", tmp_path / "package")
    monkeypatch.setattr(torch, "save", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        package_run(runs / "ctc", tmp_path / "package")
    assert not (tmp_path / "package/hyperparams.yaml").exists()


def test_a_language_model_that_is_gone_is_named(runs, tmp_path, capsys):
    shutil.copytree(runs / "lm", tmp_path / "run")
    path = tmp_path / "run/hyperparams.yaml"
    path.write_text(path.read_text().replace("trained_lm.ckpt", "gone.ckpt"))
    assert main(["package", str(tmp_path / "run")]) == 1
    error = capsys.readouterr().err
    assert re.search(
        r"tested with the language model .*gone\.ckpt, which is not", error
    )
    assert not (tmp_path / "run/package").exists()

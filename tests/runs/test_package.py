"""A package decodes as its run's test did, wherever it lies, by public classes."""

import re
import shutil
import subprocess
import sys

import pytest
import torch
from speechbrain.decoders.ctc import CTCBeamSearcher
from speechbrain.inference.ASR import EncoderASR, EncoderDecoderASR

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.runs.package import load_recogniser, package_run
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import JOINT, damage, half, make_language_model, make_run, replaced
from tests.made_swapped_runs import RECIPES, make_swapped_run
from tests.signals import utterance

WAVS = [utterance(110.0, 0.9), utterance(220.0, 0.61, seed=1)]
ALL = ("our_ctc", "our_lm", *RECIPES)
YAML = "hyperparams.yaml"
HUB = "  paths: {model: no-such-user/no-such-model/model.ckpt}\n  loadables:"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Output folders of all kinds of runs, and what the yaml of swapped ones makes."""
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    make_run(root / "then/our_ctc", (30.0, 40.0), avg_checkpoints=2)
    settings = make_language_model(root / "trained_lm.ckpt", 31)
    make_run(root / "then/our_lm", **JOINT, **settings, lm_weight=5.0)
    made = {name: make_swapped_run(root / "then" / name, name) for name in RECIPES}
    shutil.move(root / "then", root / "now")
    return root / "now", made


@pytest.fixture(scope="module")
def packages(runs):
    """Packages of all runs, in a folder of their own."""
    folder = runs[0].parent / "moved"
    made = {name: package_run(runs[0] / name) for name in ALL}
    return {name: shutil.move(package, folder / name) for name, package in made.items()}


@pytest.fixture(scope="module")
def asrs(packages):
    return {name: load_recogniser(packages[name], "cpu") for name in ALL}


def expected_text(kind, hparams, tokenizer, enc_out):
    """The text of an utterance as the test of a swapped recipe decodes it."""
    if kind == "joint":
        (tokens, *_), *_ = hparams["test_search"](enc_out, torch.ones(1))
        return tokenizer.decode_ids(tokens)
    if kind == "transducer":
        frames = hparams["proj_enc"](enc_out)
        return tokenizer.decode_ids(hparams["Beamsearcher"](frames)[0][0])
    if kind == "after_pretraining":
        enc_out = hparams["back_end_ffn"](enc_out)
    log_probs = hparams["log_softmax"](hparams["ctc_lin"](enc_out))
    pieces = [tokenizer.id_to_piece(i) for i in range(len(tokenizer))]
    settings = {"kenlm_model_path": None} | hparams["test_beam_search"]
    search = CTCBeamSearcher(vocab_list=pieces, **settings)
    return search(log_probs, torch.ones(1))[0][0].text


@pytest.mark.parametrize("name", ALL)
def test_the_text_is_the_tests(runs, asrs, name):
    """Also of a batch, as long as its utterances are of one length."""
    asr, run = asrs[name], load_trained(runs[0] / name)
    is_ctc = name in ("our_ctc", "ctc", "after_pretraining")
    last = {"our_lm": [1], "after_pretraining": [2]}  # the others average two
    assert (run.variant, run.epochs) == ("all", last.get(name, [1, 2]))
    assert type(asr) is (EncoderASR if is_ctc else EncoderDecoderASR)
    texts = []
    for wav in WAVS:
        (text,), _ = asr.transcribe_batch(wav[None], torch.ones(1))
        texts.append(text)
        enc_out, p_ctc = run.encode(wav[None])
        encoded = asr.encode_batch(wav[None], torch.ones(1))
        if name != "transducer":  # of which the encoder ends in proj_enc
            expected = p_ctc if is_ctc else enc_out
            torch.testing.assert_close(encoded, expected, rtol=0, atol=0)
        if name in RECIPES:
            with torch.no_grad():
                expected = expected_text(name, runs[1][name], run.tokenizer, enc_out)
            assert text.split() == expected.split()
    assert len(set(texts)) == len(WAVS)
    batch = torch.stack([wav[:9600] for wav in WAVS])
    alone = [asr.transcribe_batch(wav[None], torch.ones(1))[0][0] for wav in batch]
    assert asr.transcribe_batch(batch, torch.ones(2))[0] == alone


def test_the_search_is_the_tests(runs, asrs):
    """Settings that were changed for the run are in the package."""
    search = asrs["our_lm"].mods.decoder
    assert search.beam_size == JOINT["test_beam_size"]
    assert search.max_decode_ratio == JOINT["max_decode_ratio"]
    weights = {key: value for key, value in search.scorer.weights.items() if value}
    assert weights == {"ctc": 0.4, "transformerlm": 5.0}
    language_model = search.scorer.full_scorers["transformerlm"].lm
    expected = torch.load(runs[0].parent / "trained_lm.ckpt")
    for key, value in language_model.state_dict().items():
        assert torch.equal(value, expected[key])


@pytest.mark.parametrize("name", ALL)
def test_all_networks_go_to_the_device_and_none_trains(asrs, name):
    """What is in no module would stay on the CPU, and in training mode."""
    asr = asrs[name]
    held = {id(parameter) for parameter in asr.mods.parameters()}
    names = {"model", "pt_model", "lm_model"} & vars(asr.hparams).keys()
    assert "model" in names
    for network in (getattr(asr.hparams, name) for name in names):
        assert {id(parameter) for parameter in network.parameters()} <= held
        assert not any(module.training for module in network.modules())


@pytest.mark.parametrize("name", ALL)
def test_the_yaml_names_public_classes_and_no_paths(runs, packages, name):
    text = (packages[name] / YAML).read_text()
    classes = re.findall(r"!(?:new|name|apply):([\w.]+)", text)
    ours, theirs = "speechbrain_pitchrope.", ("speechbrain.", "torch.nn.", "sentence")
    assert all(path.startswith((ours, *theirs)) for path in classes)
    assert "variants" not in text and "theta: " in text
    assert str(runs[0].parent) not in text
    assert not re.search(r"&id\d|\*id\d", text)  # each entry is found by reference
    files = {path.stem for path in packages[name].glob("*.ckpt")}
    normalize = "normalize" if name == "after_pretraining" else "normalizer"
    expected = {"model", normalize, "tokenizer"}
    expected |= {"lm"} if name in ("our_lm", "joint", "transducer") else set()
    expected |= {"pt_model"} if name == "after_pretraining" else set()
    assert files == expected


def test_what_a_fresh_process_packages_loads_whatever_was_loaded_before(runs, tmp_path):
    """HyperPyYAML reads tuples in quotes as text once it has loaded another file."""
    command = [sys.executable, "-m", "speechbrain_pitchrope", "package"]
    folder = tmp_path / "package"
    subprocess.run([*command, runs[0] / "our_ctc", "--out", folder], check=True)
    for _ in range(2):
        asr = load_recogniser(folder, "cpu")
        assert asr.transcribe_batch(WAVS[0][None], torch.ones(1))[0][0]


def test_only_a_package_is_replaced(runs, tmp_path, capsys, refused, monkeypatch):
    """And only by force."""
    folder = tmp_path / "package"
    command = ["package", str(runs[0] / "our_ctc"), "--out", str(folder)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    (folder / "lm.ckpt").touch()
    assert "package exists: give another --out, or --force" in refused(*command)
    assert main([*command, "--force"]) == 0
    assert not (folder / "lm.ckpt").exists()
    (folder / "thesis.tex").write_text("mine")
    assert "package holds thesis.tex, which is of no" in refused(*command, "--force")
    (folder / "thesis.tex").unlink()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(torch, "save", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main([*command, "--force"])
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*.*")}


@pytest.mark.parametrize(
    ("name", "file", "change", "message"),
    [
        ("our_lm", YAML, replaced("trained_lm", "gone"), r"gone\.ckpt can't be read"),
        ("joint", YAML, replaced("BeamS", "NoS"), "yaml can.t be .* EncoderDecoderASR"),
        ("ctc", YAML, replaced("test_beam_search", "x"), "has no search for the test"),
        ("ctc", YAML, replaced("sample_rate", "rate"), "yaml has no sample_rate: give"),
        ("joint", "save/lm.ckpt", half, "lm.ckpt can't be read"),
        ("joint", "save/tokenizer.ckpt", None, "expected .*tokenizer.ckpt"),
    ],
)
def test_what_cannot_be_packaged(runs, tmp_path, refused, name, file, change, message):
    folder = tmp_path / "run"
    shutil.copytree(runs[0] / name, folder, ignore=shutil.ignore_patterns("package"))
    damage(folder, file, change)
    assert re.search(message, refused("package", folder))
    assert not (folder / "package").exists()


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (YAML, replaced("  encoder: !ref", "  coder: !ref"), "has no modules.encoder"),
        (YAML, replaced("modules:", "modules: ["), "hyperparams.yaml can't be read"),
        (YAML, replaced("  loadables:", HUB), "can't be loaded as EncoderASR: "),
        ("model.ckpt", None, r"can't be loaded as EncoderASR: .*model\.ckpt"),
    ],
)
def test_what_does_not_load(packages, tmp_path, monkeypatch, file, change, message):
    """A path of the yaml that leads to a hub is refused, not followed."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("network"))
    shutil.copytree(packages["our_ctc"], tmp_path / "package")
    damage(tmp_path / "package", file, change)
    with pytest.raises(ValueError, match=message):
        load_recogniser(tmp_path / "package")

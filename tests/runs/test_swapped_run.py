"""Runs of swapped recipes are packaged, and decode as their test did."""

import re
import shutil
import subprocess
import sys

import pytest
import torch
from ruamel.yaml import YAML
from speechbrain.decoders.ctc import CTCBeamSearcher
from speechbrain.inference.ASR import EncoderASR, EncoderDecoderASR, StreamingASR
from speechbrain.utils.dynamic_chunk_training import DynChunkTrainConfig

from speechbrain_pitchrope.cli import main
from speechbrain_pitchrope.runs.folder import load_recogniser
from speechbrain_pitchrope.runs.packaging import package_run
from speechbrain_pitchrope.runs.swapped_run import is_swapped, open_swapped
from tests.made_runs import make_run
from tests.made_swapped_runs import RECIPES, make_swapped_run
from tests.signals import batch_of, utterance

WAVS = [utterance(110.0, 1.3), utterance(220.0, 0.7, seed=1), utterance(150.0, 2.01)]
CONFIG = DynChunkTrainConfig(16, 2)
CHUNK = 640 * 16


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """{recipe: what its yaml makes} of each run, the folders of which were moved."""
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    made = {name: make_swapped_run(root / "then" / name, name) for name in RECIPES}
    shutil.move(root / "then", root / "now")
    return root / "now", made


@pytest.fixture(scope="module")
def packages(runs):
    """The package of each run."""
    return {name: package_run(runs[0] / name) for name in RECIPES}


def encoded(hparams, wav):
    """The encoder's output as the recipes compute it, and what they project it to."""
    with torch.no_grad():
        feats = hparams["compute_features"](wav[None])
        feats = hparams["normalize"](feats, torch.ones(1), epoch=9)
        x = hparams["Transformer"].encode(hparams["CNN"](feats), torch.ones(1))
        for name in ("proj_enc", "back_end_ffn"):
            x = hparams[name](x) if name in hparams else x
    return x


def decoded(recipe, hparams, letters, x):
    """Text as the test of the recipe decodes it."""
    with torch.no_grad():
        if recipe == "joint":
            return hparams["tokenizer"].decode_ids(
                hparams["test_search"](x, torch.ones(1))[0][0]
            )
        if recipe == "transducer":
            return hparams["tokenizer"].decode_ids(hparams["Beamsearcher"](x)[0][0])
        settings = {**hparams["test_beam_search"], "vocab_list": letters}
        log_probs = hparams["log_softmax"](hparams["ctc_lin"](x))
        return CTCBeamSearcher(**settings)(log_probs, torch.ones(1))[0][0].text


def letters_of(asr):
    tokenizer = asr.tokenizer
    if hasattr(tokenizer, "ind2lab"):
        return [tokenizer.ind2lab[i] for i in range(len(tokenizer.ind2lab))]
    return [tokenizer.id_to_piece(i) for i in range(tokenizer.vocab_size())]


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_text_is_the_tests_alone_and_in_batches(runs, packages, recipe):
    asr = load_recogniser(packages[recipe], "cpu")
    joint = recipe in ("joint", "transducer")
    assert type(asr) is (EncoderDecoderASR if joint else EncoderASR)
    expected = [
        decoded(
            recipe, runs[1][recipe], letters_of(asr), encoded(runs[1][recipe], wav)
        ).split()
        for wav in WAVS
    ]
    assert len({*map(tuple, expected)}) == len(WAVS)
    alone = [asr.transcribe_batch(wav[None], torch.ones(1))[0][0] for wav in WAVS]
    assert [text.split() for text in alone] == expected
    assert asr.transcribe_batch(*batch_of(*WAVS))[0] == alone


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_yaml_names_public_classes_and_no_paths(runs, packages, recipe):
    text = (packages[recipe] / "hyperparams.yaml").read_text()
    classes = re.findall(r"!(?:new|name|apply):([\w.]+)", text)
    ours, theirs = "speechbrain_pitchrope.", ("speechbrain.", "torch.nn.", "sentence")
    assert all(path.startswith((ours, *theirs)) for path in classes)
    assert "variants" not in text and "theta: offset" in text
    assert str(runs[0].parent) not in text
    assert not re.search(r"&id\d|\*id\d", text)
    files = {path.stem for path in packages[recipe].glob("*.ckpt")}
    normalize = "normalize" if recipe == "after_pretraining" else "normalizer"
    expected = {"model", normalize, "tokenizer"}
    expected |= {"lm"} if recipe in ("joint", "transducer") else set()
    expected |= {"pt_model"} if recipe == "after_pretraining" else set()
    assert files == expected
    entries = YAML().compose(text).value
    assert {"modules", "pretrainer", "encoder"} <= {key.value for key, _ in entries}


@pytest.mark.parametrize("recipe", RECIPES)
def test_all_networks_go_to_the_device(packages, recipe):
    """What is in no module would stay on the CPU, and in training mode."""
    asr = load_recogniser(packages[recipe], "cpu")
    held = {id(parameter) for parameter in asr.mods.parameters()}
    names = {"model", "pt_model", "lm_model"} & vars(asr.hparams).keys()
    assert "model" in names
    for name in names:
        network = getattr(asr.hparams, name)
        assert {id(parameter) for parameter in network.parameters()} <= held
        assert not any(module.training for module in network.modules())


def test_weights_are_averaged_where_the_test_averages(runs):
    for recipe in RECIPES:
        run = open_swapped(runs[0] / recipe)
        epochs = [2] if recipe == "after_pretraining" else [1, 2]
        assert (run.epochs, run.variant) == (epochs, "all")


def test_a_transducer_streams_as_its_masks_train_it(packages):
    assert (packages["transducer"] / "streaming.yaml").is_file()
    for other in RECIPES.keys() - {"transducer"}:
        assert not (packages[other] / "streaming.yaml").exists()
    asr = StreamingASR.from_hparams(
        source=str(packages["transducer"]),
        hparams_file="streaming.yaml",
        run_opts={"device": "cpu"},
    )
    assert asr.get_chunk_size_frames(CONFIG) == CHUNK
    texts = []
    for seed in range(2):
        wav = utterance(120.0 + 80 * seed, 5 * CHUNK / 16000, seed)
        chunks = (*wav[None].split(CHUNK, 1), torch.zeros(1, CHUNK))
        extractor = asr.hparams.fea_streaming_extractor
        context = extractor.make_streaming_context()
        with torch.no_grad():
            features = torch.cat([extractor(chunk, context) for chunk in chunks], 1)
            whole = asr.mods.enc(features, dynchunktrain_config=CONFIG)
            whole = asr.mods.proj_enc(whole)
        context = asr.make_streaming_context(CONFIG)
        found = [asr.encode_chunk(context, chunk) for chunk in chunks]
        torch.testing.assert_close(torch.cat(found, 1), whole, rtol=0, atol=1e-5)
        text = [asr.decode_chunk(context, x)[0][0] for x in found]
        (tokens,) = asr.hparams.Greedysearcher(whole)[0]
        texts.append("".join(text))
        assert texts[-1] == asr.hparams.tokenizer.decode_ids(tokens)
    assert len(set(texts)) == 2


def test_a_level_of_whole_utterances_does_not_stream(tmp_path):
    make_swapped_run(tmp_path / "run", "transducer")
    yaml = tmp_path / "run/hyperparams.yaml"
    text = yaml.read_text()
    assert "pitch_level: window" in text
    yaml.write_text(text.replace("pitch_level: window", "pitch_level: utterance"))
    assert not (package_run(tmp_path / "run") / "streaming.yaml").exists()


def test_the_command_packages_too(runs, tmp_path, capsys):
    folder = tmp_path / "package"
    assert main(["package", str(runs[0] / "ctc"), "--out", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    assert load_recogniser(folder, "cpu")


def test_what_a_fresh_process_packages_loads_whatever_was_loaded_before(runs, tmp_path):
    """HyperPyYAML reads tuples in quotes as text once it has loaded another file."""
    folder = tmp_path / "package"
    command = [sys.executable, "-m", "speechbrain_pitchrope", "package"]
    subprocess.run([*command, runs[0] / "ctc", "--out", folder], check=True)
    for _ in range(2):
        asr = load_recogniser(folder, "cpu")
        assert asr.transcribe_batch(WAVS[0][None], torch.ones(1))[0][0]


def test_swapped_runs_are_told_from_others(runs, tmp_path):
    assert all(is_swapped(runs[0] / name) for name in RECIPES)
    make_run(tmp_path / "ours")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/hyperparams.yaml").write_text("a: [\n")
    others = ("ours", "broken", "nowhere")
    assert not any(is_swapped(tmp_path / name) for name in others)


def lost(name):
    """A change that deletes files."""

    def change(folder):
        for path in folder.glob(name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return change


def renamed(old, new):
    """A change of the yaml."""

    def change(folder):
        yaml = folder / "hyperparams.yaml"
        yaml.write_text(re.sub(old, new, yaml.read_text(), flags=re.M))

    return change


@pytest.mark.parametrize(
    ("recipe", "change", "message"),
    [
        ("joint", lost("save/CKPT*"), "no checkpoint of a finished epoch in .*save"),
        ("joint", lost("save/lm.ckpt"), r"tested with .*lm\.ckpt, which is not there"),
        ("joint", lost("save/tokenizer.ckpt"), r"tokenizer\.ckpt, which is not there"),
        ("ctc", lost("save/*.model"), "save holds no tokenizer"),
        ("ctc", renamed("^test_beam_search", "search"), "has no test_search or Beams"),
        ("ctc", renamed("^sample_rate", "rate"), "yaml has no sample_rate: runs of"),
    ],
)
def test_what_is_missing_is_named(tmp_path, capsys, recipe, change, message):
    folder = tmp_path / "run"
    make_swapped_run(folder, recipe)
    change(folder)
    assert main(["package", str(folder)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.match(f"pitchrope package: .*{message}", captured.err)
    assert not (folder / "package").exists()

"""A run opens as its test saw it, wherever it lies, and nothing else opens."""

import json
import re
import shutil

import pytest
import torch

from speechbrain_pitchrope.nnet.summary import learned_pitch
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run
from tests.signals import utterance

CERS = (40.0, 20.0, 60.0, 30.0)
SETTINGS = {"avg_checkpoints": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run's folder, where it was moved to, and its weights of each epoch."""
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    states = make_run(root / "then" / "a run", CERS, **SETTINGS)
    (root / "then").rename(root / "now")
    return root / "now" / "a run", states


@pytest.fixture
def run(made):
    return load_trained(made[0])


def files_of(folder):
    """Every file of a folder with its size and time of change."""
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def test_weights_are_the_average_of_the_best(made, run):
    _, states = made
    assert run.epochs == [2, 4]
    found = run.hparams["model"].state_dict()
    for name, value in found.items():
        expected = (states[1][name] + states[3][name]) / 2
        torch.testing.assert_close(value, expected, msg=name)
    assert not any(module.training for module in run.modules.values())


def test_one_checkpoint_alone(made):
    folder, states = made
    (path,) = (
        checkpoint
        for checkpoint in (folder / "save").iterdir()
        if "epoch: 3" in (checkpoint / "CKPT.yaml").read_text()
    )
    alone = load_trained(path)
    assert (alone.epochs, alone.folder) == ([3], folder)
    for name, value in alone.hparams["model"].state_dict().items():
        assert torch.equal(value, states[2][name]), name


def test_nothing_is_written_and_no_random_number_drawn(made):
    folder, _ = made
    before = files_of(folder.parents[1])
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    trained = load_trained(folder)
    assert torch.equal(torch.rand(3), expected)
    assert trained.tokenizer.decode_ids(trained.tokenizer.encode_as_ids("A FOX"))
    assert files_of(folder.parents[1]) == before


def test_paths_lead_to_where_the_run_is(made, run):
    folder, _ = made
    for key in ("output_folder", "save_folder", "train_log", "manifest_folder"):
        assert run.hparams[key].startswith(str(folder)), key
    assert run.tokenizer.vocab_size() == 31


def test_layers_are_counted_as_in_the_table(run):
    _, *rows = learned_pitch(run.hparams["model"]).splitlines()
    rates = [net.theta_offset.abs().amax(1).tolist() for net in run.attention]
    assert len(rows) == sum(map(len, rates)) == 4
    assert (run.variant, run.pitch_attention["theta"]) == ("all", "offset")
    encoder = run.modules["Transformer"].encoder
    assert [layer.mha_layer for layer in encoder.layers] == run.attention


def test_encoding_is_that_of_the_recipe(run):
    wavs = torch.stack((utterance(), utterance(seed=1)))
    enc_out, p_ctc = run.encode(wavs)
    feats = run.modules["normalize"](
        run.hparams["compute_features"](wavs), torch.ones(2)
    )
    with torch.no_grad():
        expected, _ = run.modules["Transformer"](run.modules["CNN"](feats), None)
    torch.testing.assert_close(enc_out, expected)
    torch.testing.assert_close(p_ctc.exp().sum(-1), torch.ones(p_ctc.shape[:2]))


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(ValueError, match=re.escape("holds no hyperparams.yaml")):
        load_trained(tmp_path)
    with pytest.raises(ValueError, match="is no folder"):
        load_trained(tmp_path / "missing")
    (tmp_path / "hyperparams.yaml").write_text("seed: 1\noutput_folder: x\n")
    with pytest.raises(ValueError, match="has no avg_checkpoints, blank_index"):
        load_trained(tmp_path)
    (tmp_path / "hyperparams.yaml").write_text("seed: [1\n")
    with pytest.raises(ValueError, match="is not a mapping in YAML"):
        load_trained(tmp_path)


def copy(made, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(made[0], folder)
    return folder


def test_a_run_without_finished_epoch(made, tmp_path):
    folder = copy(made, tmp_path)
    for checkpoint in (folder / "save").iterdir():
        shutil.rmtree(checkpoint)
    with pytest.raises(FileNotFoundError, match="no checkpoint of a finished epoch"):
        load_trained(folder)
    (folder / "save").rmdir()
    with pytest.raises(FileNotFoundError, match="no checkpoint of a finished epoch"):
        load_trained(folder)
    assert not (folder / "save").exists()


def test_weights_of_other_sizes_are_named(made, tmp_path):
    folder = copy(made, tmp_path)
    path = folder / "hyperparams.yaml"
    text = path.read_text().replace("d_ffn: 32", "d_ffn: 48")
    path.write_text(text)
    with pytest.raises(ValueError, match="of another shape") as error:
        load_trained(folder)
    assert "ffn.0.weight [32, 32], in the model [48, 32]" in str(error.value)


def test_weights_of_another_variant_are_named(made, tmp_path):
    folder = copy(made, tmp_path)
    path = folder / "hyperparams.yaml"
    path.write_text(path.read_text().replace("[all]", "[theta]"))
    with pytest.raises(ValueError, match="its variant 'all' now means"):
        load_trained(folder)
    (folder / "variant.json").unlink()
    with pytest.raises(ValueError, match="not in the model") as error:
        load_trained(folder)
    assert "mha_layer.radius_slope" in str(error.value)


def test_a_variant_that_has_changed_since(made, tmp_path):
    folder = copy(made, tmp_path)
    mark = json.loads((folder / "variant.json").read_text())
    mark["pitch_attention"]["theta"] = "frame"  # the same tensors, other meaning
    (folder / "variant.json").write_text(json.dumps(mark))
    with pytest.raises(ValueError, match="'theta': 'frame'"):
        load_trained(folder)


def test_a_tokenizer_that_is_gone(made, tmp_path):
    folder = copy(made, tmp_path)
    (folder / "tokenizer/31_char.model").unlink()
    opened = load_trained(folder)  # most figures need none
    with pytest.raises(ValueError, match="which is not there"):
        opened.tokenizer  # noqa: B018


def test_a_run_with_a_decoder_goes_by_accuracy(tmp_path):
    settings = {"num_decoder_layers": 1, "ctc_weight": 0.3, "avg_checkpoints": 1}
    make_run(tmp_path / "joint", (0.5, 0.7, 0.6), **settings)
    assert load_trained(tmp_path / "joint").epochs == [2]

"""A run opens as its test saw it, wherever it lies, and nothing else opens."""

import io
import shutil
from pathlib import Path

import pytest
import torch

from speechbrain_pitchrope.runs.run import open_run
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import JOINT, damage, half, make_run, replaced

CERS = (40.0, 20.0, 60.0, 30.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run's folder, where it was moved to, and its weights of each epoch."""
    root = tmp_path_factory.mktemp("runs")
    torch.manual_seed(0)
    settings = {"avg_checkpoints": 2, "test_splits": ["test-a", "test-b"]}
    states = make_run(root / "then" / "a run", CERS, **settings)
    (root / "then").rename(root / "now")
    return root / "now" / "a run", states


@pytest.fixture
def copy(made, tmp_path):
    """A copy of it, to be damaged."""
    shutil.copytree(made[0], tmp_path / "copy")
    return tmp_path / "copy"


def test_settings_are_read_without_running_the_yaml(copy):
    path = copy / "hyperparams.yaml"
    path.write_text(path.read_text() + "\nevil: !apply:sys.exit [3]\n")
    run = open_run(copy)
    assert run.settings["seed"] == "1234"
    assert run.settings["test_splits"] == list(run.manifests) == ["test-a", "test-b"]
    assert run.settings["tokenizer_file"] is None
    assert not {"Transformer", "pitch_attention", "model"} & run.settings.keys()
    assert load_trained(copy).variant == "all"  # nor anything it does not need
    # Paths are where the run is now.
    assert run.settings["output_folder"] == str(copy)
    assert run.save_folder == copy / "save"
    assert run.manifests["test-a"] == copy / "manifests/test-a.csv"
    assert run.tokenizer_file == copy / "tokenizer/31_char.model"


def test_weights_are_the_average_of_the_best_or_one_checkpoints(made):
    """Nothing is written, and no random number is drawn."""
    files = sorted(made[0].parents[1].rglob("*"))
    before, state = [path.stat() for path in files], torch.get_rng_state()
    run = load_trained(made[0])
    assert run.tokenizer.decode_ids(run.tokenizer.encode_as_ids("A FOX"))
    assert torch.equal(torch.get_rng_state(), state)
    assert sorted(made[0].parents[1].rglob("*")) == files
    for then, now in zip(before, map(Path.stat, files), strict=True):
        assert (now.st_size, now.st_mtime_ns) == (then.st_size, then.st_mtime_ns)
    assert run.epochs == [2, 4]
    for name, value in run.hparams["model"].state_dict().items():
        expected = (made[1][1][name] + made[1][3][name]) / 2
        torch.testing.assert_close(value, expected, msg=name)
    assert not any(module.training for module in run.modules.modules())
    assert sum(net.num_heads for net in run.attention) == 4
    metas = made[0].glob("save/*/CKPT.yaml")
    (meta,) = (path for path in metas if "epoch: 3" in path.read_text())
    alone = load_trained(meta.parent)
    assert (alone.epochs, alone.folder) == ([3], made[0])
    for name, value in alone.hparams["model"].state_dict().items():
        assert torch.equal(value, made[1][2][name]), name


def test_a_run_with_a_decoder_goes_by_accuracy(tmp_path):
    make_run(tmp_path / "joint", (0.5, 0.7, 0.6), **JOINT)
    assert load_trained(tmp_path / "joint").epochs == [2]


def not_finite(content):
    """A damage: a training that diverged."""
    state, written = torch.load(io.BytesIO(content)), io.BytesIO()
    state[next(iter(state))][0] = float("nan")
    torch.save(state, written)
    return written.getvalue()


YAML, WEIGHTS = "hyperparams.yaml", "save/*/model.ckpt"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (YAML, None, "holds no hyperparams.yaml: give the output"),
        (YAML, lambda x: x.split(b"\nnormalize:")[0], "yaml has no .*normalize"),
        (YAML, replaced("seed: 1234", "seed: [1234"), "yaml can't be read"),
        (YAML, replaced("nnet.linear.Linear", "nnet.linear.No"), "be read .*No"),
        (YAML, replaced("sample_rate: 16000", "sample_rate: x"), "yaml can't be read"),
        (YAML, replaced("d_ffn: 32", "d_ffn: 48"), r"\[32, 32\].*\[48, 32\]"),
        (YAML, replaced("[all]", "[theta]"), "'theta' now means .*, or write all in"),
        ("save/*", None, "no checkpoint of a finished epoch in .*save"),
        (WEIGHTS, half, "model.ckpt can't be read"),
        (WEIGHTS, not_finite, "model.ckpt holds NaN or infinite numbers in 0\\."),
        ("save/*/normalizer.ckpt", lambda x: b"", "normalizer.ckpt can't be read"),
        ("save/*/CKPT.yaml", replaced("epoch", "- epoch"), "CKPT.yaml can't be read"),
        ("variant.json", half, "variant.json can't be read .*: remove it"),
        ("variant.json", replaced('"offset"', '"frame"'), "trained with .*'frame'"),
    ],
)
def test_damage_is_named_and_nothing_made(copy, name, change, message):
    damage(copy, name, change)
    before = set(copy.rglob("*"))
    with pytest.raises(ValueError, match=message):
        load_trained(copy)
    assert set(copy.rglob("*")) == before


@pytest.mark.parametrize("change", [None, half])
def test_a_damaged_tokenizer_stops_only_who_needs_it(copy, change):
    damage(copy, "tokenizer/31_char.model", change)
    opened = load_trained(copy)  # most figures need none
    with pytest.raises(ValueError, match=r"31_char\.model|label_encoder\.txt"):
        opened.tokenizer  # noqa: B018

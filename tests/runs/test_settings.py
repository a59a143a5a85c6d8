"""The settings of a run are read without making its objects."""

import pytest
import torch

from speechbrain_pitchrope.runs.settings import folder_of_run, read_settings
from speechbrain_pitchrope.runs.trained import load_trained
from tests.made_runs import make_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run that was moved since."""
    root = tmp_path_factory.mktemp("runs")
    make_run(root / "then", test_splits=["test-a", "test-b"])
    return (root / "then").rename(root / "now")


def test_values_and_lists_are_those_of_the_run(folder):
    settings = read_settings(folder)
    hparams = load_trained(folder).hparams
    assert settings["test_splits"] == hparams["test_splits"] == ["test-a", "test-b"]
    assert float(settings["lr_adam"]) == hparams["lr_adam"]
    assert settings["variant"] == "all"
    assert settings["lm_file"] is None is hparams["lm_file"]
    kinds = {type(hparams[key]) for key in settings}
    assert kinds <= {str, int, float, bool, list, type(None)}
    made = {"Transformer", "pitch_attention", "activation", "model", "checkpointer"}
    assert not made & settings.keys()


def test_paths_are_where_the_run_is_now(folder):
    settings = read_settings(folder)
    assert settings["output_folder"] == str(folder)
    assert settings["manifest_folder"] == str(folder / "manifests")


def test_no_random_number_is_drawn(folder):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    read_settings(folder)
    assert torch.equal(torch.rand(2), expected)


def test_a_checkpoint_belongs_to_its_run(folder, tmp_path):
    (checkpoint,) = (folder / "save").glob("CKPT*")
    assert folder_of_run(checkpoint) == folder_of_run(folder) == folder
    for other in (folder / "save", tmp_path, tmp_path / "gone"):
        with pytest.raises(ValueError, match="give the output folder of a run"):
            folder_of_run(other)

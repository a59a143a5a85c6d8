"""What the trials on real voices change, and what contours are told apart by."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trials
from contours import N_POINTS, SETS, describe, stack
from speechbrain import Stage

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet import similarity


def brain(stage):
    """What a trial asks of the recipe's Brain."""
    speakers = {"A": (0.5, 0.7), "B": (-0.5, 0.35)}
    return SimpleNamespace(stage=stage, ids=["A-1", "B-2", "A-3"], speakers=speakers)


def batch():
    """Mels, and pitch of which the last frame of each utterance is unvoiced."""
    u = torch.tensor([[0.2, 0.4, 0.0], [0.1, -0.1, 0.0], [0.3, 0.2, 0.0]])
    one = (u != 0).float()
    pitch = inband.Pitch(u, one, 0.3 * torch.ones_like(u), torch.zeros_like(u))
    return torch.arange(3.0 * 3 * 20).reshape(3, 3, 20).sin(), inband.pack(pitch)


@pytest.mark.parametrize("name", trials.BEFORE)
def test_a_trial_changes_what_it_says_and_nothing_in_a_test(name):
    torch.manual_seed(0)
    mels, channels = batch()
    new_mels, new = trials.BEFORE[name](mels, channels.clone(), brain(Stage.TRAIN))
    assert torch.equal(new_mels, mels) == (name != "hidden_harmonics")
    assert torch.equal(new, channels) == (name == "hidden_harmonics")
    assert new.shape == channels.shape
    if name in ("pitch_dropout", "hidden_harmonics"):
        found = trials.BEFORE[name](mels, channels, brain(Stage.TEST))
        assert all(map(torch.equal, found, batch()))


def test_pitch_in_units_of_the_speaker_s_range():
    _, new = trials.speaker_range(*batch(), brain(Stage.TEST))
    pitch = inband.unpack(new)
    expected = torch.tensor([[0.0, 0.1, 0], [0.9, 0.7, 0], [0.05, 0.0, 0]])
    torch.testing.assert_close(pitch.log_f0, expected)
    assert not pitch.register.any()


def test_pitch_is_interpolated_where_nothing_is_voiced():
    u, one = torch.tensor([0.0, 0.4, 0.0, 0.0, 0.1, 0.0]), torch.ones(6)
    one[5] = 0  # padding
    channels = inband.pack(inband.Pitch(u, (u > 0).float(), one, 0 * one))
    encoded = inband.append(torch.ones(1, 6, 2), channels[None])
    found = inband.unpack(inband.split(trials.interpolate(encoded))[1]).log_f0
    torch.testing.assert_close(found, torch.tensor([[0.4, 0.4, 0.3, 0.2, 0.1, 0.0]]))


def test_other_frequencies_stand_in_the_table(monkeypatch):
    forms = dict(similarity.SIMILARITY)
    monkeypatch.setattr(similarity, "SIMILARITY", forms)
    trials.use_frequencies(list(similarity.COSINES))
    assert forms["cosines"].table == similarity.COSINE_TABLE
    trials.use_frequencies([1.0, 2.0, 3.0])
    assert forms["cosines"].table[0][:3] == (1.0, 2.0, 3.0)


def test_a_contour_is_described_between_its_voiced_ends():
    u = torch.tensor([0.0, 0.1, 0.2, 0.3, 0.0])
    voicing, ones = (u > 0).float(), torch.ones(5)
    channels = inband.pack(inband.Pitch(u, voicing, 0.4 * ones, -0.2 * ones))
    found = describe(channels, frame_shift=0.01)
    np.testing.assert_allclose(found["log_f0"], np.linspace(0.1, 0.3, N_POINTS))
    np.testing.assert_allclose(found["register"], 0.4)
    np.testing.assert_allclose(found["seconds"], 0.02)
    found["speaker_level"] = np.zeros(1)
    sizes = {name: stack([found], SETS[name]).shape[1] for name in SETS}
    assert sizes["shape"] == N_POINTS
    assert sizes["all_channels"] == 3 * N_POINTS + 2

"""PitchInputNormalization: upstream's on the mels, nothing on pitch."""

import pytest
import torch
from speechbrain.processing.features import InputNormalization

from speechbrain_pitchrope.processing.features import PitchInputNormalization
from tests.signals import pitch_channels


def features(seed=0):
    torch.manual_seed(seed)
    mels = 5 + 3 * torch.randn(3, 40, 80)
    return mels, pitch_channels(3, 40, seed), torch.tensor([1.0, 0.7, 0.5])


@pytest.mark.parametrize("norm_type", ["global", "batch", "sentence"])
def test_mels_and_statistics_are_upstreams(norm_type, tmp_path):
    upstream = InputNormalization(norm_type=norm_type)
    ours = PitchInputNormalization(norm_type=norm_type)
    for seed in range(3):
        mels, channels, lengths = features(seed)
        expected = upstream(mels, lengths, epoch=1)
        found = ours(torch.cat((mels, channels), -1), lengths, epoch=1)
        assert torch.equal(found[..., :80], expected)
    if norm_type == "global":
        upstream._save(tmp_path / "normalizer.ckpt")
        fresh = PitchInputNormalization().eval()
        fresh._load(tmp_path / "normalizer.ckpt")
        again = fresh(torch.cat((mels, channels), -1), lengths)
        assert torch.equal(again[..., :80], upstream.eval()(mels, lengths))


@pytest.mark.parametrize("n_samples", [0, 160])
def test_riders_pass_and_padding_is_neutral(n_samples):
    mels, channels, lengths = features()
    riders = torch.cat((torch.rand(3, 40, n_samples), channels), -1)
    normalize = PitchInputNormalization(n_features=80)
    out = normalize(torch.cat((mels, riders), -1), lengths, epoch=1)
    assert torch.equal(out[..., :80], InputNormalization()(mels, lengths, epoch=1))
    for i, n_frames in enumerate((40, 28, 20)):
        assert torch.equal(out[i, :n_frames, 80:], riders[i, :n_frames])
        assert not out[i, n_frames:, 80:].any()


def test_fewer_channels_than_features_are_refused():
    mels, channels, lengths = features()
    with pytest.raises(ValueError, match="found 84 channels, expected 81 features and"):
        PitchInputNormalization(n_features=81)(torch.cat((mels, channels), -1), lengths)


def test_features_without_pitch_name_the_fbank():
    decibels = -40 + 20 * torch.randn(3, 40, 80)
    with pytest.raises(ValueError, match=r"`compute_features`.*PitchFbank"):
        PitchInputNormalization()(decibels, torch.ones(3))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_global_statistics_stay_finite(first, value):
    """A batch that went wrong is forgotten, as the first one and later."""
    normalize = PitchInputNormalization(norm_type="global")
    pitch = pitch_channels(2, 9)
    batches = [torch.cat((torch.rand(2, 9, 8), pitch), -1) for _ in range(3)]
    batches[not first][0, 3:, :8] = value
    for batch in batches:
        normalize(batch)
    assert normalize.glob_mean.isfinite().all()
    assert ((normalize.glob_std > 0.1) & (normalize.glob_std < 1)).all()
    assert normalize(batches[2]).isfinite().all()

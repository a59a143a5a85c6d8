"""In-band channels: levels, neutrality, round trip; normalisation leaves them alone."""

import pytest
import torch
from speechbrain.processing.features import InputNormalization

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.processing.features import (
    LEVELS,
    PitchContour,
    PitchInputNormalization,
    loudness_in_db,
    window_level,
)
from tests.signals import pitch_channels


def contour(n_frames=200, seed=0):
    """f0 in Hz, voicing and loudness of one made-up utterance."""
    torch.manual_seed(seed)
    course = torch.randn(1, n_frames).cumsum(1) * 0.02
    voicing = (torch.arange(n_frames)[None] // 15 % 3 > 0) * 0.9
    f0_hz = 180 * torch.exp2(course.clamp(-0.7, 0.7)) * (voicing > 0.5)
    return f0_hz, voicing, -30 + 5 * torch.randn(1, n_frames)


@pytest.mark.parametrize("octave", [-1.8, 0, 1.5])
@pytest.mark.parametrize("level", LEVELS)
def test_f0_is_recovered(level, octave):
    """Also what is beyond the range of a fixed level, 53 to 424 Hz."""
    f0_hz, voicing, loudness_db = contour()
    f0_hz *= 2**octave
    channels = PitchContour(level)(f0_hz, voicing, loudness_db)
    torch.testing.assert_close(inband.f0_in_hz(channels), f0_hz, rtol=1e-4, atol=0)
    if level == "fixed":
        assert inband.unpack(channels).register.any() == (octave != 0)


@pytest.mark.parametrize("level", LEVELS)
def test_channels_keep_their_ranges(level):
    wild = 500 * torch.rand(1, 300), torch.rand(1, 300), 60 * torch.randn(1, 300)
    channels = PitchContour(level)(*wild)
    pitch = inband.unpack(channels)
    assert channels.isfinite().all()
    assert pitch.log_f0.abs().max() <= inband.MAX_OCTAVES
    assert pitch.register.abs().max() <= inband.MAX_OCTAVES
    assert 0 <= pitch.voicing.min() and pitch.voicing.max() <= 1
    assert pitch.prominence.abs().max() <= 1
    assert not pitch.log_f0[pitch.voicing < inband.VOICED].any()


@pytest.mark.parametrize("level", ["utterance", "window"])
def test_speaker_and_gain_change_only_the_level(level):
    f0_hz, voicing, loudness_db = contour()
    one = inband.unpack(PitchContour(level)(f0_hz, voicing, loudness_db))
    other = inband.unpack(PitchContour(level)(1.5 * f0_hz, voicing, loudness_db + 9))
    torch.testing.assert_close(other.log_f0, one.log_f0, atol=1e-5, rtol=0)
    torch.testing.assert_close(other.prominence, one.prominence, atol=1e-5, rtol=0)
    shift = (other.register - one.register)[one.register != 0]
    torch.testing.assert_close(shift, torch.full_like(shift, 1.5).log2())
    if level == "utterance":  # the mean over its voiced frames
        expected = torch.log2(f0_hz[f0_hz > 0] / 150).mean()
        torch.testing.assert_close(one.register, expected.expand(1, 200))
        assert one.log_f0[f0_hz > 0].mean().abs() < 1e-6


def test_window_level_is_the_mean_of_the_window():
    torch.manual_seed(0)
    values, weights = torch.randn(2, 30), torch.rand(2, 30).round()
    found = window_level(values, weights, 4)
    for t in range(30):
        w = weights[:, max(0, t - 3) : t + 1]
        sums = (w * values[:, max(0, t - 3) : t + 1]).sum(1)
        expected = torch.where(w.sum(1) > 0, sums / w.sum(1).clamp(min=1), 0)
        torch.testing.assert_close(found[:, t], expected)


@pytest.mark.parametrize("level", LEVELS)
def test_unvoiced_utterance_is_finite_with_gradients(level):
    f0_hz = torch.zeros(1, 20, requires_grad=True)
    voicing = torch.full((1, 20), 0.3, requires_grad=True)
    channels = PitchContour(level)(f0_hz, voicing, torch.full((1, 20), -30.0))
    assert not inband.unpack(channels).log_f0.any()
    assert not inband.unpack(channels).register.any()
    channels.sum().backward()
    assert f0_hz.grad.isfinite().all()
    assert voicing.grad.isfinite().all()


def test_loudness_is_the_power_of_each_frame():
    torch.manual_seed(0)
    wavs = torch.randn(2, 1234)
    found = loudness_in_db(wavs, 400, 160)
    padded = torch.nn.functional.pad(wavs, (200, 200)).unfold(1, 400, 160)
    torch.testing.assert_close(found, 10 * torch.log10(padded.square().mean(-1)))
    assert (loudness_in_db(torch.zeros(1, 999), 400, 160) == -torch.inf).all()


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="pitch level 'speaker' is unknown"):
        PitchContour("speaker")
    with pytest.raises(ValueError, match="window is 0 s"):
        PitchContour("window", window=0)


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
    for i, n_frames in enumerate((40, 28, 20)):
        assert torch.equal(out[i, :n_frames, 80:], riders[i, :n_frames])
        assert not out[i, n_frames:, 80:].any()


def test_what_carries_no_pitch_is_refused():
    mels, channels, lengths = features()
    with pytest.raises(ValueError, match="found 84 channels, expected 81 features and"):
        PitchInputNormalization(n_features=81)(torch.cat((mels, channels), -1), lengths)
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

"""The waveform in-band: cut, joined, checked."""

import pytest
import torch

from speechbrain_pitchrope.streams import (
    check_streams,
    frame_samples,
    join_frames,
    require_waveform,
)


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 1600, 1759])
@pytest.mark.parametrize("n_hops", [1, 4])
def test_cut_and_joined_it_is_the_waveform(n_samples, n_hops):
    wavs, n_frames = torch.randn(2, n_samples), n_samples // 160 + 1
    frames = frame_samples(wavs, n_frames)
    assert frames.shape == (2, n_frames, 160)
    joined = join_frames(frames, -(-n_frames // n_hops), n_hops).flatten(1)
    assert torch.equal(joined[:, :n_samples], wavs)
    assert not joined[:, n_samples:].any()


@pytest.mark.parametrize(
    "streams",
    [[], ["waveform"], ["spectrogram", "f0"], ["spectrogram", "pitch", "pitch"]],
)
def test_wrong_streams_are_named(streams):
    with pytest.raises(ValueError, match=r"streams is \[.*give spectrogram, and"):
        check_streams(streams)


def test_a_waveform_that_was_normalised_is_refused():
    features = torch.zeros(2, 7, 80 + 160 + 4)
    features[..., 80:240] = 3 * torch.randn(2, 7, 160)
    with pytest.raises(ValueError, match=r"found samples up to .*`n_features"):
        require_waveform(features, 80, 160, "PitchConvolutionFrontEnd")
    require_waveform(features / 20, 80, 160, "PitchConvolutionFrontEnd")

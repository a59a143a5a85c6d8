"""PitchConvolutionFrontEnd: upstream's convolutions, pitch pooled along them."""

import pytest
import torch
from speechbrain.lobes.models.convolution import ConvolutionFrontEnd
from speechbrain.nnet.CNN import Conv1d

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.models.convolution import PitchConvolutionFrontEnd
from tests.signals import pitch_channels

RECIPE = {
    "input_shape": (8, 10, 80),
    "num_blocks": 2,
    "num_layers_per_block": 1,
    "out_channels": (64, 32),
    "kernel_sizes": (3, 3),
    "strides": (2, 2),
    "residuals": (False, False),
}
GEOMETRIES = {
    "recipe": {},
    "wide": {"kernel_sizes": (5, 3), "strides": (2, 1), "residuals": (True, False)},
    "deep": {"num_layers_per_block": 2, "strides": (1, 3)},
    "dilated": {"dilations": (2, 1), "strides": (1, 2)},
    "one-dimensional": {"conv_module": Conv1d},
    "causal": {"conv_module": Conv1d, "padding": "causal"},
    "valid": {"conv_module": Conv1d, "padding": "valid"},
}


def build(cls, geometry, seed=0):
    torch.manual_seed(seed)
    return cls(**{**RECIPE, **GEOMETRIES[geometry]}).eval()


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_mels_are_upstreams_and_pitch_has_their_length(geometry):
    upstream = build(ConvolutionFrontEnd, geometry)
    after = torch.rand(1)
    ours = build(PitchConvolutionFrontEnd, geometry)
    assert torch.equal(torch.rand(1), after)
    assert ours.state_dict().keys() == upstream.state_dict().keys()
    for n_frames in (25, 50, 51, 52, 53):
        mels = torch.randn(2, n_frames, 80)
        expected = upstream(mels).flatten(2)
        found = ours(inband.append(mels, pitch_channels(2, n_frames)))
        assert torch.equal(found[..., :-4], expected)
        assert found.shape[:2] == expected.shape[:2]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_too_few_frames_are_refused(geometry):
    """As many as upstream's convolutions fail on."""
    upstream = build(ConvolutionFrontEnd, geometry)
    ours = build(PitchConvolutionFrontEnd, geometry)
    for n_frames in range(1, 12):
        try:
            upstream(torch.zeros(2, n_frames, 80))
        except RuntimeError:
            with pytest.raises(ValueError, match=f"found {n_frames} feature frames"):
                ours(torch.zeros(2, n_frames, 84))
        else:
            assert ours(torch.zeros(2, n_frames, 84)).shape[1] >= 1


@pytest.mark.parametrize("n_frames", [25, 50, 51, 52, 53])
def test_a_waveform_passes_in_frames_of_the_output(n_frames):
    torch.manual_seed(0)
    plain = PitchConvolutionFrontEnd(**RECIPE).eval()
    mels, channels = torch.randn(2, n_frames, 80), pitch_channels(2, n_frames)
    samples = torch.rand(2, n_frames, 160)
    found = plain(torch.cat((mels, samples, channels), -1))
    expected = plain(inband.append(mels, channels))
    assert torch.equal(found[..., :640], expected[..., :640])
    assert torch.equal(found[..., -4:], expected[..., -4:])
    joined = found[..., 640:-4].flatten(1)
    assert torch.equal(joined[:, : n_frames * 160], samples.flatten(1))
    assert not joined[:, n_frames * 160 :].any()


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_each_output_pools_the_frames_its_convolutions_see(geometry):
    """The gradient of an output names its input frames: pitch must have the same."""
    front_end = build(PitchConvolutionFrontEnd, geometry)
    mels = torch.randn(1, 40, 80, requires_grad=True)
    voiced = torch.tensor([0.1, 1.0, 0.2, 0.3]).repeat(1, 40, 1).requires_grad_()
    out = front_end(inband.append(mels, voiced))
    for t in range(2, out.shape[1] - 2):  # the ends are reflected
        grads = torch.autograd.grad(
            out[0, t, :-4].square().sum() + out[0, t, -4:].sum(),
            (mels, voiced),
            retain_graph=True,
        )
        seen_by_mels, seen_by_pitch = (grad.abs().sum(-1)[0] > 0 for grad in grads)
        assert torch.equal(seen_by_mels, seen_by_pitch), t


def test_pooling_weighs_by_voicing():
    channels = torch.zeros(1, 9, 4)
    channels[0, :, 2] = 0.3  # register
    channels[0, 3:6, 0] = torch.tensor([0.4, 0.8, 0.6])
    channels[0, 3:6, 1] = torch.tensor([0.9, 0.9, 0.6])
    pooled = build(PitchConvolutionFrontEnd, "recipe")._pool(channels, 3)
    log_f0, voicing, register, prominence = pooled[0, 1]
    course = (0.9 * 0.4 + 0.9 * 0.8 + 0.6 * 0.6) / (0.9 + 0.9 + 0.6)
    torch.testing.assert_close(log_f0, torch.tensor(course))
    torch.testing.assert_close(voicing, torch.tensor((0.9 + 0.9 + 0.6) / 7))
    torch.testing.assert_close(register, torch.tensor(0.3))
    assert prominence == 0


def test_padding_is_not_pooled():
    front_end = build(PitchConvolutionFrontEnd, "recipe")
    channels = pitch_channels(1, 30)
    padded = torch.cat((channels, torch.zeros(1, 13, 4)), 1)
    alone, together = front_end._pool(channels, 8), front_end._pool(padded, 11)
    torch.testing.assert_close(together[:, :8], alone)
    assert not together[:, 9:].any()


def test_pooled_channels_keep_their_ranges():
    pooled = build(PitchConvolutionFrontEnd, "recipe")._pool(pitch_channels(4, 99), 25)
    assert torch.equal(inband.pack(inband.unpack(pooled)), pooled)


def test_missing_and_touched_pitch_are_refused():
    front_end = build(PitchConvolutionFrontEnd, "recipe")
    with pytest.raises(ValueError, match=r"found 80 channels.*`compute_features`"):
        front_end(torch.zeros(2, 50, 80))
    with pytest.raises(
        ValueError, match=r"expected 0 to 1.*`normalize`.*`fea_augment`"
    ):
        front_end(torch.randn(2, 50, 84))


def test_convolutions_that_cannot_be_followed_are_refused():
    front_end = PitchConvolutionFrontEnd(**RECIPE, padding="causal")
    with pytest.raises(ValueError, match='use padding: "same"'):
        front_end(torch.zeros(2, 50, 84))


def test_frames_masked_by_noise_have_no_pitch():
    """BEST-RQ's noise is in every channel: mels are convolved with it, pitch is not."""
    torch.manual_seed(0)
    features = inband.append(torch.randn(2, 60, 80), pitch_channels(2, 60))
    frames = torch.cat([torch.arange(start, start + 4) for start in range(0, 60, 8)])
    noisy = features.clone()
    noisy[:, frames] = 0.1 * torch.randn(2, len(frames), 84)
    silent = noisy.clone()
    silent[:, frames, -4:] = 0
    front_end = build(PitchConvolutionFrontEnd, "recipe")
    expected = front_end(silent)
    with pytest.raises(ValueError, match="expected 0 to 1"):
        front_end(noisy)
    front_end.noise_masking = True
    assert torch.equal(front_end(noisy), expected)


def test_an_unswapped_normaliser_is_not_taken_for_masking():
    front_end = build(PitchConvolutionFrontEnd, "recipe")
    front_end.noise_masking = True
    features = inband.append(torch.randn(2, 60, 80), pitch_channels(2, 60))
    normalized = features - features.mean(1, keepdim=True)
    normalized[1, 40:] = 0  # padding
    with pytest.raises(ValueError, match=r"expected 0 to 1.*`normalize`"):
        front_end(normalized)

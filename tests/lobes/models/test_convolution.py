"""PitchConvolutionFrontEnd: upstream's convolutions, pitch pooled along them."""

import pytest
import torch
from speechbrain.lobes.models.convolution import ConvolutionFrontEnd
from speechbrain.nnet.CNN import Conv1d

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.models.convolution import PitchConvolutionFrontEnd
from tests.signals import FRONT_END, pitch_channels

GEOMETRIES = {
    "recipe": {},
    "wide": {"kernel_sizes": (5, 3), "strides": (2, 1), "residuals": (True, False)},
    "deep": {"num_layers_per_block": 2, "strides": (1, 3)},
    "dilated": {"dilations": (2, 1), "strides": (1, 2)},
    "one-dimensional": {"conv_module": Conv1d},
    "causal": {"conv_module": Conv1d, "padding": "causal"},
    "valid": {"conv_module": Conv1d, "padding": "valid"},
}
each_geometry = pytest.mark.parametrize("geometry", GEOMETRIES)
lengths = pytest.mark.parametrize("n_frames", [25, 50, 51, 52, 53])


def build(cls=PitchConvolutionFrontEnd, geometry="recipe", **settings):
    torch.manual_seed(0)
    settings = FRONT_END | GEOMETRIES[geometry] | settings
    return cls(input_shape=(8, 10, 80), **settings).eval()


def features(n_batch, n_frames):
    mels = torch.randn(n_batch, n_frames, 80)
    channels = pitch_channels(n_batch, n_frames)
    return mels, channels, inband.append(mels, channels)


@each_geometry
@lengths
def test_mels_are_upstreams_and_pitch_has_their_length(geometry, n_frames):
    upstream = build(ConvolutionFrontEnd, geometry)
    after = torch.rand(1)
    ours = build(geometry=geometry)
    assert torch.equal(torch.rand(1), after)
    assert ours.state_dict().keys() == upstream.state_dict().keys()
    mels, _, x = features(2, n_frames)
    assert torch.equal(ours(x)[..., :-4], upstream(mels).flatten(2))


@each_geometry
@pytest.mark.parametrize("n_frames", range(1, 12))
def test_too_few_frames_are_refused(geometry, n_frames):
    """As many as upstream's convolutions fail on."""
    upstream, ours = build(ConvolutionFrontEnd, geometry), build(geometry=geometry)
    try:
        upstream(torch.zeros(2, n_frames, 80))
    except RuntimeError:
        with pytest.raises(ValueError, match=f"found {n_frames} feature frames"):
            ours(torch.zeros(2, n_frames, 84))
    else:
        assert ours(torch.zeros(2, n_frames, 84)).shape[1] >= 1


@lengths
def test_a_waveform_passes_in_frames_of_the_output(n_frames):
    net, (mels, channels, x) = build(), features(2, n_frames)
    samples = torch.rand(2, n_frames, 160)
    expected, found = net(x), net(torch.cat((mels, samples, channels), -1))
    n_features = expected.shape[-1] - 4
    assert torch.equal(found[..., :n_features], expected[..., :n_features])
    assert torch.equal(found[..., -4:], expected[..., -4:])
    joined = found[..., n_features:-4].flatten(1)
    assert torch.equal(joined[:, : n_frames * 160], samples.flatten(1))
    assert not joined[:, n_frames * 160 :].any()


@each_geometry
def test_each_output_pools_the_frames_its_convolutions_see(geometry):
    """The gradient of an output names its input frames: pitch must have the same."""
    mels = torch.randn(1, 40, 80, requires_grad=True)
    voiced = torch.tensor([0.1, 1.0, 0.2, 0.3]).repeat(1, 40, 1).requires_grad_()
    out = build(geometry=geometry)(inband.append(mels, voiced))
    for t in range(2, out.shape[1] - 2):  # the ends are reflected
        loss = out[0, t, :-4].square().sum() + out[0, t, -4:].sum()
        grads = torch.autograd.grad(loss, (mels, voiced), retain_graph=True)
        seen_by_mels, seen_by_pitch = (grad.abs().sum(-1)[0] > 0 for grad in grads)
        assert torch.equal(seen_by_mels, seen_by_pitch), t


def test_pooling_weighs_by_voicing():
    channels = torch.zeros(1, 9, 4)
    channels[0, :, 2] = 0.3  # register
    channels[0, 3:6, 0] = torch.tensor([0.4, 0.8, 0.6])
    channels[0, 3:6, 1] = torch.tensor([0.9, 0.9, 0.6])
    course = (0.9 * 0.4 + 0.9 * 0.8 + 0.6 * 0.6) / (0.9 + 0.9 + 0.6)
    expected = torch.tensor([course, (0.9 + 0.9 + 0.6) / 7, 0.3, 0.0])
    torch.testing.assert_close(build()._pool(channels, 3)[0, 1], expected)


def test_padding_is_not_pooled():
    front_end, channels = build(), pitch_channels(1, 30)
    padded = torch.nn.functional.pad(channels, (0, 0, 0, 13))
    alone, together = front_end._pool(channels, 8), front_end._pool(padded, 11)
    torch.testing.assert_close(together[:, :8], alone)
    assert not together[:, 9:].any()


def test_wrong_inputs_and_convolutions_are_named():
    front_end = build()
    with pytest.raises(ValueError, match=r"found 80 channels.*`compute_features`"):
        front_end(torch.zeros(2, 50, 80))
    with pytest.raises(ValueError, match=r"expected 0 to 1.*`normalize`.*`fea_augment"):
        front_end(torch.randn(2, 50, 84))
    with pytest.raises(ValueError, match='use padding: "same"'):
        build(padding="causal")(torch.zeros(2, 50, 84))


def test_frames_masked_by_noise_have_no_pitch():
    """BEST-RQ's noise is in every channel: mels are convolved with it, pitch is not."""
    front_end, noisy = build(), features(2, 60)[2]
    frames = torch.cat([torch.arange(start, start + 4) for start in range(0, 60, 8)])
    noisy[:, frames] = 0.1 * torch.randn(2, len(frames), 84)
    silent = noisy.clone()
    silent[:, frames, -4:] = 0
    expected = front_end(silent)
    with pytest.raises(ValueError, match="expected 0 to 1"):
        front_end(noisy)
    front_end.noise_masking = True
    assert torch.equal(front_end(noisy), expected)


def test_an_unswapped_normaliser_is_not_taken_for_masking():
    normalized = features(2, 60)[2]
    normalized -= normalized.mean(1, keepdim=True)
    normalized[1, 40:] = 0  # padding
    with pytest.raises(ValueError, match=r"expected 0 to 1.*`normalize`"):
        build(noise_masking=True)(normalized)

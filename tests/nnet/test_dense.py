"""The dense matrices are those that the fused kernels work with."""

import pytest
import torch
from speechbrain.nnet.attention import RoPEMHA

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.dense import attention_weights, similarity_bias
from tests.signals import pitch_channels

EMBED_DIM, HEADS, FRAMES = 24, 3, 17


def listening(seed=0, **settings):
    """A module of which every parameter acts."""
    torch.manual_seed(seed)
    net = PitchRoPEMHA(EMBED_DIM, HEADS, **settings).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.4 * torch.randn_like(parameter))
    return net


def output_by_weights(net, x, weights):
    """The module's output, if these are its attention weights."""
    value = torch.nn.functional.linear(x, net.in_proj_weight)
    value = value.unflatten(-1, (HEADS, -1)).chunk(3, -1)[2]
    return net.out_proj(torch.einsum("bhmn,bnhd->bmhd", weights, value).flatten(2))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"theta": "utterance", "similarity": "laplacian", "radius": "sigmoid"},
        {"theta": "none", "similarity": "none", "radius": "none"},
        {"theta": "frame", "frequencies": "mel", "similarity": "none"},
    ],
)
def test_weights_give_the_modules_own_output(settings):
    net = listening(**settings)
    x, channels = torch.randn(2, FRAMES, EMBED_DIM), pitch_channels(2, FRAMES)
    padding = torch.arange(FRAMES) >= torch.tensor([[FRAMES], [11]])
    with torch.no_grad():
        expected, _ = net(x, x, x, key_padding_mask=padding, pos_embs=channels)
        found = output_by_weights(net, x, attention_weights(net, x, channels, padding))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_weights_without_pitch_are_those_of_upstream():
    net, x = listening(), torch.randn(1, FRAMES, EMBED_DIM)
    upstream = RoPEMHA(EMBED_DIM, HEADS).eval()
    upstream.load_state_dict(
        {key: net.state_dict()[key] for key in upstream.state_dict()}
    )
    with torch.no_grad():
        expected, _ = upstream(x, x, x)
        for channels in (None, torch.zeros(1, FRAMES, 4)):
            weights = attention_weights(net, x, channels)
            found = output_by_weights(net, x, weights)
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_bias_is_that_of_the_formula():
    net = listening(similarity="gaussian")
    pitch = inband.unpack(pitch_channels(1, FRAMES))
    (bias,) = similarity_bias(net, pitch)
    u, v = pitch.log_f0[0], pitch.voicing[0]
    sigma = 0.6 + net.similarity_bandwidth.exp()[:, None, None]
    kernel = torch.exp(-((u[:, None] - u) ** 2) / (2 * sigma**2))
    beta, mu = (
        parameter[:, None, None]
        for parameter in (net.similarity_weight, net.similarity_voiced)
    )
    expected = v[:, None] * v * (beta * kernel + mu)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(bias, expected, atol=0.02, rtol=0)


def test_bias_is_zero_where_there_is_none():
    pitch = inband.unpack(pitch_channels(2, FRAMES))
    bias = similarity_bias(listening(similarity="none"), pitch)
    assert bias.shape == (2, HEADS, FRAMES, FRAMES)
    assert not bias.any()

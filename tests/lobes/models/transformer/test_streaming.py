"""encode_streaming is the chunk-masked encode, for every form of attention."""

import pytest
import torch
from speechbrain.lobes.models.transformer.TransformerASR import EncoderWrapper
from speechbrain.utils.dynamic_chunk_training import DynChunkTrainConfig

from speechbrain_pitchrope.nnet.attention import CHOICES
from tests.lobes.models.transformer import small_models as small

CHUNKS = [(4, 2), (6, 1), (8, 0), (1, 3), (20, 1)]
MODELS = [
    *("upstream", "rope", *small.ADDED),
    # "frame" counts frames from the start.
    *({key: form} for key in CHOICES for form in CHOICES[key] if form != "frame"),
    {"theta": "phase", "similarity": "laplacian", "radius": "sigmoid"},
    {"theta": "phase", "similarity": "gaussian", "frequencies": "mel"},
]


def streamed(net, src, config):
    """What SpeechBrain's EncoderWrapper, which a recipe streams with, gives."""
    context = net.make_streaming_context(config)
    with torch.no_grad():
        chunks = src.split(config.chunk_size, 1)
        return torch.cat([net.forward_streaming(chunk, context) for chunk in chunks], 1)


@pytest.mark.parametrize("variant", MODELS, ids=str)
def test_streaming_is_the_chunk_masked_whole(variant):
    net = EncoderWrapper(small.trained(variant))
    src = small.inputs(variant, n_frames=43, n_batch=2)
    src[1] = src[0].flip(0)
    for chunk in CHUNKS:
        config = DynChunkTrainConfig(*chunk)
        with torch.no_grad():
            expected = net(src, torch.ones(2), dynchunktrain_config=config)
        small.assert_near(streamed(net, src, config), expected)


def test_it_does_not_matter_when_the_stream_began():
    """Angles count from the left context: a long stream stays precise."""
    net, config = EncoderWrapper(small.trained(MODELS[-1])), DynChunkTrainConfig(5, 1)
    src = small.inputs("all", 1500, 1)
    # Left contexts of two layers and their convolutions reach less than 40 frames back.
    long, short = (streamed(net, x, config)[:, -40:] for x in (src, src[:, -80:]))
    small.assert_near(long, short)


@pytest.mark.parametrize("variant", small.ADDED)
def test_speakers_streamed_in_turn_do_not_mix(variant):
    net, config = small.trained(variant), DynChunkTrainConfig(4, 1)
    first, second = small.inputs(variant), small.inputs(variant).flip(1)
    contexts = [net.make_streaming_context(config) for _ in range(3)]
    alone = [net.encode_streaming(x, contexts[2]) for x in first.split(4, 1)]
    chunks = first.split(4, 1), second.split(4, 1)
    for chunk, other, expected in zip(*chunks, alone, strict=True):
        assert torch.equal(net.encode_streaming(chunk, contexts[0]), expected)
        net.encode_streaming(other, contexts[1])


def test_what_cannot_stream_is_refused():
    with pytest.raises(ValueError, match=r"a number of chunks, DynChunkTrainConfig\(8"):
        small.build("all").make_streaming_context(DynChunkTrainConfig(8))
    for variant, theta, found in (
        ("all+shuffled_f0", "offset", "control is 'shuffled_f0'"),
        ("all", "frame", "theta is 'frame'"),
    ):
        net = small.build(variant)
        net.encoder.layers[0].mha_layer.theta = theta
        context = net.make_streaming_context(DynChunkTrainConfig(4, 1))
        with pytest.raises(ValueError, match=f"{found}, which needs whole"):
            net.encode_streaming(small.inputs("all")[:, :4], context)

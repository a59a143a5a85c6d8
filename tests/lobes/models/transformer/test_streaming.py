"""encode_streaming is the chunk-masked encode, for every form of attention."""

import pytest
import torch
from speechbrain.utils.dynamic_chunk_training import DynChunkTrainConfig

from speechbrain_pitchrope.lobes.models.transformer.TransformerASR import (
    PitchTransformerASR,
)
from speechbrain_pitchrope.nnet import rotary
from speechbrain_pitchrope.nnet.attention import SIMILARITY
from tests.signals import pitch_channels

FORMS = {
    "theta": set(rotary.THETA) - {"frame"},  # it counts frames from the start
    "similarity": SIMILARITY,
    "radius": rotary.RADIUS,
    "frequencies": rotary.FREQUENCIES,
}
SWITCHES = [
    *({switch: form} for switch, forms in FORMS.items() for form in sorted(forms)),
    {"theta": "none", "similarity": "none", "radius": "none"},
    {"theta": "phase", "similarity": "laplacian", "radius": "sigmoid"},
    {"theta": "phase", "similarity": "gaussian", "frequencies": "mel"},
]


def build(settings):
    """A model of two layers whose every parameter for pitch does something."""
    torch.manual_seed(0)
    net = PitchTransformerASR(
        **dict(tgt_vocab=10, input_size=12, d_model=16, nhead=2, d_ffn=16),
        **dict(num_encoder_layers=2, num_decoder_layers=0, kernel_size=5),
        **dict(encoder_module="conformer", normalize_before=True, causal=False),
        pitch_attention=settings,
    ).eval()
    for layer in net.encoder.layers:
        for name in layer.mha_layer.PITCH_PARAMETERS:
            if hasattr(layer.mha_layer, name):
                torch.nn.init.normal_(getattr(layer.mha_layer, name), std=0.5)
    return net


def inputs(seed, n_frames):
    torch.manual_seed(seed)
    features = torch.randn(2, n_frames, 12)
    return torch.cat((features, pitch_channels(2, n_frames, seed)), -1)


def streamed(net, src, config):
    context = net.make_streaming_context(config)
    with torch.no_grad():
        chunks = src.split(config.chunk_size, 1)
        return torch.cat([net.encode_streaming(chunk, context) for chunk in chunks], 1)


@pytest.mark.parametrize("settings", SWITCHES, ids=lambda s: "-".join(s.values()))
def test_streaming_is_the_chunk_masked_whole(settings):
    net = build(settings)
    for seed in range(4):
        src = inputs(seed, 60)
        chunk_size = int(torch.randint(1, 20, ()))
        config = DynChunkTrainConfig(chunk_size, int(torch.randint(0, 5, ())))
        with torch.no_grad():
            expected = net.encode(src, dynchunktrain_config=config)
        found = streamed(net, src, config)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5, msg=str(config))


def test_it_does_not_matter_when_the_stream_began():
    """Angles count from the left context: a long stream stays precise."""
    net, config = build(SWITCHES[-1]), DynChunkTrainConfig(5, 1)
    src = inputs(0, 1500)
    # Left contexts of two layers and their convolutions reach less than 40 frames back.
    long, short = (streamed(net, x, config)[:, -40:] for x in (src, src[:, -80:]))
    torch.testing.assert_close(long, short, rtol=0, atol=1e-5)

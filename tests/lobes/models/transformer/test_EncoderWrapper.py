"""SpeechBrain's EncoderWrapper needs no counterpart: it wraps ours as it is."""

import pytest
import torch
from speechbrain.lobes.models.transformer.TransformerASR import EncoderWrapper
from speechbrain.utils.dynamic_chunk_training import DynChunkTrainConfig

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.models.transformer.TransformerASR import (
    PitchTransformerASR,
)
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from tests.signals import pitch_channels

CHUNKS = DynChunkTrainConfig(chunk_size=8, left_context_size=2)


@pytest.fixture
def wrapper():
    torch.manual_seed(0)
    net = PitchTransformerASR(
        tgt_vocab=30,
        input_size=64,
        d_model=48,
        nhead=2,
        num_encoder_layers=2,
        num_decoder_layers=0,
        d_ffn=96,
        encoder_module="conformer",
        normalize_before=True,
        causal=False,
    )
    for name, parameter in net.named_parameters():
        if name.endswith(PitchRoPEMHA.PITCH_PARAMETERS):
            torch.nn.init.normal_(parameter, std=0.5)
    return EncoderWrapper(net).eval()


@pytest.fixture
def features():
    return inband.append(torch.randn(2, 40, 64), pitch_channels(2, 40))


@pytest.mark.parametrize("chunks", [None, CHUNKS])
def test_it_encodes(wrapper, features, chunks):
    lengths = torch.tensor([1.0, 0.6])
    expected = wrapper.transformer.encode(features, lengths, 0, chunks)
    found = wrapper(features, lengths, pad_idx=0, dynchunktrain_config=chunks)
    assert torch.equal(found, expected)
    features[..., -4:] = 0
    assert (found - wrapper(features, lengths)).abs().max() > 1e-3


def test_it_streams(wrapper, features):
    context = wrapper.make_streaming_context(CHUNKS)
    chunks = features.split(CHUNKS.chunk_size, dim=1)
    found = torch.cat([wrapper.forward_streaming(x, context) for x in chunks], 1)
    expected = wrapper(features, torch.ones(2), dynchunktrain_config=CHUNKS)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)

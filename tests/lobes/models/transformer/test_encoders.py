"""The encoders by themselves."""

import pytest
import torch
from speechbrain.lobes.models.transformer.Conformer import ConformerEncoder
from speechbrain.lobes.models.transformer.Transformer import TransformerEncoder

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.models.transformer import encoders
from tests.lobes.models.transformer import small_models as small
from tests.signals import pitch_channels


def build(encoder, **settings):
    torch.manual_seed(0)
    return encoder(num_layers=2, d_model=24, d_ffn=48, nhead=2, **settings)


@pytest.mark.parametrize("upstream", [TransformerEncoder, ConformerEncoder])
def test_an_encoder_alone_starts_as_upstreams(upstream):
    theirs = build(upstream, attention_type="RoPEMHA")
    after = torch.rand(1)
    net = build(getattr(encoders, f"Pitch{upstream.__name__}"))
    assert torch.equal(torch.rand(1), after)
    src, channels = torch.randn(3, 20, 24), pitch_channels(3, 20)
    runs = (lambda x: x(inband.append(src, channels))[0], lambda x: x(src)[0])
    small.assert_starts_as(net, theirs, *runs)


@pytest.mark.parametrize("name", ["PitchTransformerEncoder", "PitchConformerEncoder"])
def test_wrong_inputs_of_an_encoder_alone_are_named(name):
    encoder = getattr(encoders, name)
    for n_channels, fault in ((24, "24 .*`CNN`"), (28, "voicing from")):
        with pytest.raises(ValueError, match=rf"{name} found {fault}"):
            build(encoder)(3 * torch.randn(3, 20, n_channels))
    with pytest.raises(ValueError, match="attention_type: RelPosMHAXL, expected RoPE"):
        build(encoder, attention_type="RelPosMHAXL")


def test_an_encoder_outside_of_a_transformer_learns_from_pitch():
    """Behind a projection of the features alone."""
    linear = torch.nn.Linear(small.INPUT_SIZE, 24)
    projection = encoders.PitchProjection([linear], n_features=small.INPUT_SIZE)
    encoder = build(encoders.PitchConformerEncoder, pitch_attention={"pitch_input": 8})
    mask = torch.arange(20) >= (small.LENGTHS * 20)[:, None]
    encoded, _ = encoder(projection(small.inputs("all")), src_key_padding_mask=mask)
    (encoded[..., 0] * encoded[..., 1]).mean().backward()
    weight = encoder.pitch_input.projection.weight
    for parameter in (linear.weight, encoder.layers[0].mha_layer.theta_offset, weight):
        assert parameter.grad.any()

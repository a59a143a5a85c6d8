"""The encoders by themselves, as a yaml can name them."""

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.dataio.dataio import length_to_mask
from speechbrain.lobes.models.transformer.Conformer import ConformerEncoder
from speechbrain.lobes.models.transformer.Transformer import TransformerEncoder

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.models.transformer import encoders
from tests.lobes.models.transformer.small_models import assert_starts_as
from tests.signals import FRONT_END, batch_of, pitch_channels, utterance


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
    assert_starts_as(net, theirs, *runs)


@pytest.mark.parametrize("name", ["PitchTransformerEncoder", "PitchConformerEncoder"])
def test_wrong_inputs_of_an_encoder_alone_are_named(name):
    encoder = getattr(encoders, name)
    for n_channels, fault in ((24, "24 .*`CNN`"), (28, "voicing from")):
        with pytest.raises(ValueError, match=rf"{name} found {fault}"):
            build(encoder)(3 * torch.randn(3, 20, n_channels))
    with pytest.raises(ValueError, match="attention_type: RelPosMHAXL, expected RoPE"):
        build(encoder, attention_type="RelPosMHAXL")


GEOMETRY = "\n    ".join(f"{name}: {value}" for name, value in FRONT_END.items())
YAML = f"""
compute_features: !new:speechbrain_pitchrope.lobes.features.PitchFbank
    n_mels: 20
CNN: !new:speechbrain_pitchrope.lobes.models.convolution.PitchConvolutionFrontEnd
    input_shape: (8, 10, 20)
    {GEOMETRY}
projection: !new:{encoders.__name__}.PitchProjection
    layers:
        - !new:speechbrain.nnet.linear.Linear {{input_size: 20, n_neurons: 24}}
    n_features: 20
encoder: !new:{encoders.__name__}.PitchConformerEncoder
    {{num_layers: 1, d_model: 24, d_ffn: 48, nhead: 2, kernel_size: 5,
     pitch_attention: {{theta: offset, pitch_input: 8}}}}
"""


def test_a_yaml_names_an_encoder_outside_of_a_transformer():
    """Behind a projection of the features alone, and learning from pitch."""
    hparams = load_hyperpyyaml(YAML)
    wavs, lengths = batch_of(utterance(120.0), utterance(240.0, seconds=1.2))
    x = hparams["projection"](hparams["CNN"](hparams["compute_features"](wavs)))
    assert x.shape[2] == 24 + inband.N_CHANNELS
    mask = ~length_to_mask((lengths * x.shape[1]).round(), x.shape[1]).bool()
    encoded, _ = hparams["encoder"](x, src_key_padding_mask=mask)
    assert encoded.shape == (2, x.shape[1], 24)
    (encoded[..., 0] * encoded[..., 1]).mean().backward()
    (layer,) = hparams["encoder"].layers
    for parameter in (
        layer.mha_layer.theta_offset,
        hparams["encoder"].pitch_input.projection.weight,
        hparams["projection"].layers[0].w.weight,
    ):
        assert parameter.grad.any()

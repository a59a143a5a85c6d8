"""PitchTransformerASR: upstream's model at the start, and pitch reaches attention."""

import pytest
import torch
from speechbrain.lobes.models.transformer.TransformerASR import TransformerASR

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.controls import shuffled_f0
from speechbrain_pitchrope.lobes.models.transformer.TransformerASR import (
    PitchTransformerASR,
)
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.variants import load_variant
from tests.signals import pitch_channels

ENCODERS = ("transformer", "conformer", "branchformer")


def build(cls, encoder_module, seed=0, **settings):
    torch.manual_seed(seed)
    sizes = {
        "tgt_vocab": 30,
        "input_size": 64,
        "d_model": 48,
        "nhead": 2,
        "num_encoder_layers": 2,
        "num_decoder_layers": 1,
        "d_ffn": 96,
        "dropout": 0.1,
        "activation": torch.nn.GELU,
        "csgu_linear_units": 96,
        "causal": False,
    }
    return cls(
        **{**sizes, **settings},
        encoder_module=encoder_module,
        normalize_before=True,
        attention_type="RoPEMHA",
    )


def inputs(n_frames=21, seed=0):
    torch.manual_seed(seed)
    src, tgt = torch.randn(3, n_frames, 64), torch.randint(1, 30, (3, 9))
    return src, pitch_channels(3, n_frames, seed), tgt, torch.tensor([1.0, 0.8, 0.4])


@pytest.mark.parametrize("encoder_module", ["transformer", "conformer"])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("causal", [False, True, None])
def test_starts_as_upstreams_rope_model(encoder_module, training, causal):
    upstream = build(TransformerASR, encoder_module, causal=causal).train(training)
    after = torch.rand(1)
    ours = build(PitchTransformerASR, encoder_module, causal=causal).train(training)
    assert torch.equal(torch.rand(1), after)
    src, channels, tgt, lengths = inputs()
    torch.manual_seed(3)
    expected = upstream(src, tgt, lengths)
    torch.manual_seed(3)
    found = ours(inband.append(src, channels), tgt, lengths)
    for ours_out, upstream_out in zip(found, expected, strict=True):
        torch.testing.assert_close(ours_out, upstream_out, atol=1e-5, rtol=0)


@pytest.mark.parametrize("encoder_module", ["transformer", "conformer"])
def test_a_rope_checkpoint_loads_and_gives_the_same_outputs(encoder_module, tmp_path):
    upstream = build(TransformerASR, encoder_module, seed=1).eval()
    torch.save(upstream.state_dict(), tmp_path / "model.ckpt")
    ours = build(PitchTransformerASR, encoder_module, seed=2).eval()
    missing, unexpected = ours.load_state_dict(
        torch.load(tmp_path / "model.ckpt"), strict=False
    )
    assert not unexpected
    assert missing
    assert all(
        name.split(".")[-1].startswith(("theta", "similarity", "radius"))
        for name in missing
    )
    src, channels, tgt, lengths = inputs()
    expected = upstream(src, tgt, lengths)
    found = ours(inband.append(src, channels), tgt, lengths)
    for ours_out, upstream_out in zip(found, expected, strict=True):
        torch.testing.assert_close(ours_out, upstream_out, atol=1e-5, rtol=0)


def test_rope_variant_has_exactly_upstreams_keys():
    ours = build(PitchTransformerASR, "conformer", pitch_attention=load_variant("rope"))
    upstream = build(TransformerASR, "conformer")
    assert ours.state_dict().keys() == upstream.state_dict().keys()


@pytest.mark.parametrize("encoder_module", ENCODERS)
def test_pitch_reaches_every_layer(encoder_module):
    net = build(PitchTransformerASR, encoder_module, dropout=0.0)
    for name, parameter in net.named_parameters():
        if name.split(".")[-1].startswith(("theta", "similarity", "radius")):
            torch.nn.init.normal_(parameter, std=0.5)
    src, channels, tgt, lengths = inputs()
    enc_out, dec_out = net(inband.append(src, channels), tgt, lengths)
    assert enc_out.shape == (3, 21, 48)
    assert dec_out.shape == (3, 9, 48)
    neutral, _ = net(inband.append(src, torch.zeros_like(channels)), tgt, lengths)
    assert (enc_out - neutral).abs().max() > 1e-3
    encoded = net.encode(inband.append(src, channels), lengths)
    torch.testing.assert_close(encoded, enc_out)
    enc_out.square().sum().backward()
    for layer, module in enumerate(net.encoder.layers):
        attention = getattr(module, "mha_layer", None) or module.self_att
        assert attention.theta_offset.grad.any(), layer
        assert attention.radius_slope.grad.any(), layer


def padding_error(net):
    """How far frames of a padded batch are from those of utterances alone, at most."""
    for name, parameter in net.named_parameters():
        if name.endswith(PitchRoPEMHA.PITCH_PARAMETERS):
            torch.nn.init.normal_(parameter, std=0.5)
    src, channels, _, _ = inputs(20)
    features, errors = inband.append(src, channels), []
    for i, n_frames in enumerate((20, 15, 10)):
        features[i, n_frames:] = 0
    together = net.encode(features, torch.tensor([1.0, 0.75, 0.5]))
    for i, n_frames in enumerate((20, 15, 10)):
        alone = net.encode(features[i : i + 1, :n_frames], torch.ones(1))[0]
        errors.append((together[i, :n_frames] - alone).abs().max().item())
    return max(errors)


@pytest.mark.parametrize(
    ("encoder_module", "causal"),
    [("transformer", False), ("transformer", True), ("conformer", True)],
)
def test_a_batch_is_its_utterances(encoder_module, causal):
    net = build(PitchTransformerASR, encoder_module, causal=causal, kernel_size=5)
    assert padding_error(net.eval()) < 1e-5


@pytest.mark.parametrize("encoder_module", ["conformer", "branchformer"])
def test_a_batch_is_its_utterances_but_for_upstreams_convolutions(encoder_module):
    """They see the padding: exact once each of them sees its own frame alone."""
    net = build(PitchTransformerASR, encoder_module, kernel_size=5).eval()
    assert padding_error(net) > 1e-3
    for layer in net.encoder.layers:
        if encoder_module == "conformer":
            weight = layer.convolution_module.conv.weight
        else:
            weight = layer.convolution_branch.csgu.conv.conv.weight
        with torch.no_grad():
            weight[..., :2], weight[..., 3:] = 0, 0
    assert padding_error(net) < 1e-5


@pytest.mark.parametrize("encoder_module", ["transformer", "conformer"])
def test_a_causal_encoder_sees_no_later_frame(encoder_module):
    net = build(PitchTransformerASR, encoder_module, causal=True).eval()
    for name, parameter in net.encoder.named_parameters():
        if name.split(".")[-1].startswith(("theta", "similarity", "radius")):
            torch.nn.init.normal_(parameter, std=0.3)
    src, channels, _, _ = inputs()
    changed = inband.append(src, channels)
    changed[:, 12:] = inband.append(src.flip(1), channels.flip(1))[:, 12:]
    found, other = net.encode(inband.append(src, channels)), net.encode(changed)
    torch.testing.assert_close(found[:, :12], other[:, :12], atol=1e-5, rtol=0)
    assert (found[:, 12:] - other[:, 12:]).abs().max() > 0.1


def test_encoder_only_and_hidden_states():
    net = build(PitchTransformerASR, "conformer", num_decoder_layers=0)
    src, channels, _, lengths = inputs()
    enc_out, _ = net(inband.append(src, channels), None, lengths)
    assert enc_out.shape == (3, 21, 48)
    net = build(PitchTransformerASR, "conformer", output_hidden_states=True)
    _, hidden = net.encode(inband.append(src, channels), lengths)
    assert [tuple(state.shape) for state in hidden] == [(3, 21, 48)] * 3


def test_decode_is_upstreams():
    upstream, ours = (
        build(cls, "conformer").eval() for cls in (TransformerASR, PitchTransformerASR)
    )
    src, channels, tgt, lengths = inputs()
    expected, _ = upstream.decode(tgt, upstream.encode(src, lengths))
    found, _ = ours.decode(tgt, ours.encode(inband.append(src, channels), lengths))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_random_weights_of_branchformer_layers_differ():
    net = build(PitchTransformerASR, "branchformer")
    first, second = (layer.mha_layer.in_proj_weight for layer in net.encoder.layers)
    assert not torch.equal(first, second)


def test_wrong_inputs_name_the_entry():
    net = build(PitchTransformerASR, "conformer")
    src, _, tgt, lengths = inputs()
    with pytest.raises(ValueError, match=r"found 64 channels.*`CNN`"):
        net(src, tgt, lengths)
    with pytest.raises(ValueError, match="`CNN`"):
        net(src.view(3, 21, 8, 8), tgt, lengths)
    with pytest.raises(ValueError, match=r"expected 0 to 1.*`normalize`"):
        net(inband.append(src, 3 * torch.randn(3, 21, 4)), tgt, lengths)


def test_wrong_settings_are_named():
    with pytest.raises(ValueError, match="attention_type: RelPosMHAXL, expected RoPE"):
        PitchTransformerASR(30, 64, attention_type="RelPosMHAXL", causal=False)
    with pytest.raises(ValueError, match="theta is 'warp'"):
        build(PitchTransformerASR, "conformer", pitch_attention={"theta": "warp"})


@pytest.mark.parametrize("encoder_module", ENCODERS)
def test_a_control_changes_what_the_encoder_hears(encoder_module):
    """The model with a control is the model without, on pitch that was changed."""
    settings = load_variant("all")
    plain = build(PitchTransformerASR, encoder_module, pitch_attention=settings)
    for name, parameter in plain.named_parameters():
        if name.endswith(PitchRoPEMHA.PITCH_PARAMETERS):
            torch.nn.init.normal_(parameter, std=0.5)
    controlled = build(
        PitchTransformerASR,
        encoder_module,
        pitch_attention=settings | {"control": "shuffled_f0"},
    )
    controlled.load_state_dict(plain.state_dict())
    src, channels, _, lengths = inputs()
    frames = (lengths * 21).round().long()
    changed = shuffled_f0(channels, frames)
    plain, controlled = plain.eval(), controlled.eval()
    found = controlled.encode(inband.append(src, channels), lengths)
    expected = plain.encode(inband.append(src, changed), lengths)
    torch.testing.assert_close(found, expected)
    assert (
        found - plain.encode(inband.append(src, channels), lengths)
    ).abs().max() > 1e-3


def test_an_unknown_control_is_named():
    with pytest.raises(ValueError, match="control is 'noise': choose one of 'none'"):
        build(PitchTransformerASR, "conformer", pitch_attention={"control": "noise"})


@pytest.mark.parametrize("encoder_module", ENCODERS)
def test_the_encoder_compiles_in_one_graph_for_all_lengths(encoder_module):
    """Graph capture only: the kernels that a backend makes of it are its own."""
    encoder = build(PitchTransformerASR, encoder_module).eval().encoder
    for name, parameter in encoder.named_parameters():
        if name.endswith(PitchRoPEMHA.PITCH_PARAMETERS):
            torch.nn.init.normal_(parameter, std=0.5)
    compiled = torch.compile(encoder, fullgraph=True, dynamic=True, backend="eager")
    for n_frames in (30, 41):
        src = inband.append(torch.randn(2, n_frames, 48), pitch_channels(2, n_frames))
        mask = torch.arange(n_frames) >= torch.tensor([[n_frames], [n_frames - 9]])
        with torch.no_grad():
            found, _ = compiled(src, src_key_padding_mask=mask)
            expected, _ = encoder(src, src_key_padding_mask=mask)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("encoder_module", ENCODERS)
def test_the_encoder_exports_for_all_lengths(encoder_module):
    """``torch.export`` of what lies between front end and CTC, in eval mode."""
    model = build(PitchTransformerASR, encoder_module).eval()
    for name, parameter in model.named_parameters():
        if name.endswith(PitchRoPEMHA.PITCH_PARAMETERS):
            torch.nn.init.normal_(parameter, std=0.5)

    class Encode(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, src, wav_lens):
            return self.model.encode(src, wav_lens)

    encode = Encode()

    def batch(n_frames, *lengths):
        n_features = model.custom_src_module.n_features
        src = torch.randn(2, n_frames, n_features)
        return inband.append(src, pitch_channels(2, n_frames)), torch.tensor(lengths)

    # A branchformer's convolution reflects 15 frames, so it needs 16.
    frames = torch.export.Dim("frames", min=16, max=4000)
    program = torch.export.export(
        encode, batch(30, 1.0, 0.7), dynamic_shapes=({1: frames}, None)
    ).module()
    for inputs in (batch(30, 1.0, 0.7), batch(41, 0.5, 1.0)):
        torch.testing.assert_close(program(*inputs), encode(*inputs))

"""PitchTransformerASR: upstream's model at the start, and pitch reaches attention."""

from functools import partial

import pytest
import torch
from speechbrain.lobes.models.transformer.TransformerASR import EncoderWrapper

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.controls import CONTROLS
from tests.lobes.models.transformer.small_models import (
    ADDED,
    D_MODEL,
    ENCODERS,
    INPUT_SIZE,
    LENGTHS,
    assert_near,
    assert_starts_as,
    build,
    inputs,
    settings_of,
    targets,
    trained,
)

each_encoder = pytest.mark.parametrize("encoder_module", ENCODERS)
each_variant = pytest.mark.parametrize("variant", ["all", *ADDED])


@pytest.mark.parametrize("encoder_module", ["transformer", "conformer"])
@pytest.mark.parametrize("causal", [False, True, None])
@pytest.mark.parametrize("variant", [None, "rope", *ADDED])
def test_starts_as_upstreams_rope_model(variant, encoder_module, causal):
    upstream = build("upstream", encoder_module, causal=causal)
    after = torch.rand(1)
    ours = build(variant, encoder_module, causal=causal)
    assert torch.equal(torch.rand(1), after)
    same_keys = ours.state_dict().keys() == upstream.state_dict().keys()
    assert same_keys == (variant == "rope")

    def run(net, src):
        encoded, decoded = net(src, targets(), LENGTHS)
        return encoded, decoded, net.decode(targets(), encoded)[0]

    sources = inputs(variant), inputs("upstream")
    assert_starts_as(ours, upstream, *(partial(run, src=src) for src in sources))


@each_encoder
@each_variant
def test_pitch_reaches_every_layer_and_all_that_is_added(variant, encoder_module):
    net, src = trained(variant, encoder_module), inputs(variant)
    encoded, decoded = net(src, targets(), LENGTHS)
    assert decoded.shape == (3, 7, D_MODEL)
    assert_near(net.encode(src, LENGTHS), encoded)
    (encoded[..., 0] * encoded[..., 1]).sum().backward()
    known = build("upstream", encoder_module).state_dict()
    for name, parameter in net.named_parameters():
        assert name in known or parameter.grad.any(), name
    for layer in net.encoder.layers:
        assert getattr(layer, net.encoder.attention_name).theta_offset.grad.any()


@each_encoder
@each_variant
def test_zeros_give_the_plain_model_after_training(variant, encoder_module):
    net = trained(variant, encoder_module)
    plain = build("rope", encoder_module).eval()
    plain.load_state_dict(net.state_dict(), strict=False)
    src, neutral = inputs(variant), inputs("rope")
    given = net.encode(src, LENGTHS)
    src[..., INPUT_SIZE:], neutral[..., INPUT_SIZE:] = 0, 0
    found = net.encode(src, LENGTHS)
    assert_near(found, plain.encode(neutral, LENGTHS))
    assert (found - given).abs().max() > 1e-3


def padding_error(net, variant="all"):
    """How far frames of a padded batch are from those of utterances alone, at most."""
    src = inputs(variant)
    together = net.encode(src, LENGTHS)
    errors = [
        together[i, :n_frames] - net.encode(src[i : i + 1, :n_frames], torch.ones(1))[0]
        for i, n_frames in enumerate((20, 15, 10))
    ]
    return max(error.abs().max().item() for error in errors)


@each_variant
@pytest.mark.parametrize(
    ("encoder_module", "causal"),
    [("transformer", False), ("transformer", True), ("conformer", True)],
)
def test_a_batch_is_its_utterances(variant, encoder_module, causal):
    net = trained(variant, encoder_module, causal=causal)
    assert padding_error(net, variant) < 1e-5


@pytest.mark.parametrize("encoder_module", ["conformer", "branchformer"])
def test_a_batch_is_its_utterances_but_for_upstreams_convolutions(encoder_module):
    """They see the padding: exact once each of them sees its own frame alone."""
    net = trained("all", encoder_module)
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
    net, src = trained("all", encoder_module, causal=True), inputs("all")
    changed = torch.cat((src[:, :12], src.flip(1)[:, 12:]), 1)
    found, other = net.encode(src), net.encode(changed)
    assert_near(found[:, :12], other[:, :12])
    assert (found[:, 12:] - other[:, 12:]).abs().max() > 0.1


def test_encoder_only_and_hidden_states():
    net = build("all", num_decoder_layers=0, output_hidden_states=True)
    encoded, hidden = net.encode(inputs("all"), LENGTHS)
    assert encoded.shape == (3, 20, D_MODEL)
    assert [tuple(state.shape) for state in hidden] == [(3, 20, D_MODEL)] * 3


def test_random_weights_of_branchformer_layers_differ():
    first, second = build("all", "branchformer").encoder.layers
    assert (first.mha_layer.in_proj_weight != second.mha_layer.in_proj_weight).any()


@each_encoder
@pytest.mark.parametrize("control", CONTROLS)
@each_variant
def test_no_true_pitch_gets_round_a_control(variant, encoder_module, control):
    """The model with a control is the model without, on pitch that was changed."""
    controlled = trained(settings_of(variant) | {"control": control}, encoder_module)
    plain = build(variant, encoder_module).eval()
    plain.load_state_dict(controlled.state_dict())
    src = inputs(variant)
    features, channels = inband.split(src)
    changed = CONTROLS[control](channels, (LENGTHS * 20).long())
    found = controlled.encode(src, LENGTHS)
    expected = plain.encode(inband.append(features, changed), LENGTHS)
    torch.testing.assert_close(found, expected)
    assert (found - plain.encode(src, LENGTHS)).abs().max() > 1e-3


@each_encoder
def test_the_encoder_compiles_in_one_graph_for_all_lengths(encoder_module):
    """Graph capture only: the kernels that a backend makes of it are its own."""
    added = settings_of("multistream") | {"pitch_input": 8}
    settings = added if encoder_module == "conformer" else {}
    encoder = trained(settings, encoder_module, num_encoder_layers=1).encoder
    compiled = torch.compile(encoder, fullgraph=True, dynamic=True, backend="eager")
    for n_frames in (20, 31):
        riders = inputs(settings, n_frames)[..., INPUT_SIZE:]
        src = torch.cat((torch.randn(3, n_frames, D_MODEL), riders), -1)
        mask = torch.arange(n_frames) >= (LENGTHS * n_frames).round()[:, None]
        with torch.no_grad():
            found, _ = compiled(src, src_key_padding_mask=mask)
            expected, _ = encoder(src, src_key_padding_mask=mask)
        torch.testing.assert_close(found, expected)


@each_encoder
def test_the_encoder_exports_for_all_lengths(encoder_module):
    """``torch.export`` of what lies between front end and CTC, in eval mode."""
    encode = EncoderWrapper(trained("all", encoder_module, num_encoder_layers=1))
    # A branchformer's convolution reflects 2 frames.
    frames = torch.export.Dim("frames", min=3, max=4000)
    program = torch.export.export(
        encode, (inputs("all"), LENGTHS), dynamic_shapes=({1: frames}, None)
    ).module()
    for given in ((inputs("all"), LENGTHS), (inputs("all", 31), LENGTHS.flip(0))):
        torch.testing.assert_close(program(*given), encode(*given))


def test_wrong_inputs_name_the_entry():
    for built, src, message in (
        ("all", inputs("upstream"), r"found 32 channels.*`CNN`"),
        ("all", inputs("upstream").view(3, 20, 8, 4), "`CNN`"),
        ("all", 3 * torch.randn(3, 20, 36), r"expected 0 to 1.*`normalize`"),
        ("multistream", inputs("all"), r"found 28 channels, expected 668.*streams of"),
        ("all", inputs("multistream"), r"found 668 channels, expected 28.*streams of"),
    ):
        with pytest.raises(ValueError, match=message):
            build(built)(src, targets(), LENGTHS)


def test_wrong_settings_are_named():
    for settings, message in (
        ({"control": "noise"}, "control is 'noise': give none, shuffled_f0"),
        ({"pitch_input": True}, "pitch_input is True: give its number"),
        ({"pitch_input": -1}, "pitch_input is -1: give its number"),
        (["all"], r"pitch_attention is \['all'\]: give a mapping"),
    ):
        with pytest.raises(ValueError, match=message):
            build(settings)
    with pytest.raises(ValueError, match="attention_type: RelPosMHAXL, expected RoPE"):
        build("all", attention_type="RelPosMHAXL")

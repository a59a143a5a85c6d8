"""The encoders: what adds to their input starts as nothing; streaming is offline."""

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.dataio.dataio import length_to_mask
from speechbrain.lobes.models.transformer.Conformer import ConformerEncoder
from speechbrain.lobes.models.transformer.Transformer import TransformerEncoder
from speechbrain.lobes.models.transformer.TransformerASR import TransformerASR
from speechbrain.utils.dynamic_chunk_training import DynChunkTrainConfig

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.controls import CONTROLS
from speechbrain_pitchrope.lobes.models.multistream import N_HOPS, samples_per_frame
from speechbrain_pitchrope.lobes.models.transformer.encoders import (
    ENCODERS as ENCODER_CLASSES,
)
from speechbrain_pitchrope.lobes.models.transformer.encoders import (
    PitchConformerEncoder,
    PitchTransformerEncoder,
)
from speechbrain_pitchrope.lobes.models.transformer.TransformerASR import (
    PitchTransformerASR,
)
from speechbrain_pitchrope.nnet.parameter_transfer import load_pretrained
from speechbrain_pitchrope.variants import load_streams, load_variant
from tests.signals import batch_of, pitch_channels, utterance

ENCODERS = tuple(ENCODER_CLASSES)
ADDED = {"all_input": "pitch_input", "multistream": "streams"}
VARIANTS = ("rope", "all", *ADDED)
INPUT_SIZE = 32
LENGTHS = torch.tensor([1.0, 0.75, 0.5])


def build(
    variant,
    encoder_module="conformer",
    cls=PitchTransformerASR,
    causal=False,
    **settings,
):
    """A small model; variant "upstream" is SpeechBrain's."""
    torch.manual_seed(0)
    if variant == "upstream":
        cls = TransformerASR
    else:
        settings = {"pitch_attention": load_variant(variant) | settings}
    return cls(
        **dict(tgt_vocab=30, input_size=INPUT_SIZE, d_model=24, nhead=2, d_ffn=48),
        **dict(num_encoder_layers=2, num_decoder_layers=1, csgu_linear_units=48),
        **dict(encoder_module=encoder_module, kernel_size=5, normalize_before=True),
        **dict(attention_type="RoPEMHA", causal=causal),
        **settings,
    )


def trained(*args, **settings):
    """As if trained: none of our parameters is at its start."""
    net = build(*args, **settings).eval()
    upstream = build("upstream", *args[1:]).state_dict()
    for name, parameter in net.named_parameters():
        if name not in upstream:
            torch.nn.init.normal_(parameter, std=0.5)
    return net


def inputs(variant, n_frames=20, n_batch=3):
    """Features, samples if there is a stream of them, pitch; zero in the padding."""
    torch.manual_seed(1)
    src = torch.randn(n_batch, n_frames, INPUT_SIZE)
    if variant != "upstream":
        n_samples = samples_per_frame(load_streams(variant), N_HOPS)
        samples = 2 * torch.rand(n_batch, n_frames, n_samples) - 1
        channels = pitch_channels(n_batch, n_frames)
        src = torch.cat((src, samples, channels), -1)
    for row, length in zip(src, LENGTHS, strict=False):
        row[round(n_frames * length.item()) :] = 0
    return src


def targets():
    return torch.randint(1, 30, (3, 7), generator=torch.Generator().manual_seed(0))


def plain_inputs(src):
    """What a model without a waveform stream takes of the same input."""
    return inband.append(src[..., :INPUT_SIZE], inband.split(src)[1])


@pytest.fixture(params=ADDED)
def variant(request):
    """A variant that adds to the encoder's input."""
    return request.param


@pytest.mark.parametrize("encoder_module", ["transformer", "conformer"])
def test_starts_as_upstreams_model(variant, encoder_module):
    upstream = build("upstream", encoder_module)
    after = torch.rand(1)
    ours = build(variant, encoder_module)
    assert torch.equal(torch.rand(1), after)
    for key, value in upstream.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value), key
    src = inputs(variant)
    torch.manual_seed(2)
    expected = upstream(src[..., :INPUT_SIZE], targets(), LENGTHS)
    torch.manual_seed(2)
    found = ours(src, targets(), LENGTHS)
    for ours_out, upstream_out in zip(found, expected, strict=True):
        torch.testing.assert_close(ours_out, upstream_out, atol=1e-5, rtol=0)


@pytest.mark.parametrize("encoder_module", ENCODERS)
def test_nothing_is_added_to_variant_all_at_the_start(variant, encoder_module):
    plain, ours = (build(name, encoder_module).eval() for name in ("all", variant))
    src = inputs(variant)
    expected = plain.encode(plain_inputs(src), LENGTHS)
    assert torch.equal(ours.encode(src, LENGTHS), expected)


@pytest.mark.parametrize("start", ["upstream", "all"])
def test_checkpoints_without_what_is_added_load(variant, start, tmp_path):
    begun = build(start)
    torch.nn.init.normal_(begun.encoder.norm.norm.weight)
    torch.save(begun.state_dict(), tmp_path / "model.ckpt")
    ours = build(variant)
    new = load_pretrained(ours, tmp_path / "model.ckpt")
    assert set(new) == ours.state_dict().keys() - begun.state_dict().keys()
    assert any(f".{ADDED[variant]}." in name for name in new)
    src = inputs(variant)
    theirs = plain_inputs(src) if start == "all" else src[..., :INPUT_SIZE]
    expected = begun.eval().encode(theirs, LENGTHS)
    found = ours.eval().encode(src, LENGTHS)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("encoder_module", ENCODERS)
def test_zeros_give_the_plain_model_after_training(variant, encoder_module):
    net = trained(variant, encoder_module)
    plain = build("rope", encoder_module).eval()
    plain.load_state_dict(net.state_dict(), strict=False)
    src = inputs(variant)
    src[..., INPUT_SIZE:] = 0
    expected = plain.encode(plain_inputs(src), LENGTHS)
    torch.testing.assert_close(net.encode(src, LENGTHS), expected, atol=1e-5, rtol=0)


def test_all_that_is_added_learns_and_matters(variant):
    net = build("rope", **load_variant(variant)).train()
    added = getattr(net.encoder, ADDED[variant])
    optimizer = torch.optim.SGD(added.parameters(), lr=0.1)
    for _ in range(2):  # what starts at zero moves first
        optimizer.zero_grad()
        encoded, decoded = net(inputs(variant), targets(), LENGTHS)
        (encoded[..., 0].square().sum() + decoded.square().sum()).backward()
        optimizer.step()
    for name, parameter in added.named_parameters():
        assert parameter.grad.any(), name
    src = inputs(variant)
    silent = src.clone()
    silent[..., INPUT_SIZE:] = 0
    net.eval()
    assert (net.encode(src) - net.encode(silent)).abs().max() > 1e-3


@pytest.mark.parametrize("causal", [False, True])
def test_a_batch_is_its_utterances(variant, causal):
    """In a transformer; in a conformer if it is causal (test_TransformerASR.py)."""
    encoder_module = "conformer" if causal else "transformer"
    net = trained(variant, encoder_module, causal=causal)
    src = inputs(variant)
    together = net.encode(src, LENGTHS)
    for i, n_frames in enumerate((20, 15, 10)):
        alone = net.encode(src[i : i + 1, :n_frames], torch.ones(1))[0]
        torch.testing.assert_close(together[i, :n_frames], alone, atol=1e-5, rtol=0)


def test_nothing_is_added_to_padding(variant):
    net, src = trained(variant), inputs(variant)
    frames, carried = torch.randn(3, 20, 24), src[..., INPUT_SIZE:]
    found = net.encoder._add_inputs(frames, *inband.split(carried))
    for row, before, n_frames in zip(found, frames, (20, 15, 10), strict=True):
        assert torch.equal(row[n_frames:], before[n_frames:])
        assert not torch.equal(row[:n_frames], before[:n_frames])


@pytest.mark.parametrize("encoder_module", ENCODERS)
@pytest.mark.parametrize("control", CONTROLS)
def test_no_true_pitch_gets_round_a_control(variant, encoder_module, control):
    controlled = trained(variant, encoder_module, control=control)
    plain = build(variant, encoder_module).eval()
    plain.load_state_dict(controlled.state_dict())
    src, frames = inputs(variant), (LENGTHS * 20).long()
    features, channels = inband.split(src)
    changed = inband.append(features, CONTROLS[control](channels, frames))
    found = controlled.encode(src, LENGTHS)
    torch.testing.assert_close(found, plain.encode(changed, LENGTHS))
    assert (found - plain.encode(src, LENGTHS)).abs().max() > 1e-3


def test_an_encoder_with_all_inputs_compiles_in_one_graph():
    """Graph capture only: the kernels that a backend makes of it are its own."""
    encoder = trained("multistream", pitch_input=8).encoder
    compiled = torch.compile(encoder, fullgraph=True, dynamic=True, backend="eager")
    for n_frames in (20, 31):
        carried = inputs("multistream", n_frames)[..., INPUT_SIZE:]
        src = torch.cat((torch.randn(3, n_frames, 24), carried), -1)
        with torch.no_grad():
            (found, _), (expected, _) = compiled(src), encoder(src)
        torch.testing.assert_close(found, expected)


SIZES = dict(num_layers=2, d_model=24, nhead=2, dropout=0.1)
ALONE = [
    (TransformerEncoder, PitchTransformerEncoder, {"d_ffn": 48, "ffn_type": "1dcnn"}),
    (ConformerEncoder, PitchConformerEncoder, {"d_ffn": 48, "kernel_size": 5}),
]


@pytest.mark.parametrize(("upstream", "ours", "sizes"), ALONE)
@pytest.mark.parametrize("training", [False, True])
def test_an_encoder_alone_starts_as_upstreams(upstream, ours, sizes, training):
    torch.manual_seed(0)
    theirs = upstream(**SIZES, **sizes, attention_type="RoPEMHA").train(training)
    after = torch.rand(1)
    torch.manual_seed(0)
    net = ours(**SIZES, **sizes).train(training)
    assert torch.equal(torch.rand(1), after)
    for key, value in theirs.state_dict().items():
        assert torch.equal(net.state_dict()[key], value), key
    src = torch.randn(3, 20, 24)
    torch.manual_seed(1)
    expected, _ = theirs(src)
    torch.manual_seed(1)
    found, _ = net(inband.append(src, pitch_channels(3, 20)))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("encoder", ENCODER_CLASSES.values())
def test_wrong_inputs_of_an_encoder_alone_are_named(encoder):
    sizes = {} if encoder is ENCODER_CLASSES["branchformer"] else {"d_ffn": 48}
    net = encoder(**SIZES, **sizes)
    with pytest.raises(ValueError, match=rf"{encoder.__name__} found 24 .*`CNN`"):
        net(torch.randn(3, 20, 24))
    with pytest.raises(ValueError, match=rf"{encoder.__name__} found voicing from"):
        net(3 * torch.randn(3, 20, 28))
    with pytest.raises(ValueError, match="attention_type: RelPosMHAXL, expected RoPE"):
        encoder(**SIZES, **sizes, attention_type="RelPosMHAXL")


YAML = """
compute_features: !new:speechbrain_pitchrope.lobes.features.PitchFbank
    n_mels: 20
CNN: !new:speechbrain_pitchrope.lobes.models.convolution.PitchConvolutionFrontEnd
    input_shape: (8, 10, 20)
    num_blocks: 2
    num_layers_per_block: 1
    out_channels: (8, 4)
    kernel_sizes: (3, 3)
    strides: (2, 2)
    residuals: (False, False)
projection: !new:PACKAGE.PitchProjection
    layers:
        - !new:speechbrain.nnet.linear.Linear
            input_size: 20
            n_neurons: 24
    n_features: 20
encoder: !new:PACKAGE.PitchConformerEncoder
    num_layers: 1
    d_model: 24
    d_ffn: 48
    nhead: 2
    kernel_size: 5
    pitch_attention:
        theta: offset
        pitch_input: 8
"""


def test_a_yaml_names_an_encoder_outside_of_a_transformer():
    """Behind a projection of the features alone, and learning from pitch."""
    module = "speechbrain_pitchrope.lobes.models.transformer.encoders"
    hparams = load_hyperpyyaml(YAML.replace("PACKAGE", module))
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


CHUNKS = [(4, 2), (6, 1), (8, 0), (1, 3), (20, 1)]


@pytest.mark.parametrize("variant", ["upstream", *VARIANTS])
@pytest.mark.parametrize("chunk_size, left_context_size", CHUNKS)
def test_streaming_is_offline(variant, chunk_size, left_context_size):
    net = build(variant).eval() if variant == "upstream" else trained(variant)
    src = inputs(variant, n_frames=27, n_batch=2)
    config = DynChunkTrainConfig(chunk_size, left_context_size)
    expected = net.encode(src, dynchunktrain_config=config)
    context = net.make_streaming_context(config)
    chunks = [net.encode_streaming(x, context) for x in src.split(chunk_size, 1)]
    torch.testing.assert_close(torch.cat(chunks, 1), expected, atol=1e-5, rtol=0)


def test_speakers_streamed_in_turn_do_not_mix(variant):
    net, config = trained(variant), DynChunkTrainConfig(4, 1)
    first, second = inputs(variant), inputs(variant).flip(1)
    contexts = [net.make_streaming_context(config) for _ in range(3)]
    alone = [net.encode_streaming(x, contexts[2]) for x in first.split(4, 1)]
    for chunk, other, expected in zip(
        first.split(4, 1), second.split(4, 1), alone, strict=True
    ):
        assert torch.equal(net.encode_streaming(chunk, contexts[0]), expected)
        net.encode_streaming(other, contexts[1])


def test_an_unlimited_left_context_is_refused_in_streaming():
    net = trained("all", "conformer")
    with pytest.raises(ValueError, match=r"a number of chunks, DynChunkTrainConfig\(8"):
        net.make_streaming_context(DynChunkTrainConfig(8))


def test_controls_are_refused_in_streaming():
    net = build("shuffled_f0")
    context = net.make_streaming_context(DynChunkTrainConfig(4, 1))
    with pytest.raises(ValueError, match="control is 'shuffled_f0', which needs whole"):
        net.encode_streaming(inputs("all")[:, :4], context)


@pytest.mark.parametrize("found", [True, -1, 0.5, "conv"])
def test_a_wrong_pitch_input_is_named(found):
    with pytest.raises(ValueError, match=f"pitch_input is {found!r}: give its number"):
        build("all", pitch_input=found)


@pytest.mark.parametrize(
    "built, given, message",
    [
        ("multistream", "all", r"found 28 channels, expected 668.*streams of one"),
        ("all", "multistream", r"found 668 channels, expected 28.*streams of one"),
    ],
)
def test_streams_of_another_variant_are_named(built, given, message):
    with pytest.raises(ValueError, match=message):
        build(built).encode(inputs(given), LENGTHS)

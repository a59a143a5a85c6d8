"""Small models of every variant and encoder, and batches that fit them."""

import torch
from speechbrain.lobes.models.transformer.TransformerASR import TransformerASR

from speechbrain_pitchrope.lobes.models.multistream import N_HOPS, samples_per_frame
from speechbrain_pitchrope.lobes.models.transformer.TransformerASR import (
    PitchTransformerASR,
)
from speechbrain_pitchrope.variants import load_variant
from tests.signals import pitch_channels

ENCODERS = ("transformer", "conformer", "branchformer")
ADDED = {"all_input": "pitch_input", "multistream": "streams"}
"""Variants that add to the encoder's input, and what of it adds."""

D_MODEL, INPUT_SIZE = 24, 32
LENGTHS = torch.tensor([1.0, 0.75, 0.5])
SIZES = dict(
    **dict(tgt_vocab=30, input_size=INPUT_SIZE, d_model=D_MODEL, nhead=2, d_ffn=48),
    **dict(num_encoder_layers=2, num_decoder_layers=1),
    **dict(kernel_size=5, normalize_before=True, activation=torch.nn.GELU),
    **dict(attention_type="RoPEMHA", causal=False),
)


def settings_of(variant):
    """A variant is a name, its settings, or None for those of a new model."""
    return load_variant(variant) if isinstance(variant, str) else variant


def build(variant, encoder_module="conformer", seed=0, **settings):
    """A model; variant "upstream" is SpeechBrain's."""
    torch.manual_seed(seed)
    module = {"encoder_module": encoder_module, "csgu_linear_units": 48}
    settings = {**SIZES, **module, **settings}
    if variant == "upstream":
        return TransformerASR(**settings)
    return PitchTransformerASR(pitch_attention=settings_of(variant), **settings)


def trained(variant, *args, **settings):
    """As if trained: none of our parameters is at its start."""
    net = build(variant, *args, **settings).eval()
    known = build("upstream", *args, **settings).state_dict()
    for name, parameter in net.named_parameters():
        if name not in known:
            torch.nn.init.normal_(parameter, std=0.5)
    return net


def inputs(variant, n_frames=20, n_batch=3):
    """Features, samples if used, pitch; the same for all variants, 0 in the padding."""
    torch.manual_seed(1)
    src = torch.randn(n_batch, n_frames, INPUT_SIZE)
    if variant != "upstream":
        streams = (settings_of(variant) or {}).get("streams", ["spectrogram"])
        n_samples = samples_per_frame(streams, N_HOPS)
        samples = 2 * torch.rand(n_batch, n_frames, n_samples) - 1
        src = torch.cat((src, samples, pitch_channels(n_batch, n_frames)), -1)
    for row, length in zip(src, LENGTHS, strict=False):
        row[round(n_frames * length.item()) :] = 0
    return src


def targets():
    return torch.randint(1, 30, (3, 7), generator=torch.Generator().manual_seed(0))


def assert_near(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def assert_starts_as(ours, theirs, run_ours, run_theirs):
    """The weights of upstream's model, and its outputs, in training too."""
    for name, weight in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weight), name
    for training in (True, False):
        outputs = []
        for net, run in ((ours, run_ours), (theirs, run_theirs)):
            torch.manual_seed(2)
            outputs.append(run(net.train(training)))
        assert_near(*outputs)

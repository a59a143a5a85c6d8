"""Weights of SpeechBrain's models, loaded by its Pretrainer as a recipe does it."""

import re

import pytest
import torch
from speechbrain.lobes.models.transformer.TransformerASR import (
    EncoderWrapper,
    TransformerASR,
)
from speechbrain.utils.checkpoints import torch_recovery
from speechbrain.utils.parameter_transfer import Pretrainer

from speechbrain_pitchrope.lobes.models.transformer.TransformerASR import (
    PitchTransformerASR,
)
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.parameter_transfer import load_pretrained
from tests.signals import pitch_channels

SIZES = dict(
    **dict(tgt_vocab=8, input_size=10, d_model=16, nhead=2, d_ffn=32),
    **dict(num_decoder_layers=1, csgu_linear_units=32, kernel_size=5),
    **dict(normalize_before=True, causal=False),
)


def build(cls, encoder_module="conformer", n_layers=2, **settings):
    return cls(
        encoder_module=encoder_module, num_encoder_layers=n_layers, **SIZES, **settings
    )


def transfer(model, weights, folder, **options):
    """What upstream's train.py does with its pretrainer."""
    torch.save(weights, folder / "trained.ckpt")
    pretrainer = Pretrainer(
        collect_in=folder / "save",
        loadables={"model": model},
        paths={"model": str(folder / "trained.ckpt")},
        **options,
    )
    pretrainer.collect_files()
    pretrainer.load_collected()


@pytest.mark.parametrize(
    "options", [{}, {"custom_hooks": {"model": load_pretrained}}], ids=["", "hook"]
)
@pytest.mark.parametrize("encoder_module", ["conformer", "transformer"])
def test_a_model_begins_as_the_one_it_is_loaded_from(tmp_path, encoder_module, options):
    theirs = build(TransformerASR, encoder_module, attention_type="RoPEMHA").eval()
    for parameter in theirs.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    ours = build(PitchTransformerASR, encoder_module).eval()
    weights = torch.nn.ModuleList([theirs]).state_dict()
    transfer(torch.nn.ModuleList([ours]), weights, tmp_path, **options)
    src, tgt = torch.randn(3, 30, 10), torch.randint(1, 8, (3, 5))
    lengths = torch.tensor([1.0, 0.8, 0.5])
    expected = theirs(src, tgt, lengths)
    found = ours(torch.cat((src, pitch_channels(3, 30)), -1), tgt, lengths)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


OTHER_KINDS = {
    ("conformer", "RelPosMHAXL"): r"not in the model: 0\.transformer\.encoder\.layers"
    r"\.0\.mha_layer\.linear_pos\.weight, .*pos_bias_u",
    ("conformer", "regularMHA"): r"missing in the file: .*mha_layer\.in_proj_weight",
    ("branchformer", "RelPosMHAXL"): r"not in the model: .*mha_layer\.pos_bias_v",
    ("branchformer", "hypermixing"): r"missing in the file: .*mha_layer\.in_proj_wei",
    ("transformer", "regularMHA"): r"not in the model: .*self_att\.att\.out_proj",
}


@pytest.mark.parametrize(
    ("kind", "fault"), OTHER_KINDS.items(), ids=lambda value: " ".join(value)[:24]
)
def test_weights_of_other_attention_are_refused(tmp_path, kind, fault):
    """Those of RelPosMHAXL have all the names, and the Pretrainer warns only."""
    encoder_module, attention_type = kind
    theirs = build(TransformerASR, encoder_module, attention_type=attention_type)
    ours = build(PitchTransformerASR, encoder_module)
    wrapped = (torch.nn.ModuleList([EncoderWrapper(net)]) for net in (ours, theirs))
    model, trained = wrapped
    with pytest.raises(RuntimeError) as error:
        transfer(model, trained.state_dict(), tmp_path)
    message = str(error.value)
    assert "the encoder's attention is RoPEMHA, and the file has weights of" in message
    assert re.search(fault, message)


def test_fewer_layers_are_none_of_our_business(tmp_path):
    """Upstream warns of what else is missing."""
    theirs = build(TransformerASR, n_layers=1, attention_type="RoPEMHA")
    ours = build(PitchTransformerASR, n_layers=2)
    transfer(ours, theirs.state_dict(), tmp_path)
    key = "encoder.layers.0.mha_layer.in_proj_weight"
    assert torch.equal(ours.state_dict()[key], theirs.state_dict()[key])


def test_without_an_encoder_there_is_nothing_to_refuse():
    net = PitchTransformerASR(num_encoder_layers=0, **SIZES)
    net.load_state_dict(net.state_dict())


def test_a_checkpoint_of_another_variant_is_not_resumed(tmp_path):
    """SpeechBrain recovers strictly: nothing of ours may be missing then."""
    rope = {"theta": "none", "similarity": "none", "radius": "none"}
    begun = build(PitchTransformerASR, pitch_attention=rope)
    torch.save(begun.state_dict(), tmp_path / "model.ckpt")
    ours = build(PitchTransformerASR)
    with pytest.raises(RuntimeError, match=PitchRoPEMHA.PITCH_PARAMETERS[0]):
        torch_recovery(ours, tmp_path / "model.ckpt", True)
    torch.save(ours.state_dict(), tmp_path / "model.ckpt")
    torch_recovery(build(PitchTransformerASR), tmp_path / "model.ckpt", True)

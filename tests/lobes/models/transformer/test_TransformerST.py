"""PitchTransformerST: upstream's model at the start, in each of its tasks."""

import pytest
import torch
from speechbrain.lobes.models.transformer.TransformerST import TransformerST

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.lobes.models.transformer.TransformerST import (
    PitchTransformerST,
)
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.variants import load_variant
from tests.signals import pitch_channels

ENCODERS = ("transformer", "conformer")
LENGTHS = torch.tensor([1.0, 0.8, 0.4])


class Upstream(TransformerST):
    """SpeechBrain's, with the method that 1.1.0's ``forward_asr`` misses."""

    make_masks = PitchTransformerST.make_masks


def build(cls, encoder_module, **settings):
    torch.manual_seed(0)
    return cls(
        tgt_vocab=30,
        input_size=64,
        d_model=48,
        nhead=2,
        num_encoder_layers=2,
        num_decoder_layers=1,
        d_ffn=96,
        activation=torch.nn.GELU,
        encoder_module=encoder_module,
        attention_type="RoPEMHA",
        normalize_before=True,
        causal=False,
        ctc_weight=0.3,
        asr_weight=0.3,
        mt_weight=0.3,
        asr_tgt_vocab=20,
        mt_src_vocab=20,
        **settings,
    )


def run_all_tasks(net, src):
    """Translation of speech, its transcription, and translation of text."""
    torch.manual_seed(1)
    tgt, transcription = torch.randint(1, 30, (3, 9)), torch.randint(1, 20, (3, 7))
    enc_out, dec_out = net(src, tgt, LENGTHS)
    return (
        *(enc_out, dec_out),
        net.forward_asr(enc_out, src, transcription, LENGTHS),
        *net.forward_mt(transcription, tgt),
        net.forward_mt_decoder_only(enc_out, tgt),
    )


@pytest.mark.parametrize("encoder_module", ENCODERS)
@pytest.mark.parametrize("training", [False, True])
def test_starts_as_upstreams_rope_model(encoder_module, training):
    upstream = build(Upstream, encoder_module).train(training)
    after = torch.rand(1)
    ours = build(PitchTransformerST, encoder_module).train(training)
    assert torch.equal(torch.rand(1), after)
    for name, weight in upstream.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weight), name
    src = torch.randn(3, 21, 64)
    expected = run_all_tasks(upstream, src)
    found = run_all_tasks(ours, inband.append(src, pitch_channels(3, 21)))
    for task, (ours_out, upstream_out) in enumerate(zip(found, expected, strict=True)):
        torch.testing.assert_close(
            ours_out, upstream_out, atol=1e-5, rtol=0, msg=f"output {task}"
        )


def test_rope_variant_has_exactly_upstreams_keys():
    ours = build(
        PitchTransformerST, "conformer", pitch_attention=load_variant("rope")
    ).state_dict()
    assert ours.keys() == build(TransformerST, "conformer").state_dict().keys()


@pytest.mark.parametrize("encoder_module", ENCODERS)
def test_pitch_reaches_the_encoder_of_speech_and_not_that_of_text(encoder_module):
    net = build(PitchTransformerST, encoder_module)
    src = inband.append(torch.randn(3, 21, 64), pitch_channels(3, 21))
    direction = torch.randn(3, 9, 48)
    _, dec_out = net(src, torch.randint(1, 30, (3, 9)), LENGTHS)
    (dec_out * direction).sum().backward()
    reached = {
        name.rpartition(".")[2]
        for name, parameter in net.encoder.named_parameters()
        if name.endswith(PitchRoPEMHA.PITCH_PARAMETERS) and parameter.grad.any()
    }
    new = PitchRoPEMHA(8, 2)
    assert reached == {name for name in new.PITCH_PARAMETERS if hasattr(new, name)}
    assert not any(isinstance(part, PitchRoPEMHA) for part in net.mt_encoder.modules())


def test_faults_are_named_after_the_class():
    net = build(PitchTransformerST, "conformer")
    with pytest.raises(ValueError, match=r"PitchTransformerST found 64 ch.*`CNN`"):
        net(torch.randn(3, 21, 64), torch.randint(1, 30, (3, 9)), LENGTHS)
    with pytest.raises(ValueError, match="PitchTransformerST found attention_type: re"):
        PitchTransformerST(30, 64, attention_type="regularMHA", causal=False)

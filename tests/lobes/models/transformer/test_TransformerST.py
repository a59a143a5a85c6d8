"""PitchTransformerST: upstream's model at the start, in each of its tasks."""

import pytest
import torch
from speechbrain.lobes.models.transformer.TransformerST import TransformerST

from speechbrain_pitchrope.lobes.models.transformer.TransformerST import (
    PitchTransformerST,
)
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.variants import load_variant
from tests.lobes.models.transformer.small_models import (
    LENGTHS,
    SIZES,
    assert_starts_as,
    inputs,
    targets,
)


class Upstream(TransformerST):
    """SpeechBrain's, with the method that 1.1.0's ``forward_asr`` misses."""

    make_masks = PitchTransformerST.make_masks


def build(cls=PitchTransformerST, **settings):
    torch.manual_seed(0)
    tasks = dict(ctc_weight=0.3, asr_weight=0.3, mt_weight=0.3)
    return cls(**tasks, asr_tgt_vocab=20, mt_src_vocab=20, **(SIZES | settings))


def run_all_tasks(net, variant):
    """Translation of speech, its transcription, and translation of text."""
    tgt, src, transcription = targets(), inputs(variant), torch.randint(1, 20, (3, 9))
    torch.manual_seed(2)
    enc_out, dec_out = net(src, tgt, LENGTHS)
    return (
        *(enc_out, dec_out),
        net.forward_asr(enc_out, src, transcription, LENGTHS),
        *net.forward_mt(transcription, tgt),
        net.forward_mt_decoder_only(enc_out, tgt),
    )


@pytest.mark.parametrize("encoder_module", ["transformer", "conformer"])
def test_starts_as_upstreams_rope_model(encoder_module):
    upstream = build(Upstream, encoder_module=encoder_module)
    after = torch.rand(1)
    ours = build(encoder_module=encoder_module)
    assert torch.equal(torch.rand(1), after)
    runs = (lambda net, x=x: run_all_tasks(net, x) for x in ("all", "upstream"))
    assert_starts_as(ours, upstream, *runs)
    rope = build(encoder_module=encoder_module, pitch_attention=load_variant("rope"))
    assert rope.state_dict().keys() == upstream.state_dict().keys()


def test_pitch_reaches_the_encoder_of_speech_and_not_that_of_text():
    net = build(encoder_module="conformer")
    _, dec_out = net(inputs("all"), targets(), LENGTHS)
    (dec_out * torch.randn(3, 7, 24)).sum().backward()
    for name, parameter in net.encoder.named_parameters():
        assert parameter.grad.any(), name
    assert not any(isinstance(part, PitchRoPEMHA) for part in net.mt_encoder.modules())


def test_faults_are_named_after_the_class():
    with pytest.raises(ValueError, match=r"PitchTransformerST found 32 ch.*`CNN`"):
        build()(inputs("upstream"), targets(), LENGTHS)
    with pytest.raises(ValueError, match="PitchTransformerST found attention_type: re"):
        build(attention_type="regularMHA")

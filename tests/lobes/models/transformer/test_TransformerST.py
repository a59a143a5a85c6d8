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
    assert_near,
    inputs,
    targets,
)


class Upstream(TransformerST):
    """SpeechBrain's, with the method that 1.1.0's ``forward_asr`` misses."""

    make_masks = PitchTransformerST.make_masks


def build(cls, **settings):
    torch.manual_seed(0)
    return cls(
        **dict(ctc_weight=0.3, asr_weight=0.3, mt_weight=0.3),
        **dict(asr_tgt_vocab=20, mt_src_vocab=20),
        **{**SIZES, **settings},
    )


def run_all_tasks(net, src):
    """Translation of speech, its transcription, and translation of text."""
    torch.manual_seed(1)
    tgt, transcription = targets(), torch.randint(1, 20, (3, 9))
    enc_out, dec_out = net(src, tgt, LENGTHS)
    return (
        *(enc_out, dec_out),
        net.forward_asr(enc_out, src, transcription, LENGTHS),
        *net.forward_mt(transcription, tgt),
        net.forward_mt_decoder_only(enc_out, tgt),
    )


@pytest.mark.parametrize("encoder_module", ["transformer", "conformer"])
@pytest.mark.parametrize("training", [False, True])
def test_starts_as_upstreams_rope_model(encoder_module, training):
    upstream = build(Upstream, encoder_module=encoder_module).train(training)
    after = torch.rand(1)
    ours = build(PitchTransformerST, encoder_module=encoder_module).train(training)
    assert torch.equal(torch.rand(1), after)
    for name, weight in upstream.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weight), name
    expected = run_all_tasks(upstream, inputs("upstream"))
    assert_near(run_all_tasks(ours, inputs("all")), expected)


def test_rope_variant_has_exactly_upstreams_keys():
    ours = build(PitchTransformerST, pitch_attention=load_variant("rope")).state_dict()
    assert ours.keys() == build(TransformerST).state_dict().keys()


@pytest.mark.parametrize("encoder_module", ["transformer", "conformer"])
def test_pitch_reaches_the_encoder_of_speech_and_not_that_of_text(encoder_module):
    net = build(PitchTransformerST, encoder_module=encoder_module)
    _, dec_out = net(inputs("all"), targets(), LENGTHS)
    (dec_out * torch.randn(3, 7, 24)).sum().backward()
    reached = {
        name.rpartition(".")[2]
        for name, parameter in net.encoder.named_parameters()
        if name.endswith(PitchRoPEMHA.PITCH_PARAMETERS) and parameter.grad.any()
    }
    new = PitchRoPEMHA(8, 2)
    assert reached == {name for name in new.PITCH_PARAMETERS if hasattr(new, name)}
    assert not any(isinstance(part, PitchRoPEMHA) for part in net.mt_encoder.modules())


def test_faults_are_named_after_the_class():
    with pytest.raises(ValueError, match=r"PitchTransformerST found 32 ch.*`CNN`"):
        build(PitchTransformerST)(inputs("upstream"), targets(), LENGTHS)
    with pytest.raises(ValueError, match="PitchTransformerST found attention_type: re"):
        build(PitchTransformerST, attention_type="regularMHA")

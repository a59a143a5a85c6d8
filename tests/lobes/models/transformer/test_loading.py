"""Weights of SpeechBrain's models, loaded by its Pretrainer as a recipe does it."""

import pytest
import torch
from speechbrain.lobes.models.transformer.TransformerASR import EncoderWrapper
from speechbrain.utils.parameter_transfer import Pretrainer

from speechbrain_pitchrope.nnet.parameter_transfer import load_pretrained
from tests.lobes.models.transformer import small_models as small


def transfer(model, weights, folder, **options):
    """What upstream's train.py does with its pretrainer."""
    torch.save(weights, folder / "trained.ckpt")
    paths = {"model": str(folder / "trained.ckpt")}
    options |= {"loadables": {"model": model}, "paths": paths}
    pretrainer = Pretrainer(collect_in=folder / "save", **options)
    pretrainer.collect_files()
    pretrainer.load_collected()


@pytest.mark.parametrize("encoder_module", ["conformer", "transformer"])
@pytest.mark.parametrize("hook", [False, True], ids=["", "hook"])
@pytest.mark.parametrize("start", ["upstream", "all"])
@pytest.mark.parametrize("variant", ["all", "all_input", "multistream"])
def test_a_model_begins_as_loaded(tmp_path, variant, start, hook, encoder_module):
    begun = small.build(start, encoder_module).eval()
    for parameter in begun.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    ours = small.build(variant, encoder_module, seed=1).eval()
    new = []
    load = {"model": lambda model, path: new.extend(load_pretrained(model, path))}
    options = {"custom_hooks": load} if hook else {}
    transfer(ours, begun.state_dict(), tmp_path, **options)
    expected = begun(small.inputs(start), small.targets(), small.LENGTHS)
    found = ours(small.inputs(variant), small.targets(), small.LENGTHS)
    small.assert_near(found, expected)
    if hook:
        assert {*new} == ours.state_dict().keys() - begun.state_dict().keys()


@pytest.mark.parametrize(
    ("encoder_module", "attention_type", "strange"),
    [
        ("conformer", "RelPosMHAXL", r"mha_layer\.linear_pos\.weight, .*pos_bias_u"),
        ("branchformer", "hypermixing", r"mha_layer\.hyper"),
        ("transformer", "regularMHA", r"self_att\.att\.out_proj"),
    ],
)
def test_other_attention_is_refused(tmp_path, encoder_module, attention_type, strange):
    """Those of RelPosMHAXL have all the names, and the Pretrainer only warns."""
    theirs = small.build("upstream", encoder_module, attention_type=attention_type)
    ours = small.build("all", encoder_module)
    model, trained = (torch.nn.ModuleList([EncoderWrapper(x)]) for x in (ours, theirs))
    message = "(?s)attention is RoPEMHA, and the file has weights of another kind.*"
    message += r"not in the model: .*0\.transformer\.encoder\.layers\.0\." + strange
    with pytest.raises(RuntimeError, match=message):
        transfer(model, trained.state_dict(), tmp_path)


@pytest.mark.parametrize(("ours", "theirs"), [(2, 0), (2, 1), (2, 3), (0, 2)])
def test_another_number_of_layers_is_no_other_attention(tmp_path, ours, theirs):
    """SpeechBrain warns of what is missing or superfluous."""
    weights = small.build("upstream", num_encoder_layers=theirs).state_dict()
    transfer(small.build("all", num_encoder_layers=ours), weights, tmp_path)

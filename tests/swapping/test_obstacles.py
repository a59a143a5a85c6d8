"""Why a recipe may be refused."""

import re

import pytest

from speechbrain_pitchrope.names import ASR_SUBSTITUTES
from speechbrain_pitchrope.swapping.document import parse
from speechbrain_pitchrope.swapping.obstacles import check_swappable
from speechbrain_pitchrope.swapping.recipe import find_entries
from tests.swapping import recipes

FBANK = "speechbrain.lobes.features.Fbank"
FRONT_END = "speechbrain.lobes.models.convolution.ConvolutionFrontEnd"
TRANSFORMER = "speechbrain.lobes.models.transformer.TransformerASR"


def joint(old, new):
    assert old in recipes.JOINT
    return recipes.JOINT.replace(old, new)


HUBERT = "speechbrain.integrations.huggingface.hubert.HuBERT"
REFUSALS = {
    "raw waves": (
        joint(FBANK, HUBERT),
        [rf"no entry is {FBANK}, .*`compute_features` \(line 9\) {HUBERT}: use a"],
    ),
    "other features": (
        joint(FBANK, "speechbrain.lobes.features.MFCC"),
        [f"no entry is {FBANK}", r"features\.MFCC: it is not known to let pitch"],
    ),
    "included": (
        "net: !new:a.B\nrest: !include:other.yaml\n",
        ["!include:other.yaml was not looked into", f"no entry is {TRANSFORMER}"],
    ),
    "no encoder layers": (
        joint("num_encoder_layers: 1", "num_encoder_layers: !ref <layers>")
        + "layers: 0\n",
        [r"`Transformer` \(line \d+\) has num_encoder_layers: 0"],
    ),
    "no front end": (
        joint(FRONT_END, "torch.nn.Identity"),
        [f"no entry is {FRONT_END}"],
    ),
    "no transformer": (
        joint(f"{TRANSFORMER}.TransformerASR", "speechbrain.lobes.models.CRDNN.CRDNN"),
        [rf"no entry is {TRANSFORMER}\.TransformerASR or .*TransformerST, whose"],
    ),
    "unknown wrapper": (
        recipes.JOINT + "mine: !new:my.Mixer {parts: [!ref <compute_features>]}\n",
        [r"`mine` \(line \d+\) is my\.Mixer, which holds `compute_features`: it is"],
    ),
    "unknown normaliser": (
        recipes.JOINT + "also: !new:speechbrain.processing.features.GlobalNorm\n",
        [r"`also` .*GlobalNorm: it is not known to let pitch through"],
    ),
    "unknown augmentation": (
        joint("!new:speechbrain.augment.freq_domain.Warping", "!new:my.Stretch"),
        [r"`fea_augment` \(line \d+\) augments features by my\.Stretch, of which"],
    ),
    "mixed augmentation": (
        joint("freq_domain.Warping", "time_domain.DropChunk"),
        [r"augments features by speechbrain\.augment\.time_domain\.DropChunk"],
    ),
    "unknown encoder": (
        joint("encoder_module: conformer", "encoder_module: zipformer"),
        ["encoder_module: zipformer: set it to transformer, conformer or branchf"],
    ),
    "arguments in braces": (
        f"T: !new:{TRANSFORMER}.TransformerASR {{tgt_vocab: 5}}\n",
        [r"`T` \(line 1\) does not name its arguments, one a line"],
    ),
    "front end in braces": (
        re.sub(
            r"(ConvolutionFrontEnd)\n    (.*)\n(?:    .*\n)*",
            r"\1 {\2}\n",
            recipes.PRETRAINING,
        ),
        [r"`CNN` \(line \d+\) does not name its arguments, one a line"],
    ),
    "pitch upstream": (
        joint("    d_ffn: 32\n", "    d_ffn: 32\n    pitch_attention: null\n"),
        ["has an argument pitch_attention, unknown to"],
    ),
}


@pytest.mark.parametrize(("text", "reasons"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_name_each_reason(text, reasons):
    document = parse(text)
    with pytest.raises(ValueError) as error:
        check_swappable(document, find_entries(document))
    first, *lines = str(error.value).split("\n")
    assert first == "it can't be swapped:"
    for reason in reasons:
        assert any(re.search(reason, line) for line in lines), lines


@pytest.mark.parametrize("left", ASR_SUBSTITUTES, ids=lambda row: row.entry)
def test_a_half_swapped_recipe_is_refused(left):
    text = recipes.JOINT
    for row in ASR_SUBSTITUTES:
        if row is not left:
            text = text.replace(f"!new:{row.upstream}", f"!new:{row.ours}")
    document = parse(text)
    with pytest.raises(ValueError) as error:
        check_swappable(document, find_entries(document))
    first, line = str(error.value).split("\n")
    assert first.startswith("half swapped")
    assert f"`{left.entry}`" in line and line.endswith(left.ours)


@pytest.mark.parametrize("text", recipes.FAMILIES.values(), ids=recipes.FAMILIES)
def test_the_families_are_fit_to_be_swapped(text):
    document = parse(text)
    check_swappable(document, find_entries(document))

"""What is found in a recipe, and why it may be refused."""

import re

import pytest

from speechbrain_pitchrope.substitutes import AUGMENTER, SUBSTITUTES
from speechbrain_pitchrope.swapping.document import parse
from speechbrain_pitchrope.swapping.recipe import check_swappable, find_entries
from tests.swapping import recipes

FBANK = "speechbrain.lobes.features.Fbank"
FRONT_END = "speechbrain.lobes.models.convolution.ConvolutionFrontEnd"
TRANSFORMER = "speechbrain.lobes.models.transformer.TransformerASR"


def keys(text):
    return {entry.row.entry: entry.key for entry in find_entries(parse(text))}


def test_entries_are_found_under_any_key():
    assert keys(recipes.JOINT) == {row.entry: row.entry for row in SUBSTITUTES}
    assert keys(recipes.OTHER_KEYS)["fea_augment"] == "masking"
    assert keys(recipes.NORMALIZE_IN_MODULES)["normalize"] == "modules[normalize]"


@pytest.mark.parametrize("key", ["wav_augment", "noise"])
def test_an_augmenter_of_waveforms_is_none_of_ours(key):
    text = recipes.WAVE_AUGMENTATION.format(key=key)
    assert find_entries(parse(text)) == []


@pytest.mark.parametrize(("key", "found"), [("wav_augment", 0), ("fea_augment", 1)])
def test_an_augmenter_that_tells_nothing_is_judged_by_its_key(key, found):
    assert len(find_entries(parse(f"{key}: !new:{AUGMENTER.upstream}"))) == found


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
        [rf"no entry is {TRANSFORMER}\.TransformerASR"],
    ),
    "encoder wrapper": (
        recipes.JOINT + f"enc: !new:{TRANSFORMER}.EncoderWrapper\n"
        "    transformer: !ref <Transformer>\n",
        [rf"`enc` \(line \d+\) is {TRANSFORMER}\.EncoderWrapper, for which"],
    ),
    "quantiser": (
        recipes.JOINT + "q: !new:speechbrain.nnet.quantisers.RandomProjectionQuantizer",
        [r"`q` \(line \d+\) is .*RandomProjectionQuantizer, for which"],
    ),
    "translation": (
        joint(
            f"{TRANSFORMER}.TransformerASR",
            "speechbrain.lobes.models.transformer.TransformerST.TransformerST",
        ),
        [f"no entry is {TRANSFORMER}", "TransformerST, for which"],
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


@pytest.mark.parametrize("left", SUBSTITUTES, ids=lambda row: row.entry)
def test_a_half_swapped_recipe_is_refused(left):
    text = recipes.JOINT
    for row in SUBSTITUTES:
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

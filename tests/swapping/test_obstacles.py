"""Why a recipe may be refused."""

import re

import pytest

from speechbrain_pitchrope.names import ASR_SUBSTITUTES
from speechbrain_pitchrope.swapping.obstacles import check_swappable
from speechbrain_pitchrope.swapping.recipe import Recipe
from tests.swapping import recipes

FBANK = "speechbrain.lobes.features.Fbank"
FREQ_DOMAIN = "speechbrain.augment.freq_domain"
FRONT_END = "speechbrain.lobes.models.convolution.ConvolutionFrontEnd"
TRANSFORMER = "speechbrain.lobes.models.transformer.TransformerASR"


def joint(old, new):
    assert old in recipes.JOINT
    return recipes.JOINT.replace(old, new)


BARE = "Conformer.ConformerEncoder"
CRDNN = "speechbrain.lobes.models.CRDNN.CRDNN\n"
HUBERT = "speechbrain.integrations.huggingface.hubert.HuBERT"
REFUSALS = {
    "raw waves": (
        joint(
            f"{FBANK} # 100 frames a second\n    n_mels: 20", f"{HUBERT}\n    source: a"
        ),
        [rf"`compute_features` \(line 9\) {HUBERT} reads the waveform itself"],
    ),
    "other features": (
        joint(FBANK, "speechbrain.lobes.features.MFCC"),
        [f"no entry is {FBANK}", r"features\.MFCC: it is not known to let pitch"],
    ),
    "included": (
        "net: !new:a.B\nrest: !include:other.yaml\n",
        ["nothing in !include:other.yaml is swapped", f"no entry is {TRANSFORMER}"],
    ),
    "no encoder layers": (
        joint("num_encoder_layers: 1", "num_encoder_layers: !ref <layers>")
        + "layers: 0\n",
        [r"`Transformer` \(line \d+\) has num_encoder_layers: 0"],
    ),
    "no front end": (
        joint(FRONT_END, "my.FrontEnd"),
        [f"no entry is {FRONT_END}"],
    ),
    "no transformer": (
        re.sub(rf"{TRANSFORMER}[^#]*#\n(    .*\n)*", CRDNN, recipes.JOINT),
        [rf"no entry is {TRANSFORMER}\.TransformerASR or .*TransformerST: only"],
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
    "a module between": (
        recipes.JOINT.replace("modules:\n", "modules:\n    s: !ref <shrink>\n")
        + "shrink: !new:torch.nn.Linear {in_features: 10, out_features: 10}\n",
        [r"`shrink` \(line \d+\) is torch.nn.Linear, 10 channels wide as the fr"],
    ),
    "a module between, arguments without names": (
        recipes.JOINT.replace("modules:\n", "modules:\n    s: !ref <shrink>\n")
        + "shrink: !new:torch.nn.Linear [10, 10]\n",
        [r"`shrink` .* 10 channels wide as the front end's output"],
    ),
    "a normalisation of the mels": (
        joint(
            "    ctc_lin: !ref <ctc_lin>\n",
            "    ctc_lin: !ref <ctc_lin>\n"
            "    norm: !new:torch.nn.BatchNorm1d {num_features: 20}\n",
        ),
        [r"`modules\[norm\]` .*BatchNorm1d, 20 channels wide as the f"],
    ),
    "a front end that nothing reaches": (
        joint(
            "modules:\n    CNN: !ref <CNN>\n", "modules:\n    ssl: !apply:my.load []\n"
        ),
        [r"`CNN` \(line \d+\) is in no module that is trained"],
    ),
    "masking outside of an augmenter": (
        joint(
            "modules:\n",
            f"modules:\n    mask: !new:{FREQ_DOMAIN}.SpectrogramDrop\n",
        ),
        [r"`modules\[mask\]` .*SpectrogramDrop outside of an Augmenter"],
    ),
    "several features": (
        joint("compute_features", "a").replace("<compute_features>", "<a>")
        + "b: !new:speechbrain.lobes.features.Fbank {n_mels: 20}\n",
        [r"`a` \(line \d+\), `b` \(line \d+\) are all .*Fbank: which one belongs to"],
    ),
    "several quantisers": (
        recipes.PRETRAINING
        + "Q: !new:speechbrain.nnet.quantisers.RandomProjectionQuantizer [80, 8, 8]\n",
        [r"`Quantizer` \(line \d+\), `Q` \(line \d+\) are all .*RandomProjection"],
    ),
    "an odd width of heads": (
        joint("nhead: 2", "nhead: 16"),
        [r"has d_model: 16 and nhead: 16: rotary attention turns pairs of channels"],
    ),
    "an own transformer": (
        joint(f"{TRANSFORMER}.TransformerASR", "my.Net"),
        [r"`Transformer` .* my\.Net is no class .* derive it from .*\.PitchTransf"],
    ),
    "a bare encoder": (
        re.sub(
            rf"{TRANSFORMER}[^#]*#\n(    .*\n)*",
            f"speechbrain.lobes.models.transformer.{BARE}\n",
            recipes.JOINT,
        ),
        [r"Conformer\.ConformerEncoder stands without .* put that layer into PitchPro"],
    ),
}


@pytest.mark.parametrize(("text", "reasons"), REFUSALS.values(), ids=REFUSALS)
def test_refusals_name_each_reason(text, reasons):
    recipe = Recipe(text)
    with pytest.raises(ValueError) as error:
        check_swappable(recipe)
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
    recipe = Recipe(text)
    with pytest.raises(ValueError) as error:
        check_swappable(recipe)
    first, line = str(error.value).split("\n")
    assert first.startswith("half swapped")
    assert f"`{left.entry}`" in line and line.endswith(left.ours)


@pytest.mark.parametrize("text", recipes.FAMILIES.values(), ids=recipes.FAMILIES)
def test_the_families_are_fit_to_be_swapped(text):
    recipe = Recipe(text)
    check_swappable(recipe)


PORT = {
    "speechbrain.lobes.augment.SpecAugment": "SpectrogramDrop and Warping of speechb",
    "speechbrain.lobes.augment.EnvCorrupt": "AddNoise and AddReverb of speechbrain",
    "speechbrain.processing.speech_augmentation.AddNoise": "speechbrain.augment.time_",
    "speechbrain.decoders.S2STransformerBeamSearch": "the class of speechbrain.decode",
    "speechbrain.lobes.models.huggingface_wav2vec.HuggingFaceWav2Vec2": "speechbrain.i",
}


@pytest.mark.parametrize("path", PORT)
@pytest.mark.parametrize("tag", ["!new:", "!name:", "!apply:"])
def test_what_the_installed_speechbrain_lacks_is_listed_alone(path, tag):
    recipe = Recipe(recipes.JOINT + f"old: {tag}{path}\n")
    with pytest.raises(ValueError, match="port it first") as error:
        check_swappable(recipe)
    _, line = str(error.value).split("\n")
    assert f"there is no {path}; in SpeechBrain" in line
    assert f"look for {PORT[path]}" in line


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("RelPosMHAXL", "SummaryMixing", "has attention_type: SummaryMixing, which"),
        ("    d_ffn: 32\n", "    d_ffn: 32\n    mixing: 1\n", "no argument mixing"),
        ("    d_ffn: 32\n", "    pitch_attention: 1\n", "no argument pitch_attention"),
        ("n_mels: 20", "n_mel: 20", "Fbank has no argument n_mel,"),
    ],
)
def test_what_only_a_fork_has_is_refused(old, new, fault):
    recipe = Recipe(joint(old, new))
    with pytest.raises(ValueError, match=fault):
        check_swappable(recipe)


def test_a_name_whose_dependency_is_not_installed_is_no_fault():
    paths = ("integrations.huggingface.wav2vec2.Wav2Vec2", "inference.ASR.StreamingASR")
    text = "".join(f"n{i}: !name:speechbrain.{path}\n" for i, path in enumerate(paths))
    recipe = Recipe(recipes.JOINT + text)
    check_swappable(recipe)

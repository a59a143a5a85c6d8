"""The check of a swapped recipe: it runs what is right and names what is wrong."""

import re

import pytest
import torch

from speechbrain_pitchrope.names import QUANTIZER, STREAMING, SUBSTITUTES, TRANSFORMERS
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
from speechbrain_pitchrope.swapping.check import build, check
from speechbrain_pitchrope.swapping.recipe import Recipe
from speechbrain_pitchrope.swapping.rewrite import swap
from speechbrain_pitchrope.variants import load_streams, variant_names
from tests.swapping import recipes

LEARNING = (
    "radius_slope, similarity_even, similarity_odd, similarity_voiced, theta_offset"
)


def steps(line):
    """[(name, shape), ...] of the steps of a pass."""
    found = re.findall(r"(\w+) \[([\d, ]+)\]", line)
    return [(name, [int(size) for size in shape.split(", ")]) for name, shape in found]


@pytest.mark.parametrize("family", recipes.FAMILIES)
def test_everything_that_carries_pitch_is_built_and_run_and_nothing_else(family):
    """What is downloaded, or not installed, must not be in the way."""
    others = "lm: !new:not.installed.LM\n    path: !PLACEHOLDER\n"
    others += "pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer\n"
    others += "    collect_in: !ref <data_folder>\n"
    swapped = swap(recipes.FAMILIES[family] + others)
    line, counted, reached = check(swapped)
    names = dict(steps(line))
    rows = {entry.row for entry in Recipe(swapped).entries}
    ran = {row for row in SUBSTITUTES if row.ours.rpartition(".")[2] in names}
    assert ran == rows - {*TRANSFORMERS, STREAMING}
    assert rows & {STREAMING} <= build(swapped).keys()
    assert steps(line)[0] == ("PitchFbank", [2, 301, 24])
    front_end = ("PitchConvolutionFrontEnd", [2, 76, 10 + 4])
    assert steps(line)[-2:] == [front_end, ("encoder", [2, 76, 16])]
    if QUANTIZER in rows:
        assert names["PitchRandomProjectionQuantizer"] == [2, 76]
    assert re.fullmatch(r"[\d,]+ parameters in front end .*, \d+ for pitch", counted)
    assert reached == f"gradients are finite and reach {LEARNING}"


@pytest.mark.parametrize(
    "variant",
    [name for name in variant_names() if "waveform" not in load_streams(name)],
)
def test_every_variant_passes(variant):
    _, counted, reached = check(swap(recipes.TRANSDUCER, variant))
    learns = not counted.endswith(" 0 for pitch")
    assert reached.startswith("gradients are finite and reach") == learns
    assert "weight" not in reached.replace("similarity_weight", "")


def joint(old, new, text=recipes.JOINT):
    assert old in text
    return text.replace(old, new)


def test_an_augmenter_that_begins_behind_the_originals_has_something_to_do():
    later = (
        "    augment_prob: 1.0\n    concat_original: True\n"
        "    augment_start_index: 3\n    concat_end_index: 3\n"
    )
    text = joint("    augment_prob: 1.0\n", later)
    assert {shape[0] for _, shape in steps(check(swap(text))[0])} == {6}


def test_random_numbers_are_not_drawn_from_the_caller():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    check(swap(recipes.CTC.replace("__set_seed", "__set_no_seed")))
    assert torch.equal(torch.rand(1), expected)


class Unvoiced(AutocorrelationPitch):
    """A tracker that finds nothing voiced."""

    def forward(self, wavs):
        return tuple(torch.zeros_like(out) for out in super().forward(wavs))


class Nan(torch.nn.Module):
    """An activation that goes wrong."""

    def forward(self, x):
        return x * torch.nan


SWAPPED = swap(recipes.JOINT)
TEACHER = "teacher" + recipes.model(decoders=0).partition("\nTransformer")[2]
NAN = f"    d_ffn: 32\n    conformer_activation: !name:{__name__}.Nan\n"
UNVOICED = f"    pitch_tracker: !new:{__name__}.Unvoiced\n    n_mels: 20\n"
WIDER = ("input_size: 10", "input_size: 40")
TOO_NARROW = "failed at encoder: ValueError: PitchTransformerASR found 14 channels, ex"
FAULTS = {
    "a placeholder that is needed": (
        swap(joint("n_mels: 20", "n_mels: !PLACEHOLDER")),
        "failed at building the model: ValueError: 'compute_features.n_mels.' is a !PL",
    ),
    "a class that is not built": (
        joint("CNN: !new", "CNN: !name", SWAPPED),
        "PitchConvolutionFrontEnd is built: name it by !new:",
    ),
    "sizes that do not fit": (swap(joint(*WIDER)), TOO_NARROW),
    "the second of two": (swap(recipes.JOINT + joint(*WIDER, TEACHER)), TOO_NARROW),
    "numbers that are not finite": (
        swap(joint("    d_ffn: 32\n", NAN)),
        "failed at encoder: ValueError: its output has NaN",
    ),
    "pitch that does not arrive": (
        joint("    n_mels: 20\n", UNVOICED, SWAPPED),
        r"no gradient reaches encoder\.layers\.0\.",
    ),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.values(), ids=FAULTS)
def test_what_failed_is_named(text, fault):
    with pytest.raises(ValueError, match=fault):
        check(text)

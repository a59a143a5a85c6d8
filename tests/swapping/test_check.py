"""The check of a swapped recipe: it runs what is right and names what is wrong."""

import re

import pytest
import torch

from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
from speechbrain_pitchrope.swapping.check import (
    SECONDS,
    build,
    check,
    needed_yaml,
    voices,
)
from speechbrain_pitchrope.swapping.document import parse
from speechbrain_pitchrope.swapping.recipe import find_entries
from speechbrain_pitchrope.swapping.rewrite import swap
from speechbrain_pitchrope.variants import load_streams, variant_names
from tests.swapping import recipes

LEARNING = (
    "radius_slope, similarity_even, similarity_odd, similarity_voiced, theta_offset"
)


def order(line):
    """Names of the steps of a pass, and the shape after each."""
    steps = line.split(" > ")[1:]
    return [re.sub(r" \[.*", "", step) for step in steps], [
        [int(size) for size in step[step.index("[") + 1 : -1].split(", ")]
        for step in steps
    ]


BOTH = ["PitchInputNormalization", "PitchAugmenter"]
ORDERS = {
    "joint": [BOTH, BOTH[::-1]],
    "ctc": [BOTH[:1]],
    "no_attention_type": [BOTH[:1]],
    "other_keys": [BOTH, BOTH[::-1]],
    "normalize_in_modules": [BOTH, BOTH[::-1]],
    "transducer": [BOTH, BOTH[::-1], BOTH[::-1]],
    "streaming": [BOTH, BOTH[::-1], BOTH[::-1]],
    "pretraining": [[BOTH[0], "PitchRandomProjectionQuantizer"]],
    "translation": [BOTH[:1]],
    "hypermixing": [BOTH, BOTH[::-1]],
}


@pytest.mark.parametrize("family", recipes.FAMILIES)
def test_each_family_is_run_in_every_order(family):
    *passes, counted, reached = check(swap(recipes.FAMILIES[family]))
    if family == "streaming":
        passes.pop()
    assert len(passes) == len(ORDERS[family])
    for line, between in zip(passes, ORDERS[family], strict=True):
        names, shapes = order(line)
        assert names[0] == "PitchFbank"
        assert names[1:-2] == between
        assert names[-2] == "PitchConvolutionFrontEnd"
        assert shapes[0] == [2, 301, 24]
        assert shapes[-2:] == [[2, 76, 10 + 4], [2, 76, 16]]
    assert re.fullmatch(r"[\d,]+ parameters in front end .*, \d+ for pitch", counted)
    assert reached == f"gradients are finite and reach {LEARNING}"


def test_chunks_are_run_where_a_recipe_streams():
    lines = check(swap(recipes.TRANSDUCER))
    assert [line.count("encoder in chunks of 4") for line in lines[:3]] == [*(0, 0, 1)]


def test_features_are_extracted_in_chunks_where_a_recipe_streams():
    line = check(swap(recipes.STREAMING))[3]
    steps = line.split(" > ")
    assert steps[0] == "audio of 1 x 3 s in chunks of 10240 samples"
    assert steps[1] == f"PitchStreamingFeatureWrapper [1, {48000 // 640}, 14]"


@pytest.mark.parametrize(
    "variant",
    [name for name in variant_names() if "waveform" not in load_streams(name)],
)
def test_every_variant_passes(variant):
    *_, counted, reached = check(swap(recipes.TRANSDUCER, variant))
    learns = not counted.endswith(" 0 for pitch")
    assert reached.startswith("gradients are finite and reach") == learns


def test_an_augmenter_that_begins_behind_the_originals_has_something_to_do():
    text = recipes.JOINT.replace(
        "    augment_prob: 1.0\n",
        "    augment_prob: 1.0\n    concat_original: True\n"
        "    augment_start_index: 3\n    concat_end_index: 3\n",
    )
    _, shapes = order(check(swap(text))[0])
    assert {shape[0] for shape in shapes} == {6}


def test_random_numbers_are_not_drawn_from_the_caller():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    check(swap(recipes.CTC.replace("__set_seed", "__set_no_seed")))
    assert torch.equal(torch.rand(1), expected)


def test_the_tracker_follows_the_voices():
    wavs, lengths = voices(3, 16000)
    assert wavs.shape == (3, int(SECONDS * 16000))
    assert wavs.abs().max() < 1
    f0_hz, voicing = AutocorrelationPitch()(wavs)
    voiced = voicing >= 0.5
    assert (0.3 < voiced.float().mean(1)).all()
    middle = [f0[v].median() for f0, v in zip(f0_hz, voiced, strict=True)]
    assert middle == pytest.approx([90, 153, 260], rel=0.15)
    assert lengths.tolist() == [1.0, 0.75, 1.0]
    assert not wavs[1, int(0.75 * wavs.shape[1]) :].any()


class Unvoiced(AutocorrelationPitch):
    """A tracker that finds nothing voiced."""

    def forward(self, wavs):
        return tuple(torch.zeros_like(out) for out in super().forward(wavs))


class Nan(torch.nn.Module):
    """An activation that goes wrong."""

    def forward(self, x):
        return x * torch.nan


def joint(old, new, text=recipes.JOINT):
    assert old in text
    return text.replace(old, new)


FAULTS = {
    "sizes that do not fit": (
        joint("input_size: 10", "input_size: 40"),
        "at encoder: ValueError: PitchTransformerASR found 14 channels, expected 44",
    ),
    "numbers that are not finite": (
        joint(
            "    d_ffn: 32\n",
            f"    d_ffn: 32\n    conformer_activation: !name:{__name__}.Nan\n",
        ),
        "at encoder: ValueError: its output has NaN",
    ),
    "an augmentation that fails": (
        joint("SpectrogramDrop\n", "SpectrogramDrop\n    replace: holes\n"),
        "at building the model: ValueError: Invalid 'replace' option",
    ),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.values(), ids=FAULTS)
def test_what_failed_is_named(text, fault):
    with pytest.raises(ValueError, match=f"the check failed {fault}"):
        check(swap(text))


def test_pitch_that_does_not_arrive_is_noticed():
    unvoiced = f"    pitch_tracker: !new:{__name__}.Unvoiced\n    n_mels: 20\n"
    swapped = joint("    n_mels: 20\n", unvoiced, swap(recipes.JOINT))
    with pytest.raises(ValueError, match=r"no gradient reaches encoder\.layers\.0\."):
        check(swapped)


def test_every_object_of_a_class_is_run():
    second = recipes.MODEL[recipes.MODEL.index("Transformer") :].format(
        attention="", encoder_layers=1, decoder_layers=0
    )
    text = recipes.JOINT + second.replace("Transformer:", "teacher:").replace(
        "input_size: 10", "input_size: 40"
    )
    with pytest.raises(ValueError, match="found 14 channels, expected 44"):
        check(swap(text))


@pytest.mark.parametrize("family", recipes.FAMILIES)
def test_everything_that_carries_pitch_is_built_and_nothing_else(family):
    """What is downloaded, or not installed, must not be in the way."""
    swapped = swap(
        recipes.FAMILIES[family]
        + "lm: !new:not.installed.LM\n    path: !PLACEHOLDER\n"
        + "pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer\n"
        + "    collect_in: !ref <data_folder>\n"
    )
    needed = needed_yaml(swapped)
    assert "not.installed" not in needed and "Pretrainer" not in needed
    (parts,) = build(needed)
    built = {type(part).__qualname__ for part in parts}
    entries = find_entries(parse(swapped))
    assert {entry.row.ours.rpartition(".")[2] for entry in entries} <= built
    chunked = family in ("transducer", "streaming")
    assert (parts.wrapper is not None) == (chunked or family == "pretraining")
    assert parts.wrapper is None or parts.wrapper.transformer is parts.transformer
    assert (parts.chunks is not None) == chunked


def test_settings_of_masking_are_the_recipes():
    text = recipes.PRETRAINING.replace("mask_length: 4", "mask_length: 8")
    (parts,) = build(needed_yaml(swap(text)))
    assert (parts.masking["mask_length"], parts.masking["mask_prob"]) == (8, 0.15)


def test_a_placeholder_that_is_needed_is_named():
    text = recipes.JOINT.replace("n_mels: 20", "n_mels: !PLACEHOLDER")
    with pytest.raises(ValueError, match=r"`compute_features\[n_mels\]`, which is !PL"):
        needed_yaml(swap(text))


def test_a_class_that_is_not_built_is_named():
    text = swap(recipes.JOINT).replace("CNN: !new", "CNN: !name")
    with pytest.raises(ValueError, match="PitchConvolutionFrontEnd is built: name it"):
        check(text)


def test_what_is_included_is_looked_for_beside_the_recipe(tmp_path):
    (tmp_path / "data.yaml").write_text("n_mels: 20\n")
    text = recipes.JOINT.replace("n_mels: 20", "n_mels: !ref <data[n_mels]>")
    swapped = swap(f"data: !include:data.yaml\n{text}", folder=tmp_path)
    assert check(swapped, tmp_path) == check(swap(recipes.JOINT))

"""The check of a swapped recipe: it runs what is right and names what is wrong."""

import re

import pytest
import torch

from speechbrain_pitchrope.names import QUANTIZER, SUBSTITUTES, TRANSFORMERS
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch
from speechbrain_pitchrope.swapping.check import SECONDS, build, check, voices
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
    swapped = swap(
        recipes.FAMILIES[family]
        + "lm: !new:not.installed.LM\n    path: !PLACEHOLDER\n"
        + "pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer\n"
        + "    collect_in: !ref <data_folder>\n"
    )
    line, counted, reached = check(swapped)
    names = dict(steps(line))
    rows = {entry.row for entry in Recipe(swapped).entries}
    ran = {row for row in SUBSTITUTES if row.ours.rpartition(".")[2] in names}
    not_run = {row for row in rows if row.entry == "fea_streaming_extractor"}
    assert ran == rows - {*TRANSFORMERS, *not_run}
    assert not_run <= build(swapped).keys()
    assert steps(line)[0] == ("PitchFbank", [2, 301, 24])
    assert steps(line)[-2:] == [
        ("PitchConvolutionFrontEnd", [2, 76, 10 + 4]),
        ("encoder", [2, 76, 16]),
    ]
    if QUANTIZER in rows:
        assert names["PitchRandomProjectionQuantizer"] == [2, 76]
    assert re.fullmatch(r"[\d,]+ parameters in front end .*, \d+ for pitch", counted)
    assert reached == f"gradients are finite and reach {LEARNING}"


def test_what_is_turned_off_is_not_run():
    """No chunks, also where a recipe has settings for them."""
    text = swap(f"streaming: False\n{recipes.TRANSDUCER}")
    assert "chunk" not in " ".join(check(text))


@pytest.mark.parametrize(
    "variant",
    [name for name in variant_names() if "waveform" not in load_streams(name)],
)
def test_every_variant_passes(variant):
    _, counted, reached = check(swap(recipes.TRANSDUCER, variant))
    learns = not counted.endswith(" 0 for pitch")
    assert reached.startswith("gradients are finite and reach") == learns


def test_an_augmenter_that_begins_behind_the_originals_has_something_to_do():
    text = recipes.JOINT.replace(
        "    augment_prob: 1.0\n",
        "    augment_prob: 1.0\n    concat_original: True\n"
        "    augment_start_index: 3\n    concat_end_index: 3\n",
    )
    assert {shape[0] for _, shape in steps(check(swap(text))[0])} == {6}


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
    "a placeholder that is needed": (
        joint("n_mels: 20", "n_mels: !PLACEHOLDER"),
        "at building the model: ValueError: 'compute_features.n_mels.' is a !PL",
    ),
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


def test_a_class_that_is_not_built_is_named():
    text = swap(recipes.JOINT).replace("CNN: !new", "CNN: !name")
    with pytest.raises(ValueError, match="PitchConvolutionFrontEnd is built: name it"):
        check(text)


def test_what_is_included_is_looked_for_beside_the_recipe(tmp_path):
    (tmp_path / "data.yaml").write_text("n_mels: 20\n")
    text = recipes.JOINT.replace("n_mels: 20", "n_mels: !ref <data[n_mels]>")
    swapped = swap(f"data: !include:data.yaml\n{text}", folder=tmp_path)
    assert check(swapped, tmp_path) == check(swap(recipes.JOINT))

"""What the user is told that a swap changes beyond names."""

import re

import pytest

from speechbrain_pitchrope.swapping.notes import beyond_names
from tests.swapping import recipes

RELATIVE = [
    "`Transformer` attention_type: RelPosMHAXL becomes RoPEMHA: rotary positions"
]
EXPECTED = {
    "joint": RELATIVE,
    "ctc": RELATIVE,
    "normalize_in_modules": RELATIVE,
    "no_attention_type": ["`Transformer` attention_type: regularMHA becomes RoPEMHA"],
    "other_keys": [],
    "transducer": [],
    "streaming": ["`compute_features` pitch takes its level from the 1.5 s before"],
    "pretraining": [
        "`CNN` frames that are masked by noise get no pitch",
        *RELATIVE,
        "`Quantizer` it gives the codes of the mels alone",
    ],
    "translation": [
        "`Transformer` attention_type: regularMHA becomes RoPEMHA",
        "`Transformer` its encoder of text gets RoPEMHA as well",
    ],
    "hypermixing": [
        "`Transformer` attention_type: hypermixing becomes RoPEMHA: another kind of",
        "`Transformer` SpeechBrain's branchformer has no RoPEMHA",
    ],
}


@pytest.mark.parametrize("family", recipes.FAMILIES)
def test_notes_of_each_family(family):
    text = recipes.FAMILIES[family]
    notes = beyond_names(text)
    assert len(notes) == len(EXPECTED[family])
    for note, expected in zip(notes, EXPECTED[family], strict=True):
        place, _, sentence = note.partition(": ")
        key, _, line = place.partition(" (line ")
        assert f"{key} {sentence}".startswith(expected)
        named = text.splitlines()[int(line.strip(")")) - 1]
        assert named.startswith(f"{key.strip('`')}: !new:")


def test_an_attention_type_by_merge_is_seen():
    text = recipes.NO_ATTENTION_TYPE.replace(
        "    input_size: 10\n", "    <<: *kind\n    input_size: 10\n"
    ).replace("sizes:", "kind: &kind {attention_type: hypermixing}\nsizes:")
    (note,) = beyond_names(text)
    assert "attention_type: hypermixing becomes" in note


@pytest.mark.parametrize(
    ("text", "place", "sentence"),
    [
        (
            recipes.JOINT
            + "also: !new:speechbrain.lobes.features.Fbank\n    n_mels: 80\n",
            "`also`",
            "it stays as it is, without pitch",
        ),
        (
            recipes.NO_ATTENTION_TYPE.replace("causal: False", "causal: True"),
            "`compute_features`",
            r".*\(pitch_level: window\), as the model is causal",
        ),
        (
            recipes.NO_ATTENTION_TYPE
            + "mask: !new:speechbrain.augment.freq_domain.SpectrogramDrop\n",
            "`mask`",
            ".*is in no Augmenter: if train.py calls it",
        ),
        (
            recipes.JOINT.replace("modules:\n", "modules:\n    mix: !new:my.Mixer\n"),
            r"`modules\[mix\]`",
            r"my\.Mixer is not known: if it stands between features and encoder",
        ),
    ],
)
def test_what_may_go_wrong_is_noted(text, place, sentence):
    notes = [n for n in beyond_names(text) if re.match(place, n)]
    assert len(notes) == 1
    assert re.search(rf"\(line \d+\): {sentence}", notes[0])

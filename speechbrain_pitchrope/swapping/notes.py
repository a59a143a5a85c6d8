"""What a swap changes in a model beyond the names of its classes, in words."""

from speechbrain_pitchrope.names import QUANTIZER, SUBSTITUTES, TRANSFORMERS, TRANSLATOR
from speechbrain_pitchrope.swapping.document import parse
from speechbrain_pitchrope.swapping.recipe import (
    added_argument,
    classes,
    find_entries,
    is_causal,
    modules,
    plain_argument,
    set_aside,
    unlisted,
)

_WHAT_GOES = {
    "RelPosMHAXL": "rotary positions instead of relative ones",
    "regularMHA": "rotary positions in attention instead of sinusoids added to its "
    "input",
    "hypermixing": "another kind of model: attention, whose cost grows with the square "
    "of the length, instead of mixing by small networks, whose cost grows with the "
    "length",
}


def beyond_names(text, folder=None):
    """A sentence for each change of a recipe's model, and for what may go wrong."""
    document = parse(text, folder)
    entries = find_entries(document)
    notes = []
    for entry in entries:
        if entry.row in TRANSFORMERS:
            told = _of_transformer(document, entry)
        elif entry.row is QUANTIZER:
            told = ["it gives the codes of the mels alone, the same as before"]
        else:
            added, _ = added_argument(document, entries, entry)
            told = _of_argument(added, is_causal(document, entries))
        notes += [f"{entry.place}: {sentence}" for sentence in told]
    notes += [f"{entry.place}: {why}" for entry, why in set_aside(document)]
    for place, path, _ in unlisted(document):
        notes.append(
            f"{place}: {path} is in no Augmenter: if train.py calls it, it treats "
            "pitch as mels; list it in the augmentations of the augmenter"
        )
    return [*notes, *_unknown(document)]


def _of_argument(name, causal):
    if name == "noise_masking":
        yield "frames that are masked by noise get no pitch (noise_masking: True)"
    if name == "pitch_level":
        yield (
            "pitch takes its level from the 1.5 s before, not from the whole utterance "
            "(pitch_level: window), "
            + ("as the model is causal" if causal else "so that the model can stream")
        )


def _of_transformer(document, entry):
    attention = plain_argument(document, entry.node, "attention_type")
    if attention != "RoPEMHA":
        change = _WHAT_GOES.get(attention, "rotary positions")
        yield (
            f"attention_type: {attention} becomes RoPEMHA: {change}. Weights trained "
            f"with {attention} do not fit"
        )
    if plain_argument(document, entry.node, "encoder_module") == "branchformer":
        yield (
            "SpeechBrain's branchformer has no RoPEMHA: train the baseline with "
            "variant: rope"
        )
    if entry.row is TRANSLATOR and float(
        plain_argument(document, entry.node, "mt_weight")
    ):
        yield "its encoder of text gets RoPEMHA as well, without pitch"


def _unknown(document):
    """Modules that are trained and of which nothing is known."""
    trained = modules(document)
    known = ("speechbrain.", "torch.", *(row.ours for row in SUBSTITUTES))
    for place, path, node in classes(document):
        if id(node) in trained and not path.startswith(known):
            yield (
                f"{place}: {path} is not known: if it stands between features and "
                "encoder, it must leave the last four channels, pitch, as they are"
            )

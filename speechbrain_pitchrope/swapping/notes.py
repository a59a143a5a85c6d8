"""What a swap changes in a model beyond the names of its classes, in words."""

from speechbrain_pitchrope.names import QUANTIZER, SUBSTITUTES, TRANSFORMERS, TRANSLATOR
from speechbrain_pitchrope.swapping.recipe import Recipe

_WHAT_GOES = {
    "RelPosMHAXL": "rotary positions instead of relative ones",
    "regularMHA": "rotary positions in attention instead of sinusoids added to its "
    "input",
    "hypermixing": "another kind of model: attention, whose cost grows with the square "
    "of the length, instead of mixing by small networks, whose cost grows with the "
    "length",
}
_KNOWN = ("speechbrain.", "torch.", *(row.ours for row in SUBSTITUTES))


def beyond_names(text, folder=None):
    """A sentence for each change of a recipe's model, and for what may go wrong."""
    recipe = Recipe(text, folder)
    told = [
        (entry, sentence)
        for entry in recipe.entries
        for sentence in _of_entry(recipe, entry)
    ]
    for entry in recipe.classes:
        if id(entry.node) in recipe.aside:
            told.append((entry, recipe.aside[id(entry.node)]))
    for entry in recipe.unlisted():
        why = (
            f"{entry.path} is in no Augmenter: if train.py calls it, it treats pitch "
            "as mels; list it in the augmentations of the augmenter"
        )
        told.append((entry, why))
    for entry in recipe.classes:
        if id(entry.node) in recipe.trained and not entry.path.startswith(_KNOWN):
            why = (
                f"{entry.path} is not known: if it stands between features and "
                "encoder, it must leave the last four channels, pitch, as they are"
            )
            told.append((entry, why))
    return [f"{entry.place}: {sentence}" for entry, sentence in told]


def _of_entry(recipe, entry):
    """What changes with the class of an entry."""
    added = recipe.added(entry)
    if "noise_masking" in added:
        yield "frames that are masked by noise get no pitch (noise_masking: True)"
    if "pitch_level" in added:
        streams = "so that the model can stream"
        yield (
            "pitch takes its level from the 1.5 s before, not from the whole utterance "
            "(pitch_level: window), "
            f"{'as the model is causal' if recipe.is_causal else streams}"
        )
    if entry.row is QUANTIZER:
        yield "it gives the codes of the mels alone, the same as before"
    if entry.row not in TRANSFORMERS:
        return
    attention = recipe.value(entry.node, "attention_type")
    if attention != "RoPEMHA":
        change = _WHAT_GOES.get(attention, "rotary positions")
        yield (
            f"attention_type: {attention} becomes RoPEMHA: {change}. Weights trained "
            f"with {attention} do not fit"
        )
    if recipe.value(entry.node, "encoder_module") == "branchformer":
        yield (
            "SpeechBrain's branchformer has no RoPEMHA: train the baseline with "
            "variant: rope"
        )
    if entry.row is TRANSLATOR and float(recipe.value(entry.node, "mt_weight")):
        yield "its encoder of text gets RoPEMHA as well, without pitch"

"""What a swap changes in a model beyond the names of its classes, in words."""

from speechbrain_pitchrope.names import QUANTIZER, TRANSFORMERS, TRANSLATOR
from speechbrain_pitchrope.swapping.document import parse
from speechbrain_pitchrope.swapping.recipe import (
    added_argument,
    find_entries,
    plain_argument,
)

_DEFAULT = "regularMHA"  # of TransformerASR and TransformerST

_ROTARY = "attention_type: {} becomes RoPEMHA: "
_WHAT_GOES = {
    "RelPosMHAXL": "rotary positions instead of relative ones",
    "regularMHA": "rotary positions in attention instead of sinusoids added to its "
    "input",
    "hypermixing": "another kind of model: attention, whose cost grows with the square "
    "of the length, instead of mixing by small networks, whose cost grows with the "
    "length",
}

_OF_ARGUMENTS = {
    "noise_masking": "frames that are masked by noise get no pitch "
    "(noise_masking: True)",
    "pitch_level": "pitch takes its level from the 1.5 s before, not from the whole "
    "utterance (pitch_level: window), so that the model can stream",
}


def beyond_names(text):
    """What becomes of a recipe's model when it is swapped.

    Arguments
    ---------
    text : str
        The recipe's yaml, not swapped yet.

    Returns
    -------
    list of str
        A sentence for each change; none if only names change.

    Example
    -------
    >>> from speechbrain_pitchrope.names import TRANSFORMER
    >>> beyond_names(f'''
    ... Transformer: !new:{TRANSFORMER.upstream}
    ...     attention_type: RelPosMHAXL
    ...     encoder_module: conformer
    ... ''')
    ['`Transformer` (line 2): attention_type: RelPosMHAXL becomes RoPEMHA: rotary ...']
    """
    document = parse(text)
    entries = find_entries(document)
    notes = []
    for entry in entries:
        if entry.row in TRANSFORMERS:
            told = _of_transformer(document, entry)
        elif entry.row is QUANTIZER:
            told = ["it gives the codes of the mels alone, the same as before"]
        else:
            added, _ = added_argument(document, entries, entry)
            told = [_OF_ARGUMENTS[added]] if added else []
        notes += [f"{entry.place}: {sentence}" for sentence in told]
    return notes


def _of_transformer(document, entry):
    attention = plain_argument(document, entry.node, "attention_type", _DEFAULT)
    encoder = plain_argument(document, entry.node, "encoder_module", "transformer")
    if attention != "RoPEMHA":
        change = _WHAT_GOES.get(attention, "rotary positions")
        yield (
            _ROTARY.format(attention) + f"{change}. Weights trained with {attention} "
            "do not fit"
        )
    if encoder == "branchformer":
        yield (
            "SpeechBrain's branchformer has no RoPEMHA: train the baseline with "
            "variant: rope"
        )
    if (
        entry.row is TRANSLATOR
        and plain_argument(document, entry.node, "mt_weight", "0") != "0"
    ):
        yield "its encoder of text gets RoPEMHA as well, without pitch"

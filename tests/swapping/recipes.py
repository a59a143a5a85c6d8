"""Small recipes of each family, to be swapped."""

from pathlib import Path
from textwrap import indent

from ruamel.yaml import YAML

_PIECES = Path(__file__).with_name("pieces.yaml").read_text(encoding="utf-8")
PIECES = YAML(typ="safe", pure=True).load(_PIECES)
HEAD, FEATURES, TAIL = (PIECES[name] for name in ("head", "features", "tail"))
RELATIVE, ROTARY, BY_REFERENCE = (
    f"    attention_type: {kind}\n"
    for kind in ("RelPosMHAXL", "RoPEMHA", "!ref <attention_type>")
)


def model(attention=RELATIVE, encoder_layers=1, decoders=1):
    """Front end and transformer, with these lines about its attention."""
    transformer = PIECES["transformer"].format(
        attention=attention, encoder_layers=encoder_layers, decoder_layers=decoders
    )
    return PIECES["front_end"] + "\n" + transformer


def augmentation(kind, key):
    """An augmenter of features or waves, under this key."""
    return PIECES[f"{kind}_augmentation"].replace("KEY", key)


def wrapped(more=""):
    """The tail of a recipe with the transformer in a wrapper, and more modules."""
    modules = f"    wrapper: !ref <wrapper>\n{more}"
    tail = TAIL.replace("    Transformer: !ref <Transformer>\n", modules)
    return PIECES["wrapper"] + tail


FEA_AUGMENT = augmentation("feature", "fea_augment")
WAV_AUGMENT = augmentation("wave", "wav_augment")

JOINT = HEAD + FEATURES + FEA_AUGMENT + model() + TAIL
CTC = HEAD + "attention_type: \"RelPosMHAXL\"   # or 'regularMHA'\n" + WAV_AUGMENT
CTC += FEATURES + model(BY_REFERENCE, decoders=0) + TAIL
NO_ATTENTION_TYPE = HEAD + FEATURES + model("") + TAIL
OTHER_KEYS = HEAD + "variant: small # taken\n" + FEATURES + model(ROTARY) + TAIL
OTHER_KEYS += augmentation("feature", "masking") + augmentation("wave", "noise")
_CTC_LIN = "    ctc_lin: !ref <ctc_lin>\n"
_COMPUTE_FEATURES = FEATURES[: FEATURES.index("normalize:")]
NORMALIZE_IN_MODULES = (
    JOINT.replace(FEATURES, _COMPUTE_FEATURES)
    .replace(_CTC_LIN, _CTC_LIN + indent(FEATURES[len(_COMPUTE_FEATURES) :], "    "))
    .replace("!ref <normalize>", "!ref <modules[normalize]>")
)
_RNNT = HEAD + PIECES["chunk_sampler"] + WAV_AUGMENT + FEATURES + FEA_AUGMENT
TRANSDUCER = _RNNT + model(ROTARY, decoders=0) + wrapped()
STREAMING = (
    TRANSDUCER.replace("    norm_type: 'sentence'\n", "    norm_type: global\n")
    + PIECES["streaming_extractor"]
)
PRETRAINING = HEAD + PIECES["masking"] + FEATURES + model(decoders=0)
PRETRAINING += PIECES["quantizer"] + wrapped("    Quantizer: !ref <Quantizer>\n")
TRANSLATION = HEAD + 'attention_type: "regularMHA" # "RelPosMHAXL" or "regularMHA"\n'
TRANSLATION += FEATURES + model(indent(PIECES["translation"], "    ")) + TAIL
TRANSLATION = TRANSLATION.replace("TransformerASR", "TransformerST")
_MIXING = model("    attention_type: hypermixing\n    csgu_linear_units: 32\n")
_MIXING = _MIXING.replace("encoder_module: conformer", "encoder_module: branchformer")
HYPERMIXING = HEAD + FEATURES + FEA_AUGMENT + _MIXING + TAIL

FAMILIES = {
    **dict(joint=JOINT, ctc=CTC, no_attention_type=NO_ATTENTION_TYPE),
    **dict(other_keys=OTHER_KEYS, normalize_in_modules=NORMALIZE_IN_MODULES),
    **dict(transducer=TRANSDUCER, streaming=STREAMING, pretraining=PRETRAINING),
    **dict(translation=TRANSLATION, hypermixing=HYPERMIXING),
}

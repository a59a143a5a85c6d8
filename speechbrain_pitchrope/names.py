"""The table of class names: which of ours takes the place of which of SpeechBrain's.

``pitchrope swap`` writes these names into a recipe's yaml. Error messages quote them,
so that each names the entry to change.
"""

from typing import NamedTuple


class Substitute(NamedTuple):
    """A row: the usual key in a yaml, SpeechBrain's dotted path, and ours."""

    entry: str
    upstream: str
    ours: str

    @property
    def advice(self):
        """The change to make, as a sentence part: what to replace by what."""
        return (
            f"in the yaml, change the entry (usually `{self.entry}`) "
            f"`!new:{self.upstream}` to `!new:{self.ours}`"
        )


def _row(entry, module, name, our_module=None):
    """Ours has the place and the name of SpeechBrain's, with Pitch before the name."""
    ours = f"speechbrain_pitchrope.{our_module or module}.Pitch{name}"
    return Substitute(entry, f"speechbrain.{module}.{name}", ours)


_TRANSFORMERS = "lobes.models.transformer"

FBANK = _row("compute_features", "lobes.features", "Fbank")
NORMALIZE = _row("normalize", "processing.features", "InputNormalization")
AUGMENTER = _row("fea_augment", "augment.augmenter", "Augmenter")
FRONT_END = _row("CNN", "lobes.models.convolution", "ConvolutionFrontEnd")
TRANSFORMER = _row("Transformer", f"{_TRANSFORMERS}.TransformerASR", "TransformerASR")
TRANSLATOR = _row("Transformer", f"{_TRANSFORMERS}.TransformerST", "TransformerST")
QUANTIZER = _row("Quantizer", "nnet.quantisers", "RandomProjectionQuantizer")
_WRAPPER = ("fea_streaming_extractor", "lobes.features", "StreamingFeatureWrapper")
STREAMING = _row(*_WRAPPER, our_module="lobes.streaming")

TRANSFORMERS = (TRANSFORMER, TRANSLATOR)
"""Their encoders have attention that takes pitch into account."""

ASR_SUBSTITUTES = (FBANK, NORMALIZE, AUGMENTER, FRONT_END, TRANSFORMER)
"""The rows that a recipe of speech recognition needs."""

SUBSTITUTES = (*ASR_SUBSTITUTES, TRANSLATOR, QUANTIZER, STREAMING)

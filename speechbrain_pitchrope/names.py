"""The table of class names: which of ours takes the place of which of SpeechBrain's.

``pitchrope swap`` writes these names into a recipe's yaml. Error messages quote them,
so that each names the entry to change.
"""

from typing import NamedTuple


class Substitute(NamedTuple):
    """One row of the table.

    Arguments
    ---------
    entry : str
        The key under which SpeechBrain's recipes usually keep the object.
    upstream : str
        Dotted path of SpeechBrain's class.
    ours : str
        Dotted path of the class to write instead.
    """

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


FBANK = Substitute(
    "compute_features",
    "speechbrain.lobes.features.Fbank",
    "speechbrain_pitchrope.lobes.features.PitchFbank",
)
NORMALIZE = Substitute(
    "normalize",
    "speechbrain.processing.features.InputNormalization",
    "speechbrain_pitchrope.processing.features.PitchInputNormalization",
)
AUGMENTER = Substitute(
    "fea_augment",
    "speechbrain.augment.augmenter.Augmenter",
    "speechbrain_pitchrope.augment.augmenter.PitchAugmenter",
)
FRONT_END = Substitute(
    "CNN",
    "speechbrain.lobes.models.convolution.ConvolutionFrontEnd",
    "speechbrain_pitchrope.lobes.models.convolution.PitchConvolutionFrontEnd",
)
TRANSFORMER = Substitute(
    "Transformer",
    "speechbrain.lobes.models.transformer.TransformerASR.TransformerASR",
    "speechbrain_pitchrope.lobes.models.transformer.TransformerASR.PitchTransformerASR",
)
TRANSLATOR = Substitute(
    "Transformer",
    "speechbrain.lobes.models.transformer.TransformerST.TransformerST",
    "speechbrain_pitchrope.lobes.models.transformer.TransformerST.PitchTransformerST",
)
QUANTIZER = Substitute(
    "Quantizer",
    "speechbrain.nnet.quantisers.RandomProjectionQuantizer",
    "speechbrain_pitchrope.nnet.quantisers.PitchRandomProjectionQuantizer",
)
STREAMING = Substitute(
    "fea_streaming_extractor",
    "speechbrain.lobes.features.StreamingFeatureWrapper",
    "speechbrain_pitchrope.lobes.streaming.PitchStreamingFeatureWrapper",
)

TRANSFORMERS = (TRANSFORMER, TRANSLATOR)
"""Their encoders have attention that takes pitch into account."""

ASR_SUBSTITUTES = (FBANK, NORMALIZE, AUGMENTER, FRONT_END, TRANSFORMER)
"""The rows that a recipe of speech recognition needs."""

SUBSTITUTES = (*ASR_SUBSTITUTES, TRANSLATOR, QUANTIZER, STREAMING)

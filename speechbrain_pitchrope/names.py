"""Which SpeechBrain class is replaced by which of ours, and what a recipe still lacks.

The table below is all there is to swapping attention in an existing recipe. Error
messages of the package quote it, so that each one names the entry to change.
"""

from typing import NamedTuple

from speechbrain_pitchrope.augment.domains import works_on_waves


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
"""Whose encoders listen."""

ASR_SUBSTITUTES = (FBANK, NORMALIZE, AUGMENTER, FRONT_END, TRANSFORMER)
"""The rows that a recipe of speech recognition needs."""

SUBSTITUTES = (*ASR_SUBSTITUTES, TRANSLATOR, QUANTIZER, STREAMING)


def check_recipe(hparams):
    """Refuse a recipe in which some but not all of the classes have been swapped.

    A half-swapped recipe is never meant: its pitch is lost, or worse, is normalised
    and masked as if it were one more mel band.

    Arguments
    ---------
    hparams : dict
        What ``load_hyperpyyaml`` returned. Objects under its keys and under those of
        ``modules`` are looked at; an augmenter of waveforms is left alone.

    Raises
    ------
    ValueError
        If an object is of a SpeechBrain class that the table replaces, while another
        one is of ours. The message names every entry to change.

    Example
    -------
    >>> from speechbrain.lobes.features import Fbank
    >>> from speechbrain_pitchrope.processing.features import PitchInputNormalization
    >>> hparams = {
    ...     "compute_features": Fbank(),
    ...     "normalize": PitchInputNormalization(),
    ... }
    >>> check_recipe(hparams)
    Traceback (most recent call last):
    ...
    ValueError: The recipe is half swapped: ...
    """
    unswapped = {row.upstream: row for row in SUBSTITUTES}
    swapped = {row.ours for row in SUBSTITUTES}
    found_ours, faults = False, {}
    for key, value in (*hparams.items(), *hparams.get("modules", {}).items()):
        path = dotted_path(type(value))
        found_ours |= path in swapped
        row = unswapped.get(path)
        if row and not (row is AUGMENTER and _works_on_waves(value, key)):
            faults.setdefault(
                id(value),
                f"  `{key}` is !new:{row.upstream}: change it to !new:{row.ours}",
            )
    if found_ours and faults:
        raise ValueError(
            "The recipe is half swapped: some of its classes carry pitch and these do "
            "not.\n" + "\n".join(faults.values())
        )


def dotted_path(cls):
    """Where a class is defined, as a yaml names it."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _works_on_waves(augmenter, key):
    """``works_on_waves`` of a built augmenter; a subclass is what its parents are."""
    parents = (
        dotted_path(parent)
        for augmentation in augmenter.augmentations.values()
        for parent in type(augmentation).__mro__
    )
    return works_on_waves(parents, key)

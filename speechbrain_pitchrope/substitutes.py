"""Which SpeechBrain class is replaced by which of ours, and what a recipe still lacks.

The table below is all there is to swapping attention in an existing recipe. Error
messages of the package quote it, so that each one names the entry to change.
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

SUBSTITUTES = (FBANK, NORMALIZE, AUGMENTER, FRONT_END, TRANSFORMER)


def _dotted_path(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


def check_recipe(hparams):
    """Refuse a recipe in which some but not all of the classes have been swapped.

    A half-swapped recipe is never meant: its pitch is lost, or worse, is normalised
    and masked as if it were one more mel band.

    Arguments
    ---------
    hparams : dict
        What ``load_hyperpyyaml`` returned. Objects under its top-level keys are
        looked at; an entry that works on waveforms (``wav_augment``) is left alone.

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
    found_ours, faults = False, []
    for key, value in hparams.items():
        path = _dotted_path(type(value))
        found_ours |= path in swapped
        if path in unswapped and not key.startswith("wav"):
            row = unswapped[path]
            faults.append(
                f"  `{key}` is !new:{row.upstream}: change it to !new:{row.ours}"
            )
    if found_ours and faults:
        raise ValueError(
            "The recipe is half swapped: some of its classes carry pitch and these do "
            "not.\n" + "\n".join(faults)
        )

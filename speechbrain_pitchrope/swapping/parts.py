"""Building what stands between audio and the encoder's output, out of a swapped yaml.

Only that is built: no tokenizer, no language model, no search, nothing that is
downloaded. Sizes are the recipe's own.
"""

from typing import NamedTuple

import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.lobes.models.transformer.TransformerASR import EncoderWrapper
from speechbrain.utils.dynamic_chunk_training import DynChunkTrainConfigRandomSampler

from speechbrain_pitchrope.names import (
    AUGMENTER,
    FBANK,
    FRONT_END,
    NORMALIZE,
    QUANTIZER,
    STREAMING,
    TRANSFORMERS,
    dotted_path,
)
from speechbrain_pitchrope.swapping.document import class_of, parse
from speechbrain_pitchrope.swapping.recipe import find_entries

_ALSO_BUILT = (EncoderWrapper, DynChunkTrainConfigRandomSampler)

MASKING = {
    **{"mask_prob": 0.15, "mask_length": 4, "noise_mean": 0.0, "noise_std": 0.1},
    "pad_to_divisible_by": 4,
}
"""Keys of BEST-RQ's recipes, with the values that they have upstream."""


class Parts(NamedTuple):
    """What a recipe's features pass, each part as the recipe builds it.

    Arguments
    ---------
    features, front_end, transformer : torch.nn.Module
        Each recipe has these.
    normalize, augmenter, quantizer, extractor : torch.nn.Module or None
        Some have these.
    wrapper : EncoderWrapper or None
        Encodes in the transformer's stead, in recipes of transducers and of BEST-RQ.
    chunks : DynChunkTrainConfigRandomSampler or None
        There if the recipe trains for streaming.
    masking : dict
        The settings of ``MASKING``.
    """

    features: torch.nn.Module
    front_end: torch.nn.Module
    transformer: torch.nn.Module
    normalize: torch.nn.Module | None
    augmenter: torch.nn.Module | None
    quantizer: torch.nn.Module | None
    extractor: torch.nn.Module | None
    wrapper: EncoderWrapper | None
    chunks: DynChunkTrainConfigRandomSampler | None
    masking: dict


def needed_yaml(text):
    """The part of a swapped yaml that its ``Parts`` need.

    Arguments
    ---------
    text : str
        The yaml.

    Returns
    -------
    str
        A yaml with fewer keys.

    Raises
    ------
    ValueError
        If one of the values needed is a !PLACEHOLDER.

    Example
    -------
    >>> needed_yaml(f'''
    ... data_folder: !PLACEHOLDER
    ... n_mels: 80
    ... compute_features: !new:{FBANK.ours}
    ...     n_mels: !ref <n_mels>
    ... tokenizer: !new:sentencepiece.SentencePieceProcessor
    ... ''').split()[::2]
    ['n_mels:', 'compute_features:', 'n_mels:', '<n_mels>']
    """
    document = parse(text)
    wanted = [entry.key for entry in find_entries(document)]
    also = {dotted_path(cls) for cls in _ALSO_BUILT}
    wanted += [key for key, node in document.walk() if class_of(node) in also]
    needed = document.excerpt(key.split("[")[0] for key in (*wanted, *MASKING))
    for key, node in parse(needed).walk():
        if node.tag == "!PLACEHOLDER":
            raise ValueError(
                f"the model needs `{key}`, which is !PLACEHOLDER: give it a value in "
                "the yaml, or leave --check out"
            )
    return needed


def build(text):
    """Build the parts; of several objects of one class, the first.

    Arguments
    ---------
    text : str
        What ``needed_yaml`` gave.

    Returns
    -------
    Parts
    """
    hparams = load_hyperpyyaml(text)
    built = {}
    for part in _objects(hparams):
        built.setdefault(dotted_path(type(part)), part)
    return Parts(
        built[FBANK.ours],
        built[FRONT_END.ours],
        next(built[row.ours] for row in TRANSFORMERS if row.ours in built),
        *(built.get(row.ours) for row in (NORMALIZE, AUGMENTER, QUANTIZER, STREAMING)),
        *(built.get(dotted_path(cls)) for cls in _ALSO_BUILT),
        masking={name: hparams.get(name, usual) for name, usual in MASKING.items()},
    )


def _objects(value):
    """All objects in what load_hyperpyyaml returned."""
    yield value
    inner = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, (list, tuple)):
        inner = value
    elif isinstance(value, torch.nn.Module):
        inner = value.children()
    for part in inner:
        yield from _objects(part)

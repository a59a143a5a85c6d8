"""What a recipe's yaml has on the features' way."""

from typing import NamedTuple

from ruamel.yaml.nodes import Node, SequenceNode

from speechbrain_pitchrope.augment.domains import works_on_waves
from speechbrain_pitchrope.names import (
    AUGMENTER,
    FBANK,
    FRONT_END,
    NORMALIZE,
    QUANTIZER,
    STREAMING,
    SUBSTITUTES,
    TRANSFORMERS,
    Substitute,
)
from speechbrain_pitchrope.swapping.document import argument, class_of

CHUNK_SAMPLER = (
    "speechbrain.utils.dynamic_chunk_training.DynChunkTrainConfigRandomSampler"
)
"""Where a recipe has one of these, it trains for streaming."""


class Entry(NamedTuple):
    """An entry of the yaml that a row of the table is about.

    Arguments
    ---------
    key : str
        Where it stands: ``CNN``, or ``encoder[CNN]``.
    node : ruamel.yaml.nodes.Node
        The value.
    row : Substitute
        The row of the table.
    line : int
        Line on which it begins, from 1.
    swapped : bool
        Whether it names our class already.
    """

    key: str
    node: Node
    row: Substitute
    line: int
    swapped: bool

    @property
    def place(self):
        """Key and line, for messages."""
        return f"`{self.key}` (line {self.line})"


def find_entries(document):
    """The entries that the table is about; augmenters of waveforms are left out.

    Arguments
    ---------
    document : speechbrain_pitchrope.swapping.document.Document
        The recipe's yaml.

    Returns
    -------
    list of Entry
        In the order of the file.

    Example
    -------
    >>> from speechbrain_pitchrope.swapping.document import parse
    >>> [entry] = find_entries(parse("fbank: !new:speechbrain.lobes.features.Fbank"))
    >>> entry.key, entry.row.entry, entry.swapped
    ('fbank', 'compute_features', False)
    """
    rows = {row.upstream: row for row in SUBSTITUTES}
    rows |= {row.ours: row for row in SUBSTITUTES}
    entries = []
    for key, node in document.walk():
        path = class_of(node)
        row = rows.get(path)
        if row is None:
            continue
        if path == AUGMENTER.upstream and any(
            works_on_waves(augmentations(document, node), part)
            for part in key.replace("]", "").split("[")
        ):
            continue
        swapped = path == row.ours
        entries.append(Entry(key, node, row, document.line(node), swapped))
    return entries


def augmentations(document, augmenter):
    """What an augmenter is made of.

    Arguments
    ---------
    document : speechbrain_pitchrope.swapping.document.Document
        The recipe's yaml.
    augmenter : ruamel.yaml.nodes.Node
        The augmenter in it.

    Returns
    -------
    list of str
        Dotted path of each augmentation's class, as far as the yaml tells.
    """
    listed = document.resolve(argument(augmenter, "augmentations"))
    if not isinstance(listed, SequenceNode):
        return []
    return [
        (class_of(node) or node.tag) if node is not None else "a reference"
        for node in map(document.resolve, listed.value)
    ]


def plain_argument(document, node, name, default):
    """A plain argument, also one that a ``!ref`` or a merge (``<<``) brings.

    Arguments
    ---------
    document : speechbrain_pitchrope.swapping.document.Document
        The recipe's yaml.
    node : ruamel.yaml.nodes.Node
        What has the argument.
    name, default : str
        Its name, and its value if it is not given.

    Returns
    -------
    str
    """
    found = argument(node, name)
    if found is None:
        found = argument(document.resolve(argument(node, "<<")), name)
    found = document.resolve(found) if found is not None else None
    return default if found is None else str(found.value)


def added_argument(document, entries, entry):
    """The argument that a swap gives to an entry, as a line of yaml.

    Arguments
    ---------
    document : speechbrain_pitchrope.swapping.document.Document
        The recipe's yaml.
    entries : list of Entry
        All of the recipe: where there is a quantiser of BEST-RQ, frames are masked by
        noise, of which the front end has to know; and where the model shall stream,
        pitch may not take its level from whole utterances.
    entry : Entry
        One of them.

    Returns
    -------
    name, value : str or None
        ``("noise_masking", "True")``; the value is None where the variant decides, and
        both are if the entry is given nothing.
    """
    rows = {other.row for other in entries}
    if entry.row in TRANSFORMERS:
        return "pitch_attention", None
    if entry.row is FRONT_END and QUANTIZER in rows:
        return "noise_masking", "True"
    if entry.row is FBANK and _streams(document, entries, rows):
        return "pitch_level", "window"
    return None, None


def _streams(document, entries, rows):
    """Whether frame by frame the features are what they are for whole utterances."""
    norm_types = {
        plain_argument(document, entry.node, "norm_type", "global")
        for entry in entries
        if entry.row is NORMALIZE
    }
    in_chunks = STREAMING in rows or any(
        class_of(node) == CHUNK_SAMPLER for _, node in document.walk()
    )
    return in_chunks and norm_types <= {"global"}

"""What a recipe's yaml has between audio and the encoder's output."""

import re
from typing import NamedTuple

from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

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
"""Where a recipe has one of these, it can train for streaming."""

DEFAULTS = {"attention_type": "regularMHA", "encoder_module": "transformer"}
DEFAULTS |= {"d_model": "512", "nhead": "8", "mt_weight": "0.0", "causal": "True"}
DEFAULTS |= {"norm_type": "global", "n_mels": "40"}
"""Of SpeechBrain's classes; no ``causal`` means True in its transformers."""

_FREQ_DOMAIN = "speechbrain.augment.freq_domain"
_DOMAINS = {
    "speechbrain.augment.time_domain": "waves",
    "speechbrain.augment.codec": "waves",
    f"{_FREQ_DOMAIN}.SpectrogramDrop": "features",
    f"{_FREQ_DOMAIN}.Warping": "features",
    f"{_FREQ_DOMAIN}.RandomShift": "either",
}


class Entry(NamedTuple):
    """An entry of the yaml, at a key like ``modules[CNN]``, whose class has a row."""

    key: str
    node: Node
    row: Substitute
    line: int
    swapped: bool

    @property
    def place(self):
        """Key and line, for messages."""
        return f"`{self.key}` (line {self.line})"


def domain(path):
    """What an augmentation works on: "waves", "features", "either" or "unknown"."""
    return _DOMAINS.get(path) or _DOMAINS.get(path.rpartition(".")[0]) or "unknown"


def works_on_waves(paths, key):
    """Whether an augmenter of these classes, under this key, is one of waveforms.

    The key decides only where the classes leave it open: ``wav_augment`` is.
    """
    decided = {domain(path) for path in paths} & {"waves", "features"}
    return decided == {"waves"} if decided else key.startswith("wav")


def find_entries(document):
    """The entries to swap, in the order of the file."""
    aside = {id(entry.node) for entry, _ in set_aside(document)}
    return [entry for entry in _candidates(document) if id(entry.node) not in aside]


def _candidates(document):
    """All entries whose class has a row; no augmenters of waveforms."""
    rows = {row.upstream: row for row in SUBSTITUTES}
    rows |= {row.ours: row for row in SUBSTITUTES}
    for key, node in document.walk():
        path = class_of(node)
        row = rows.get(path)
        of_waves = path == AUGMENTER.upstream and any(
            works_on_waves(augmentations(document, node), part)
            for part in key.replace("]", "").split("[")
        )
        if row and not of_waves:
            yield Entry(key, node, row, document.line(node), path == row.ours)


def set_aside(document):
    """(entry, why) of each that is not on the encoder's way, and stays as it is."""
    entries = list(_candidates(document))
    fbanks = [entry for entry in entries if entry.row is FBANK]
    for row in (FBANK, NORMALIZE) if len(fbanks) > 1 else ():
        same = [entry for entry in entries if entry.row is row]
        usual = [e for e in same if e.key.strip("]").split("[")[-1] == row.entry]
        for entry in same if len(usual) == 1 else ():
            if entry not in usual and not entry.swapped:
                yield (
                    entry,
                    f"it stays as it is, without pitch: the features of the encoder "
                    f"are taken to be those of {usual[0].place}",
                )
    n_mels = {number(document, entry.node, "n_mels") for entry in fbanks}
    for entry in entries:
        width = number(document, entry.node, "input_dim")
        if (
            entry.row is QUANTIZER
            and not entry.swapped
            and width is not None
            and None not in n_mels
            and all(width % n != 0 for n in n_mels if n > 0)
        ):
            yield (
                entry,
                f"it stays as it is: its input_dim of {width} is not a number of "
                "stacked frames of mels",
            )


def augmentations(document, augmenter):
    """Dotted path of each augmentation's class, as far as the yaml tells."""
    return [
        (class_of(node) or node.tag) if node is not None else "a reference"
        for node in augmentation_nodes(document, augmenter)
    ]


def augmentation_nodes(document, augmenter):
    """The nodes of an augmenter's augmentations; None for one that is not found."""
    listed = document.resolve(argument(augmenter, "augmentations"))
    found = listed.value if isinstance(listed, SequenceNode) else []
    return [document.resolve(node) for node in found]


def plain_argument(document, node, name, default=None):
    """A plain argument as text, also one that a ``!ref`` or a merge (``<<``) brings."""
    found = argument(node, name)
    if found is None:
        found = argument(document.resolve(argument(node, "<<")), name)
    found = document.resolve(found) if found is not None else None
    default = DEFAULTS.get(name) if default is None else default
    return default if found is None else str(found.value)


def number(document, node, name):
    """A plain argument as an int; None if it is none."""
    text = plain_argument(document, node, name)
    return int(text) if re.fullmatch(r"\d{1,9}", text or "") else None


def numbers(document, node, name):
    """An argument like ``[64, 32]`` or ``(8, 10, 80)`` as ints; None in others."""
    node = document.resolve(argument(node, name))
    if isinstance(node, SequenceNode):
        items = [getattr(document.resolve(item), "value", "") for item in node.value]
    else:
        items = str(getattr(node, "value", "")).strip("()[] ").rstrip(",").split(",")
    found = [re.fullmatch(r"\d{1,9}", str(item).strip()) for item in items]
    return [int(match[0]) if match else None for match in found]


def reached(document, node, seen=None):
    """All nodes that a node has in it or refers to, by ``id``."""
    seen = {} if seen is None else seen
    for target in document.chain(node):
        if target is None or id(target) in seen:
            continue
        seen[id(target)] = target
        if isinstance(target, MappingNode):
            for _, value in target.value:
                reached(document, value, seen)
        elif isinstance(target, SequenceNode):
            for value in target.value:
                reached(document, value, seen)
    return seen


def classes(document):
    """(place, dotted path, node) of each class in the file."""
    for key, node in document.walk():
        path = class_of(node)
        if path:
            yield f"`{key}` (line {document.line(node)})", path, node


def modules(document):
    """What is trained, as far as the yaml tells: nodes by ``id``; none if it does not.

    That is what ``modules:`` refers to, or ``model`` where there are no ``modules:``.
    """
    roots = (argument(document.root, name) for name in ("modules", "model"))
    return next((reached(document, root) for root in roots if root is not None), {})


def unlisted(document):
    """(place, path, node) of each augmentation of features outside of an Augmenter."""
    augmenters = [n for _, path, n in classes(document) if path.endswith("Augmenter")]
    listed = {id(n) for a in augmenters for n in augmentation_nodes(document, a)}
    for place, path, node in classes(document):
        if domain(path) == "features" and id(node) not in listed:
            yield place, path, node


def added_argument(document, entries, entry):
    """(name, value) of the argument that a swap adds to an entry, or (None, None).

    Where there is a quantiser of BEST-RQ, frames are masked by noise, of which the
    front end must know. Where the model streams or is causal, pitch may not take its
    level from whole utterances. The value is None where the variant decides.
    """
    if entry.row in TRANSFORMERS:
        return "pitch_attention", None
    if entry.row is FRONT_END and QUANTIZER in {other.row for other in entries}:
        return "noise_masking", "True"
    if entry.row is FBANK and (
        _streams(document, entries) or is_causal(document, entries)
    ):
        return "pitch_level", "window"
    return None, None


def is_causal(document, entries):
    """Whether a transformer sees no frames to come."""
    return any(
        plain_argument(document, entry.node, "causal").lower() == "true"
        for entry in entries
        if entry.row in TRANSFORMERS
    )


def _streams(document, entries):
    """Whether frame by frame the features are what they are for whole utterances."""
    norm_types = {
        plain_argument(document, entry.node, "norm_type")
        for entry in entries
        if entry.row is NORMALIZE
    }
    wrapped = any(entry.row is STREAMING for entry in entries)
    sampled = any(class_of(node) == CHUNK_SAMPLER for _, node in document.walk())
    turned_off = plain_argument(document, document.root, "streaming", "").lower()
    in_chunks = wrapped or (sampled and turned_off != "false")
    return in_chunks and norm_types <= {"global"}

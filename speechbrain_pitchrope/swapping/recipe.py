"""What a recipe's yaml has between audio and the encoder's output."""

import re
from typing import NamedTuple

from ruamel.yaml.nodes import Node

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
from speechbrain_pitchrope.swapping.document import (
    argument,
    children,
    class_of,
    line,
    parse,
)

CHUNK_SAMPLER = (
    "speechbrain.utils.dynamic_chunk_training.DynChunkTrainConfigRandomSampler"
)
"""Where a recipe has one of these, it can train for streaming."""

DEFAULTS = {
    "attention_type": "regularMHA",
    "encoder_module": "transformer",
    "d_model": "512",
    "nhead": "8",
    "mt_weight": "0.0",
    "causal": "True",
    "norm_type": "global",
    "n_mels": "40",
    "streaming": "True",
}
"""Of SpeechBrain's classes; no ``causal`` means True in its transformers."""

_FREQ_DOMAIN = "speechbrain.augment.freq_domain"
_DOMAINS = {
    "speechbrain.augment.time_domain": "waves",
    "speechbrain.augment.codec": "waves",
    f"{_FREQ_DOMAIN}.SpectrogramDrop": "features",
    f"{_FREQ_DOMAIN}.Warping": "features",
    f"{_FREQ_DOMAIN}.RandomShift": "either",
}
_ROWS = {path: row for row in SUBSTITUTES for path in (row.upstream, row.ours)}


class Entry(NamedTuple):
    """An object of the yaml, at a key like ``modules[CNN]``; its row if it has one."""

    key: str
    node: Node
    path: str
    row: Substitute | None

    @property
    def place(self):
        """Key and line, for messages."""
        return f"`{self.key}` (line {line(self.node)})"

    @property
    def keys(self):
        """["modules", "CNN"] of ``modules[CNN]``."""
        return self.key.replace("]", "").split("[")

    @property
    def swapped(self):
        """Whether it is of a class of ours."""
        return self.row is not None and self.path == self.row.ours


def domain(path):
    """What an augmentation works on: "waves", "features", "either" or "unknown"."""
    return _DOMAINS.get(path) or _DOMAINS.get(path.rpartition(".")[0]) or "unknown"


def works_on_waves(paths, key):
    """Whether an augmenter of these classes, under this key, is one of waveforms.

    The key decides only where the classes leave it open: ``wav_augment`` is.
    """
    decided = {domain(path) for path in paths} & {"waves", "features"}
    return decided == {"waves"} if decided else key.startswith("wav")


class Recipe:
    """A recipe's yaml, and what is known of its objects; nothing in it is run.

    ``classes`` are all entries that name a class, ``entries`` those to swap, ``aside``
    has a reason for each that has a row and stays as it is (by ``id`` of its node), and
    ``trained`` the nodes (``id``) that ``modules:`` refers to, or ``model`` where there
    are no ``modules:``.
    """

    def __init__(self, text, folder=None):
        self.document = parse(text, folder)
        self.classes = []
        for key, node in self.document.walk():
            path = class_of(node)
            entry = Entry(key, node, path, _ROWS.get(path))
            if entry.row is AUGMENTER and not entry.swapped and self._of_waves(entry):
                entry = entry._replace(row=None)
            if path:
                self.classes.append(entry)
        candidates = [entry for entry in self.classes if entry.row]
        self.aside = dict(self._set_aside(candidates))
        self.entries = [e for e in candidates if id(e.node) not in self.aside]
        roots = (argument(self.document.root, name) for name in ("modules", "model"))
        root = next((root for root in roots if root is not None), None)
        self.trained = self.reached(self.document.resolve(root))

    def of(self, *rows):
        """The entries to swap of these rows."""
        return [entry for entry in self.entries if entry.row in rows]

    def value(self, node, name):
        """A plain argument as text, be it written here or by a ``!ref`` or a merge.

        SpeechBrain's default if it is not written, None if that is not known.
        """
        merged = self.document.resolve(argument(node, "<<"))
        found = argument(node, name) or argument(merged, name)
        found = self.document.resolve(found)
        return DEFAULTS.get(name) if found is None else str(found.value)

    def number(self, node, name):
        """A plain argument as an int; None if it is none."""
        text = self.value(node, name)
        return int(text) if re.fullmatch(r"\d{1,9}", text or "") else None

    def reached(self, node, through_classes=True):
        """``id`` of all nodes that a node has in it or refers to.

        If not through classes, what the arguments of a class hold, lists included.
        """
        seen, waiting = set(), [node]
        while waiting:
            for _, child in children(waiting.pop()):
                target = self.document.resolve(child)
                if target is not None and id(target) not in seen:
                    seen.add(id(target))
                    if through_classes or not class_of(target):
                        waiting.append(target)
        return seen

    def augmentations(self, augmenter):
        """(node, dotted path) of what an augmenter lists; (None, ...) if not found."""
        listed = self.document.resolve(argument(augmenter, "augmentations"))
        for _, item in children(listed):
            node = self.document.resolve(item)
            yield node, "a reference" if node is None else class_of(node) or node.tag

    def unlisted(self):
        """Entries that augment features and are in no Augmenter."""
        listed = {
            id(node)
            for entry in self.classes
            if entry.path.endswith("Augmenter")
            for node, _ in self.augmentations(entry.node)
        }
        for entry in self.classes:
            if domain(entry.path) == "features" and id(entry.node) not in listed:
                yield entry

    @property
    def is_causal(self):
        """Whether a transformer sees no frames to come."""
        models = self.of(*TRANSFORMERS)
        return any(self.value(e.node, "causal").lower() == "true" for e in models)

    @property
    def streams(self):
        """Whether features of a part of an utterance are those of the whole."""
        norm_types = {self.value(e.node, "norm_type") for e in self.of(NORMALIZE)}
        sampled = any(entry.path == CHUNK_SAMPLER for entry in self.classes)
        turned_off = self.value(self.document.root, "streaming").lower() == "false"
        in_chunks = self.of(STREAMING) or (sampled and not turned_off)
        return bool(in_chunks) and norm_types <= {"global"}

    def added(self, entry):
        """{name: value} of arguments that an entry gets, besides ``pitch_attention``.

        Where there is a quantiser of BEST-RQ, frames are masked by noise, of which the
        front end must know. Where the model streams or is causal, pitch may not take
        its level from whole utterances.
        """
        if entry.row is FRONT_END and self.of(QUANTIZER):
            return {"noise_masking": True}
        if entry.row is FBANK and (self.streams or self.is_causal):
            return {"pitch_level": "window"}
        return {}

    def _of_waves(self, augmenter):
        paths = [path for _, path in self.augmentations(augmenter.node)]
        return any(works_on_waves(paths, key) for key in augmenter.keys)

    def _set_aside(self, candidates):
        """(id of node, why) of each that is not on the encoder's way."""
        fbanks = [entry for entry in candidates if entry.row is FBANK]
        n_mels = [self.number(entry.node, "n_mels") for entry in fbanks]
        for entry in candidates:
            same = [other for other in candidates if other.row is entry.row]
            usual = [other for other in same if other.keys[-1] == entry.row.entry]
            width = self.number(entry.node, "input_dim")
            if entry.swapped:
                continue
            if (
                entry.row in (FBANK, NORMALIZE)
                and len(fbanks) > 1
                and len(usual) == 1
                and entry is not usual[0]
            ):
                yield (
                    id(entry.node),
                    "it stays as it is, without pitch: the features of the encoder "
                    f"are taken to be those of {usual[0].place}",
                )
            elif (
                entry.row is QUANTIZER
                and width is not None
                and None not in n_mels
                and all(width % n != 0 for n in n_mels if n > 0)
            ):
                yield (
                    id(entry.node),
                    f"it stays as it is: its input_dim of {width} is not a number of "
                    "stacked frames of mels",
                )

"""A recipe's yaml: text with positions, and what is between audio and encoder.

The parser says at which character each node begins; a node's key reads
``modules[CNN]``. Nothing in the yaml is run.
"""

import re
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node

from speechbrain_pitchrope import names
from speechbrain_pitchrope.nodes import children, class_of, walk

REFERENCE_TAGS = ("!ref", "!copy")
MAX_CHAIN = 20  # a longer chain of references is a circle

_TABLES = YAML(typ="safe", pure=True)
UPSTREAM = _TABLES.load(Path(__file__).with_name("upstream.yaml"))
"""What is known of SpeechBrain's classes besides the table of names."""

SENTENCES = _TABLES.load(Path(__file__).with_name("sentences.yaml"))
"""What the user is told."""


def compose(text):
    """The root node; ValueError with line and column if the text is not yaml."""
    try:
        return YAML(pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(filter(None, (error.context, error.problem)))
        fault = f"line {mark.line + 1}, column {mark.column + 1}: {problem}"
    except (YAMLError, RecursionError) as error:
        fault = " ".join(str(error).split())
    raise ValueError(f"not yaml: {fault}")


def line(node):
    """Number of the line on which the node begins, from 1."""
    return node.start_mark.line + 1


def argument(node, name):
    """The value under ``name``, or the item at this index; None if there is none."""
    return next((value for key, value in children(node) if key == name), None)


def parts_of(key):
    """["modules", "CNN"] of ``modules[CNN]``."""
    return key.replace("]", "").split("[")


class Document:
    """A yaml file: its text, its root node, and its folder.

    Files that it includes are looked for in the folder; without one, they are not read.
    """

    def __init__(self, text, folder=None):
        self.text, self.folder, self.root = text, folder, compose(text)

    def at(self, key):
        """The node under a key; None if there is none."""
        node, parts = self.root, parts_of(key)
        for i, part in enumerate(parts, 1):
            node = argument(node, part)
            inner = self.included(node)
            if inner is not None and i < len(parts):
                return inner.resolve(inner.at("[".join(parts[i:])))
        return node

    def included(self, node):
        """The file that an ``!include:`` names, parsed; None for any other node."""
        directive, _, name = (getattr(node, "tag", None) or "").partition(":")
        if directive != "!include" or self.folder is None:
            return None
        path = self.folder / name
        try:
            return Document(path.read_text(encoding="utf-8"), path.parent)
        except (OSError, ValueError) as error:
            raise ValueError(
                f"line {line(node)} includes {path}, which can't be read: {error}"
            ) from None

    def resolve(self, node):
        """What a node stands for: itself, or what its ``!ref`` leads to.

        None if a reference is computed (``<a> + 1``) or leads nowhere.
        """
        for _ in range(MAX_CHAIN):
            if node is None or node.tag not in REFERENCE_TAGS:
                return node
            found = re.fullmatch("<([^<>.]+)>", str(node.value).strip())
            node = self.at(found[1]) if found else None
        return None


class Entry(NamedTuple):
    """An object of the yaml.

    ``row`` is the row of its class in the table of names, None if it has none;
    ``trained`` is true if ``modules:`` (or ``model``) refers to it; ``aside`` says why
    an entry with a row stays as it is.
    """

    key: str
    node: Node
    path: str
    row: names.Substitute | None
    trained: bool = False
    aside: str = ""

    @property
    def place(self):
        """Key and line, for messages."""
        return f"`{self.key}` (line {line(self.node)})"

    @property
    def swapped(self):
        """Whether it is of a class of ours."""
        return self.row is not None and self.path == self.row.ours


def domain(path):
    """What an augmentation works on: "waves", "features", "either" or "unknown"."""
    known = UPSTREAM["domains"]
    return known.get(path) or known.get(path.rpartition(".")[0]) or "unknown"


class Recipe(Document):
    """A recipe's yaml, and what is known of its objects.

    ``classes`` are all entries that name a class, ``entries`` those to swap.
    A text that is no recipe raises ValueError.

    Example
    -------
    >>> recipe = Recipe("size: 3\\nnet: !new:torch.nn.ReLU # fast\\n")
    >>> [(entry.place, entry.path) for entry in recipe.classes]
    [('`net` (line 2)', 'torch.nn.ReLU')]
    """

    def __init__(self, text, folder=None):
        super().__init__(text, folder)
        nodes = list(walk(self.root)) if isinstance(self.root, MappingNode) else []
        for _, node in nodes:
            self.included(node)  # or say which file is not there
            keys = [key for key, _ in children(node) if key != "<<"]
            if twice := [key for key in keys if keys.count(key) > 1]:
                raise ValueError(
                    f"line {line(node)}: the mapping that begins here has the key "
                    f"`{twice[0]}` more than once: delete all but one"
                )
        modules = argument(self.root, "modules") or argument(self.root, "model")
        trained = self.reached(self.resolve(modules))
        rows = {row.upstream: row for row in names.SUBSTITUTES}
        rows |= {row.ours: row for row in names.SUBSTITUTES}
        self.classes = [
            Entry(key, node, path, rows.get(path), id(node) in trained)
            for key, node in nodes
            if (path := class_of(node))
        ]
        if not self.classes:
            raise ValueError(
                "not a SpeechBrain recipe's yaml: expected a mapping of keys to values "
                "with at least one entry !new:some.Class; give the file of a recipe's "
                "folder hparams"
            )
        for i, entry in enumerate(self.classes):
            if entry.row is names.AUGMENTER and self._of_waves(entry):
                self.classes[i] = entry._replace(row=None)
        self.classes = [e._replace(aside=self._why_aside(e)) for e in self.classes]
        self.entries = [e for e in self.classes if e.row and not e.aside]

    def of(self, *rows):
        """The entries to swap of these rows."""
        return [entry for entry in self.entries if entry.row in rows]

    def value(self, node, name):
        """A plain argument as text, be it written here or by a ``!ref`` or a merge.

        SpeechBrain's default if it is not written, None if that is not known.
        """
        merged = self.resolve(argument(node, "<<"))
        found = self.resolve(argument(node, name) or argument(merged, name))
        return UPSTREAM["defaults"].get(name) if found is None else str(found.value)

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
                target = self.resolve(child)
                if target is not None and id(target) not in seen:
                    seen.add(id(target))
                    if through_classes or not class_of(target):
                        waiting.append(target)
        return seen

    def augmentations(self, augmenter):
        """(node, dotted path) of what an augmenter lists; (None, ...) if not found."""
        listed = self.resolve(argument(augmenter.node, "augmentations"))
        for _, item in children(listed):
            node = self.resolve(item)
            yield node, "a reference" if node is None else class_of(node) or node.tag

    def unlisted(self):
        """Entries that augment features and are in no Augmenter."""
        augmenters = [e for e in self.classes if e.path.endswith("Augmenter")]
        listed = {id(node) for e in augmenters for node, _ in self.augmentations(e)}
        features = [e for e in self.classes if domain(e.path) == "features"]
        return [entry for entry in features if id(entry.node) not in listed]

    def why_window(self):
        """Why pitch may not take its level from whole utterances; "" if it may."""
        models, normalizers = self.of(*names.TRANSFORMERS), self.of(names.NORMALIZE)
        if any(self.value(e.node, "causal").lower() == "true" for e in models):
            return "as the model is causal"
        sampled = any(e.path == UPSTREAM["chunk_sampler"] for e in self.classes)
        turned_off = self.value(self.root, "streaming").lower() == "false"
        in_chunks = self.of(names.STREAMING) or (sampled and not turned_off)
        norm_types = {self.value(e.node, "norm_type") for e in normalizers}
        streams = in_chunks and norm_types <= {"global"}  # others need the utterance
        return "so that the model can stream" if streams else ""

    def added(self, entry):
        """{name: value} of arguments for an entry, besides ``pitch_attention``."""
        if entry.row is names.FRONT_END and self.of(names.QUANTIZER):
            return {"noise_masking": True}  # BEST-RQ masks frames by noise
        if entry.row is names.FBANK and self.why_window():
            return {"pitch_level": "window"}
        return {}

    def not_needed(self):
        """Keys of the top level that no entry is under or refers to."""
        values = dict(children(self.root))
        needed, waiting = set(), [parts_of(entry.key)[0] for entry in self.entries]
        while waiting:
            key = waiting.pop()
            if key in values and key not in needed:
                needed.add(key)
                for _, node in walk(values[key]):
                    if node.tag in REFERENCE_TAGS:
                        waiting += re.findall(r"<([^<>.\[]+)", str(node.value))
        return values.keys() - needed - {"<<"}

    def _of_waves(self, augmenter):
        """Whether what it lists works on waves; where that is open, its key says so."""
        domains = {domain(path) for _, path in self.augmentations(augmenter)}
        decided = domains & {"waves", "features"}
        if decided:
            return decided == {"waves"}
        return any(key.startswith("wav") for key in parts_of(augmenter.key))

    def _why_aside(self, entry):
        """Why an entry is not on the encoder's way; "" if it is."""
        if entry.swapped:
            return ""
        fbanks = [other for other in self.classes if other.row is names.FBANK]
        if entry.row in (names.FBANK, names.NORMALIZE) and len(fbanks) > 1:
            same = [other for other in self.classes if other.row is entry.row]
            usual = [e for e in same if parts_of(e.key)[-1] == entry.row.entry]
            if len(usual) == 1 and entry is not usual[0]:
                return SENTENCES["second_fbank"].format(usual=usual[0])
        if entry.row is names.QUANTIZER:
            width = self.number(entry.node, "input_dim")
            n_mels = [self.number(fbank.node, "n_mels") for fbank in fbanks]
            if width and all(n and width % n for n in n_mels):
                return SENTENCES["other_quantizer"].format(width=width)
        return ""

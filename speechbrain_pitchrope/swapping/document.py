"""A yaml file as text with positions: what stands where, and edits of just that.

The parser says at which character each node begins and ends. An edit replaces those
characters and no others, so that comments, order, quoting and spacing stay as written.
"""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, SequenceNode

_CLASS_TAG = re.compile(r"!(?:new|name):(.+)")
_REFERENCE_TAGS = ("!ref", "!copy")
_WHOLE_REFERENCE = re.compile(r"<([^<>.]+)>")
_REFERRED_KEY = re.compile(r"<([^<>.\[]+)")
_INCLUDE = "!include:"
_MAX_CHAIN = 20  # a longer chain of references is a circle


class Edit(NamedTuple):
    """Replace the characters ``start`` to ``end`` by ``new``."""

    start: int
    end: int
    new: str


class Document(NamedTuple):
    """A parsed yaml file: its text, its nodes with their positions, and its folder.

    Files that it includes are looked for in the folder; without one, they are not read.
    """

    text: str
    root: MappingNode
    folder: Path | None = None

    def walk(self):
        """Yield (key, node) of each node once; nested keys read ``modules[CNN]``."""
        yield from walk("", self.root)

    def at(self, path):
        """The node under a key like ``modules[CNN]``; None if there is none."""
        node, parts = self.root, path.replace("]", "").split("[")
        for i, part in enumerate(parts, 1):
            node = argument(node, part)
            inner = self.included(node)
            if inner is not None and i < len(parts):
                return inner.resolve(inner.at("[".join(parts[i:])))
        return node

    def included(self, node):
        """The file that an ``!include:`` names, parsed; None for any other node."""
        tag = getattr(node, "tag", None) or ""
        if not tag.startswith(_INCLUDE) or self.folder is None:
            return None
        path = self.folder / tag.removeprefix(_INCLUDE)
        try:
            text = path.read_text(encoding="utf-8")
            return Document(text, compose(text), path.parent)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(
                f"line {line(node)} includes {path}, which can't be read: {reason}"
            ) from None

    def resolve(self, node):
        """What a node stands for: itself, or what its ``!ref`` leads to.

        None if a reference is computed (``<a> + 1``) or leads nowhere.
        """
        for _ in range(_MAX_CHAIN):
            if node is None or node.tag not in _REFERENCE_TAGS:
                return node
            found = _WHOLE_REFERENCE.fullmatch(str(node.value).strip())
            node = self.at(found[1]) if found else None
        return None

    def line_start(self, index):
        """Index of the first character of the line that ``index`` is on."""
        return self.text.rfind("\n", 0, index) + 1

    def needed_by(self, keys):
        """These top-level keys, and all that they refer to or share an anchor with."""
        nodes = {
            key: [node for _, node in walk("", value)]
            for key, value in children(self.root)
        }
        owners = {id(node): key for key in reversed(nodes) for node in nodes[key]}
        needed, waiting = set(), list(keys)
        while waiting:
            key = waiting.pop()
            if key in needed or key not in nodes:
                continue
            needed.add(key)
            for node in nodes[key]:
                waiting.append(owners[id(node)])
                if node.tag in _REFERENCE_TAGS:
                    waiting += _REFERRED_KEY.findall(str(node.value))
        return needed

    def edited(self, edits):
        """The text with all edits made; edits that are equal are made once."""
        pieces, done = [], 0
        for edit in sorted(set(edits)):
            pieces += [self.text[done : edit.start], edit.new]
            done = edit.end
        return "".join([*pieces, self.text[done:]])


def line(node):
    """Number of the line on which the node begins, from 1."""
    return node.start_mark.line + 1


def children(node):
    """(name, node) of each value in a mapping or item in a sequence, else none."""
    if isinstance(node, MappingNode):
        return [(str(key.value), value) for key, value in node.value]
    items = node.value if isinstance(node, SequenceNode) else []
    return [(str(index), item) for index, item in enumerate(items)]


def walk(key, node, seen=None):
    """Yield (key, node) of a node and each below it, once; ``key`` is the node's."""
    seen = set() if seen is None else seen
    if id(node) not in seen:
        seen.add(id(node))
        yield key, node
        for name, inner in children(node):
            yield from walk(f"{key}[{name}]" if key else name, inner, seen)


def argument(node, name):
    """The value under ``name``, or the item at this index; None if there is none."""
    return next((value for key, value in children(node) if key == name), None)


def class_of(node):
    """Dotted path behind ``!new:`` or ``!name:``; None for any other node."""
    found = _CLASS_TAG.fullmatch(node.tag or "")
    return found[1] if found else None


def parse(text, folder=None):
    """The ``Document`` of a recipe's yaml; ValueError, with the line, if it is none.

    Example
    -------
    >>> document = parse("size: 3\\nnet: !new:torch.nn.ReLU # fast\\n")
    >>> [(key, class_of(node)) for key, node in document.walk() if class_of(node)]
    [('net', 'torch.nn.ReLU')]
    """
    root = compose(text)
    if not isinstance(root, MappingNode):
        found = "nothing" if root is None else f"a {root.id}"
        raise ValueError(
            f"not a SpeechBrain recipe's yaml: its top level is {found}, expected a "
            "mapping of keys to values"
        )
    document = Document(text, root, folder)
    for _, node in document.walk():
        document.included(node)
        for name, count in Counter(name for name, _ in children(node)).items():
            if count > 1 and name != "<<":
                raise ValueError(
                    f"line {line(node)}: the mapping that begins here has the key "
                    f"`{name}` {count} times: delete all but one"
                )
    if not any(class_of(node) for _, node in document.walk()):
        raise ValueError(
            "not a SpeechBrain recipe's yaml: no entry is !new:some.Class; give the "
            "file of a recipe's folder hparams"
        )
    return document


def compose(text):
    """The root node; ValueError with line and column if the text is not yaml."""
    try:
        return YAML(pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = ", ".join(filter(None, (error.context, error.problem)))
        place = f"line {mark.line + 1}, column {mark.column + 1}"
        raise ValueError(f"not yaml: {place}: {problem}") from None
    except YAMLError as error:
        raise ValueError(f"not yaml: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError("not a recipe's yaml: it is nested too deeply") from None

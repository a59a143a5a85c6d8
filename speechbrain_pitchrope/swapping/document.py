"""A yaml file as text with positions: what stands where, and edits of just that.

The parser says at which character each node begins and ends. An edit replaces those
characters and no others, so that comments, order, quoting and spacing stay as written.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

_CLASS_TAG = re.compile(r"!(?:new|name):(.+)")
_REFERENCE_TAGS = ("!ref", "!copy")
_WHOLE_REFERENCE = re.compile(r"<([^<>.]+)>")
_REFERRED_KEY = re.compile(r"<([^<>.\[]+)")
_LONE_RETURN = re.compile(r"\r(?!\n)")
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
        yield from _walk("", self.root, set())

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
            root = _compose(text)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ValueError(
                f"line {self.line(node)} includes {path}, which can't be read: {reason}"
            ) from None
        return Document(text, root, path.parent)

    def chain(self, node):
        """The node and what its ``!ref`` leads to, in turn.

        The last one is None if a reference is computed (``<a> + 1``) or leads nowhere.
        """
        nodes = [node]
        while nodes[-1] is not None and nodes[-1].tag in _REFERENCE_TAGS:
            found = _WHOLE_REFERENCE.fullmatch(str(nodes[-1].value).strip())
            nodes.append(self.at(found[1]) if found else None)
            if len(nodes) > _MAX_CHAIN:
                return [*nodes, None]
        return nodes

    def resolve(self, node):
        """What a node stands for: itself, or what its ``!ref`` leads to, or None."""
        return self.chain(node)[-1]

    def line(self, node):
        """Number of the line on which the node begins, from 1."""
        return node.start_mark.line + 1

    def line_start(self, index):
        """Index of the first character of the line that ``index`` is on."""
        return self.text.rfind("\n", 0, index) + 1

    def begins_its_line(self, node):
        """Whether nothing but indentation stands before the node on its line."""
        start = node.start_mark.index
        return not self.text[self.line_start(start) : start].strip(" \ufeff")

    def indentation(self, node):
        """As many spaces as there are characters before the node on its line."""
        start = node.start_mark.index
        before = self.text[self.line_start(start) : start]
        return " " * len(before.removeprefix("\ufeff"))  # a mark of byte order

    def line_break(self, index):
        r"""How the line above ``index`` ends, ``\n`` or ``\r\n``; its own if first."""
        end = self.line_start(index) - 1
        end = self.text.find("\n", index) if end < 0 else end
        return "\r\n" if self.text[:end].endswith("\r") and end > 0 else "\n"

    def excerpt(self, keys):
        """The text of these top-level keys and of all that they need, and no others."""
        nodes = {key.value: list(_nodes(value)) for key, value in self.root.value}
        owners = {}  # of an anchored node, the key that anchors it
        for name, below in nodes.items():
            for node in below:
                owners.setdefault(id(node), name)
        needed, waiting = set(), list(keys)
        while waiting:
            name = waiting.pop()
            if name in needed or name not in nodes:
                continue
            needed.add(name)
            for node in nodes[name]:
                waiting.append(owners[id(node)])
                if node.tag in _REFERENCE_TAGS:
                    waiting += _REFERRED_KEY.findall(str(node.value))
        starts = [key.start_mark.index for key, _ in self.root.value]
        ends = [*starts[1:], len(self.text)]
        return self.edited(
            Edit(start, end, "")
            for (key, _), start, end in zip(self.root.value, starts, ends, strict=True)
            if key.value not in needed
        )

    def edited(self, edits):
        """The text with all edits made; edits that are equal are made once."""
        pieces, done = [], 0
        for edit in sorted(set(edits)):
            pieces += [self.text[done : edit.start], edit.new]
            done = edit.end
        return "".join([*pieces, self.text[done:]])


def _walk(key, node, seen):
    if id(node) in seen:
        return
    seen.add(id(node))
    yield key, node
    if isinstance(node, MappingNode):
        for key_node, value in node.value:
            name = str(key_node.value)
            yield from _walk(f"{key}[{name}]" if key else name, value, seen)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk(f"{key}[{index}]", value, seen)


def _nodes(node):
    """The node and all below it."""
    return (found for _, found in _walk("", node, set()))


def argument(node, name):
    """The value that a mapping node has under ``name``; None if it has none."""
    if isinstance(node, MappingNode):
        for key_node, value in node.value:
            if key_node.value == name:
                return value
    return None


def class_of(node: Node):
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
    root = _compose(text)
    if not isinstance(root, MappingNode):
        found = "nothing" if root is None else f"a {root.id}"
        raise ValueError(
            f"not a SpeechBrain recipe's yaml: its top level is {found}, expected a "
            "mapping of keys to values"
        )
    document = Document(text, root, folder)
    if _LONE_RETURN.search(text):
        raise ValueError(
            r"its lines end in \r alone, expected \n or \r\n: convert the line ends"
        )
    _check_keys(document)
    for _, node in document.walk():
        document.included(node)
    if not any(class_of(node) for _, node in document.walk()):
        raise ValueError(
            "not a SpeechBrain recipe's yaml: no entry is !new:some.Class; give the "
            "file of a recipe's folder hparams"
        )
    return document


@lru_cache(maxsize=8)
def _compose(text):
    """The root node; ValueError with line and column if the text is not yaml."""
    try:
        return YAML(pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context
        if problem.startswith("but "):  # goes on with what was expected
            problem = f"{error.context}, {problem}"
        raise ValueError(
            f"not yaml: line {mark.line + 1}, column {mark.column + 1}: {problem}"
        ) from None
    except ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ValueError(
            f"not yaml: line {line}, column {column}: character "
            f"{text[error.position]!r} is not allowed"
        ) from None
    except YAMLError as error:
        raise ValueError(f"not yaml: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError("not a recipe's yaml: it is nested too deeply") from None


def _check_keys(document):
    """Refuse a key that stands twice in one mapping, as HyperPyYAML does."""
    for _, node in document.walk():
        if not isinstance(node, MappingNode):
            continue
        first_lines = {}
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.value == "<<":
                continue
            name, mark = (key.tag, key.value), key.start_mark
            if name in first_lines:
                raise ValueError(
                    f"line {mark.line + 1}, column {mark.column + 1}: the key "
                    f"`{key.value}` stands on line {first_lines[name]} already: "
                    "delete one of them"
                )
            first_lines[name] = mark.line + 1

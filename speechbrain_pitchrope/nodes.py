"""The nodes of a HyperPyYAML file, as ruamel composes it; nothing in it is run."""

import re

from ruamel.yaml.nodes import MappingNode, SequenceNode


def class_of(node):
    """Dotted path behind ``!new:`` or ``!name:``; "" for any other node, and None."""
    found = re.fullmatch("!(?:new|name):(.+)", str(getattr(node, "tag", "")))
    return found[1] if found else ""


def children(node):
    """(name, node) of each value in a mapping or item in a sequence, else none."""
    if isinstance(node, MappingNode):
        return [(str(key.value), value) for key, value in node.value]
    items = node.value if isinstance(node, SequenceNode) else []
    return [(str(index), item) for index, item in enumerate(items)]


def walk(node, key="", seen=None):
    """Yield (key, node) of a node and each below it, once; ``key`` is the node's."""
    seen = set() if seen is None else seen
    if id(node) not in seen:
        seen.add(id(node))
        yield key, node
        for name, inner in children(node):
            yield from walk(inner, f"{key}[{name}]" if key else name, seen)

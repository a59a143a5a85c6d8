"""Swapping attention in a recipe's yaml: a function text -> text."""

import re

from ruamel.yaml.nodes import ScalarNode

from speechbrain_pitchrope.names import TRANSFORMERS
from speechbrain_pitchrope.swapping.document import Edit, argument, parse
from speechbrain_pitchrope.swapping.obstacles import check_swappable
from speechbrain_pitchrope.swapping.recipe import (
    added_argument,
    find_entries,
    plain_argument,
)
from speechbrain_pitchrope.variants import load_streams

ATTENTION_TYPE = "RoPEMHA"
LOADER = "speechbrain_pitchrope.variants.load_variant"

_WRITTEN = r"""!ref <[^<>\s]+>|"[^"\n]*"|'[^'\n]*'|[^\s"'#\[{]\S*"""


def swap(text, variant="all", folder=None):
    """Make the attention of a recipe take pitch into account.

    Nothing in the yaml is run. Names of classes change and arguments are added; all
    other characters stay.

    Arguments
    ---------
    text : str
        The recipe's yaml.
    variant : str
        Name of a file in the folder ``hparams``; becomes the key ``variant``, so that
        the command line can choose another one. Not one with a waveform stream.
    folder : pathlib.Path, optional
        Where the yaml is, for files that it includes.

    Returns
    -------
    str
        The yaml with our classes.

    Raises
    ------
    ValueError
        If that can't be done; the message says why, and what could be.

    Example
    -------
    >>> from speechbrain_pitchrope.names import FBANK, FRONT_END, TRANSFORMER
    >>> print(
    ...     swap(
    ...         f"compute_features: !new:{FBANK.upstream}\\n"
    ...         f"CNN: !new:{FRONT_END.upstream}\\n"
    ...         f"Transformer: !new:{TRANSFORMER.upstream}\\n"
    ...         "    causal: False # none\\n"
    ...     )
    ... )
    variant: all
    compute_features: !new:speechbrain_pitchrope.lobes.features.PitchFbank
    ...
        pitch_attention: !apply:speechbrain_pitchrope.variants.load_variant [!ref ...]
        causal: False # none
    <BLANKLINE>
    """
    if "waveform" in load_streams(variant):
        raise ValueError(
            f"variant {variant!r} has a waveform stream, which a swap can't lead "
            "through the recipe: choose one without"
        )
    document = parse(text, folder)
    entries = find_entries(document)
    check_swappable(document, entries)
    edits = [_rename(document, entry.node, entry.row) for entry in entries]
    added, value = set(), variant
    if argument(document.root, "variant") is None:
        first_key = document.root.value[0][0]
        edits.append(_lines_before(document, first_key, f"variant: {variant}"))
        added, value = {"variant"}, "!ref <variant>"
    for entry in entries:
        name, fixed = added_argument(document, entries, entry)
        if entry.row in TRANSFORMERS:
            edits += _attention_edits(document, entry.node, value)
        elif name is not None:
            first_key = entry.node.value[0][0]
            edits.append(_lines_before(document, first_key, f"{name}: {fixed}"))
        if name is not None:
            added |= {f"{entry.key}[{name}]", f"{entry.key}[{name}][0]"}
        if argument(entry.node, "<<") is not None:
            added.add(f"{entry.key}[attention_type]")
    swapped = document.edited(edits)
    _check_swapped(document, swapped, entries, added)
    return swapped


def _check_swapped(document, text, entries, added):
    """Refuse a result that is not what was meant, however the yaml is written."""
    try:
        swapped = parse(text, document.folder)
        before, after = _contents(document), _contents(swapped)
        renamed = {
            entry.key: entry.node.tag.replace(entry.row.upstream, entry.row.ours)
            for entry in entries
        }
        changed = {key for key in before if before[key] != after.get(key)}
        found = find_entries(swapped)
        meant = (
            all(after[key][0] == tag for key, tag in renamed.items())
            and all(after[key][1] == ATTENTION_TYPE for key in changed - set(renamed))
            and set(after) - set(before) <= added
            and all(
                argument(entry.node, "pitch_attention") is not None
                and plain_argument(
                    swapped, entry.node, "attention_type", ATTENTION_TYPE
                )
                == ATTENTION_TYPE
                for entry in found
                if entry.row in TRANSFORMERS
            )
        )
        fault = "" if meant else "a line would stand in the wrong place"
    except KeyError as error:
        fault = f"{error} would be lost"
    except ValueError as error:
        fault = str(error)
    if fault:
        raise ValueError(
            f"it can't be swapped as it is written; the result would be faulty "
            f"({fault}): write each class as `key: !new:some.Class`, with its "
            "arguments below, one `name: value` a line"
        )


def _contents(document):
    """Key to (tag, value) of each node; the value is None unless it is simple.

    Tags are those that are written. ``!tuple`` is not: HyperPyYAML has the parser find
    tuples from its first use on.
    """
    return {
        key: (
            node.tag if node.tag.startswith("!") and node.tag != "!tuple" else None,
            node.value if isinstance(node, ScalarNode) else None,
        )
        for key, node in document.walk()
    }


def _rename(document, node, row):
    """The edit that names our class in a node's tag."""
    at, old = node.start_mark.index, row.upstream
    before = document.text[:at].rstrip().removesuffix(">")
    if document.text[at] == "&" and before.endswith(f":{old}"):
        start = len(before) - len(old)  # an anchor may stand behind the tag
    else:
        start = document.text.find(f":{old}", at) + 1
    if start == 0:
        raise ValueError(
            f"line {document.line(node)}: write the class as `!new:{old}`, letter by "
            "letter"
        )
    return Edit(start, start + len(old), row.ours)


def _attention_edits(document, node, variant):
    """The arguments of a transformer that change."""
    lines = [f"pitch_attention: !apply:{LOADER} [{variant}]"]
    written = argument(node, "attention_type")
    if written is None and argument(node, "<<") is not None:
        lines.append(f"attention_type: {ATTENTION_TYPE}")  # over what a merge may bring
    yield _lines_before(document, node.value[0][0], *lines)
    target = document.resolve(written)
    if written is not None and getattr(target, "value", None) != ATTENTION_TYPE:
        yield _replace_value(document, written)


def _replace_value(document, node):
    """The edit that makes a value RoPEMHA, in the quotes it had."""
    start, end = node.start_mark.index, node.end_mark.index
    anchor = re.match(r"&\S+\s+", document.text[start:end])
    start += anchor.end() if anchor else 0
    written = document.text[start:end]
    if not re.fullmatch(_WRITTEN, written):
        raise ValueError(
            f"attention_type (line {document.line(node)}) is {written!r}, expected a "
            "name or a !ref to one: write it so"
        )
    quote = written[0] if written[0] in "'\"" else ""
    return Edit(start, end, f"{quote}{ATTENTION_TYPE}{quote}")


def _lines_before(document, key, *lines):
    """The edit that puts lines before a key, as far in as the key."""
    if not document.begins_its_line(key):
        raise ValueError(
            f"`{key.value}` (line {document.line(key)}) does not begin its line: put "
            "it on a line of its own"
        )
    at = key.start_mark.index
    behind = f"{document.line_break(at)}{document.indentation(key)}"
    new = "".join(f"{line}{behind}" for line in lines)
    return Edit(at, at, new)

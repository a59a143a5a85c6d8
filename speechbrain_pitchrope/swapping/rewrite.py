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
    >>> print(swap(f'''
    ... seed: 1
    ... compute_features: !new:{FBANK.upstream}
    ...     n_mels: 80 # up to 8 kHz
    ... CNN: !new:{FRONT_END.upstream}
    ...     input_shape: (8, 10, 80)
    ... Transformer: !new:{TRANSFORMER.upstream}
    ...     tgt_vocab: 30
    ...     input_size: 640
    ...     attention_type: RelPosMHAXL
    ...     causal: False
    ... '''))
    <BLANKLINE>
    seed: 1
    variant: all
    compute_features: !new:speechbrain_pitchrope.lobes.features.PitchFbank
        n_mels: 80 # up to 8 kHz
    ...
        attention_type: RoPEMHA
        pitch_attention: !apply:speechbrain_pitchrope.variants.load_variant [!ref ...]
        causal: False
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
        edits.append(_variant_line(document, variant))
        added, value = {"variant"}, "!ref <variant>"
    transformers = [entry.node for entry in entries if entry.row in TRANSFORMERS]
    for entry in entries:
        name, fixed = added_argument(document, entries, entry)
        if entry.row in TRANSFORMERS:
            edits += _attention_edits(document, entry.node, transformers, value)
        elif name is not None:
            first_key = entry.node.value[0][0]
            edits.append(_line_before(document, first_key, f"{name}: {fixed}"))
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


def _variant_line(document, variant):
    """The key ``variant``: behind the seed if there is one, else before all keys."""
    line = f"variant: {variant}"
    for name in ("__set_seed", "seed"):
        for key, value in document.root.value:
            aliased = value.start_mark.index < key.start_mark.index
            if key.value == name and not aliased and document.ends_its_line(value):
                return _line_after(document, key, value, line)
    return _line_before(document, document.root.value[0][0], line)


def _attention_edits(document, node, transformers, variant):
    """The arguments of a transformer that change."""
    line = f"pitch_attention: !apply:{LOADER} [{variant}]"
    written = argument(node, "attention_type")
    if written is None:
        first_key = node.value[0][0]
        if argument(node, "<<") is not None:  # may bring one, which this overrides
            line_break = document.line_break(first_key.start_mark.index)
            indentation = document.indentation(first_key)
            line = f"attention_type: {ATTENTION_TYPE}{line_break}{indentation}{line}"
        yield _line_before(document, first_key, line)
        return
    yield from _replace_value(document, _value_to_change(document, node, transformers))
    key = next(key for key, _ in node.value if key.value == "attention_type")
    yield _line_after(document, key, written, line)


def _value_to_change(document, node, transformers):
    """The written attention_type, or the key it refers to if that is for it alone."""
    written = argument(node, "attention_type")
    *references, target = document.chain(written)
    others = [other for _, other in document.walk() if other is not target]
    here = len(others) < sum(1 for _ in document.walk())  # not in an included file
    if not here or not references or not document.ends_its_line(target):
        return written
    own = {id(reference) for reference in references}
    own |= {id(argument(other, "attention_type")) for other in transformers}
    shared = any(
        id(other) not in own and document.resolve(other) is target for other in others
    )
    return written if shared else target


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
    yield Edit(start, end, f"{quote}{ATTENTION_TYPE}{quote}")


def _line_after(document, key, value, line):
    """The edit that puts a line after an entry whose value is simple, as far in."""
    end = max(key.end_mark.index, value.end_mark.index)  # an alias ends at its anchor
    at = document.line_end(end)
    new = f"{document.line_break(at)}{document.indentation(key)}{line}"
    return Edit(at, at, new)


def _line_before(document, key, line):
    """The edit that puts a line before a key, with the indentation of the key."""
    if not document.begins_its_line(key):
        raise ValueError(
            f"`{key.value}` (line {document.line(key)}) does not begin its line: put "
            "it on a line of its own"
        )
    at = key.start_mark.index
    new = f"{line}{document.line_break(at)}{document.indentation(key)}"
    return Edit(at, at, new)

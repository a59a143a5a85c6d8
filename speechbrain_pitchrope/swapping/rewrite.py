"""Swapping attention in a recipe's yaml, and turning it back: functions text -> text.

What can't be told from the swapped file is kept in it, as trailing comments:

    variant: all # pitchrope: added
    attention_type: RoPEMHA # pitchrope: was RelPosMHAXL

A line that was added is deleted when turning back, a value that was replaced is
restored as it was written. The names of the classes need no mark.
"""

import re

from speechbrain_pitchrope.names import TRANSFORMERS
from speechbrain_pitchrope.swapping.document import Edit, argument, parse
from speechbrain_pitchrope.swapping.obstacles import (
    check_not_half_swapped,
    check_swappable,
)
from speechbrain_pitchrope.swapping.recipe import (
    added_argument,
    find_entries,
    plain_argument,
)
from speechbrain_pitchrope.variants import load_streams

ATTENTION_TYPE = "RoPEMHA"
LOADER = "speechbrain_pitchrope.variants.load_variant"

MARK = "# pitchrope:"
ADDED = f"{MARK} added"
WAS = f"{MARK} was"

_WRITTEN = r"""!ref <[^<>\s]+>|"[^"\n]*"|'[^'\n]*'|[^\s"'#\[{]\S*"""
_REPLACED = re.compile(rf"""["']?{ATTENTION_TYPE}["']? {WAS} ({_WRITTEN})""")
_ADDED_LINE = re.compile(
    rf"\r?\n[^\n]*{ADDED}[ \t]*(?=\r?\n|\Z)"
    rf"|(?:\A|(?<=\A\ufeff))[^\n\ufeff]*{ADDED}[ \t]*\r?\n"
)


def swap(text, variant="all"):
    """Make the attention of a recipe listen to pitch.

    Arguments
    ---------
    text : str
        The recipe's yaml.
    variant : str
        Name of a file in the folder ``hparams``; becomes the key ``variant``, so that
        the command line can choose another one. Not one with a waveform stream.

    Returns
    -------
    str
        The yaml with our classes, otherwise as it was.

    Raises
    ------
    ValueError
        If that can't be done; the message says why, and what could be.

    Example
    -------
    >>> from speechbrain_pitchrope.names import FBANK, FRONT_END, TRANSFORMER
    >>> recipe = f'''
    ... seed: 1
    ... compute_features: !new:{FBANK.upstream}
    ...     n_mels: 80 # up to 8 kHz
    ... CNN: !new:{FRONT_END.upstream}
    ...     input_shape: (8, 10, 80)
    ... Transformer: !new:{TRANSFORMER.upstream}
    ...     tgt_vocab: 30
    ...     attention_type: RelPosMHAXL
    ... '''
    >>> swapped = swap(recipe)
    >>> print(swapped)
    <BLANKLINE>
    seed: 1
    variant: all # pitchrope: added
    compute_features: !new:speechbrain_pitchrope.lobes.features.PitchFbank
        n_mels: 80 # up to 8 kHz
    ...
        attention_type: RoPEMHA # pitchrope: was RelPosMHAXL
        pitch_attention: !apply:... [!ref <variant>] # pitchrope: added
    <BLANKLINE>
    >>> unswap(swapped) == recipe
    True
    """
    if "waveform" in load_streams(variant):
        raise ValueError(
            f"variant {variant!r} has a waveform stream, for which a swap makes no way "
            "through the recipe: choose one without"
        )
    document = parse(text)
    entries = find_entries(document)
    check_swappable(document, entries)
    _check_no_marks(text)
    edits = [
        _rename(document, entry.node, entry.row.upstream, entry.row.ours)
        for entry in entries
    ]
    value = variant
    if argument(document.root, "variant") is None:
        edits.append(_variant_line(document, variant))
        value = "!ref <variant>"
    transformers = [entry.node for entry in entries if entry.row in TRANSFORMERS]
    for node in transformers:
        edits += _attention_edits(document, node, transformers, value)
    for entry in entries:
        name, argument_value = added_argument(document, entries, entry)
        if argument_value is not None:
            line = f"{name}: {argument_value} {ADDED}"
            edits.append(_line_before(document, entry.node.value[0][0], line))
    swapped = document.edited(edits)
    _check_swapped(swapped, text)
    return swapped


def unswap(text):
    """Turn back what ``swap`` did.

    Arguments
    ---------
    text : str
        A yaml that ``swap`` returned; it may have been edited since, marks excepted.

    Returns
    -------
    str
        The recipe as it was.

    Raises
    ------
    ValueError
        If it is not swapped, only half, or not by ``swap``.
    """
    document = parse(text)
    entries = find_entries(document)
    if not any(entry.swapped for entry in entries):
        raise ValueError("not swapped: none of its classes carries pitch")
    check_not_half_swapped(entries)
    restored = document.edited(
        _rename(document, entry.node, entry.row.ours, entry.row.upstream)
        for entry in entries
    )
    restored = _REPLACED.sub(r"\1", _ADDED_LINE.sub("", restored))
    _check_restored(parse(restored))
    return restored


def _check_no_marks(text):
    """Refuse marks of an earlier swap: turning back would take them for its own."""
    for number, line in enumerate(text.split("\n"), 1):
        if MARK in line:
            raise ValueError(
                f"line {number} has the mark '{MARK}' of an earlier swap, though its "
                "classes are SpeechBrain's: delete the mark, or the whole line"
            )


def _check_restored(document):
    """Refuse a result that still has something of ours, or misses it."""
    entries = find_entries(document)
    for entry in entries:
        added, _ = added_argument(document, entries, entry)
        if added and argument(entry.node, added) is not None:
            raise ValueError(
                f"`{entry.key}` has a {added} without the comment '{ADDED}': the file "
                "was not swapped by this command, or has lost its comments, so what it "
                "was before is not known; turn it back by hand"
            )
    if argument(document.root, "variant") is None:
        for key, node in document.walk():
            if node.tag in ("!ref", "!copy") and "<variant>" in str(node.value):
                raise ValueError(
                    f"`{key}` refers to <variant>, which goes when the file is turned "
                    "back: take it out first"
                )


def _check_swapped(swapped, text):
    """Refuse a result that is not what was meant, however the text is written."""
    try:
        as_before = unswap(swapped) == text
        document = parse(swapped)
        meant = as_before and all(
            argument(entry.node, "pitch_attention") is not None
            and plain_argument(document, entry.node, "attention_type", ATTENTION_TYPE)
            == ATTENTION_TYPE
            for entry in find_entries(document)
            if entry.row in TRANSFORMERS
        )
        fault = "" if meant else "a line would stand in the wrong place"
    except ValueError as error:
        fault = str(error)
    if fault:
        raise ValueError(
            f"it can't be swapped as it is written; the result would be faulty "
            f"({fault}): write each class as `key: !new:some.Class`, with its "
            "arguments below, one `name: value` a line"
        )


def _rename(document, node, old, new):
    """The edit that names another class in a node's tag."""
    at = node.start_mark.index
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
    return Edit(start, start + len(old), new)


def _variant_line(document, variant):
    """The key ``variant``: behind the seed if there is one, else before all keys."""
    line = f"variant: {variant} {ADDED}"
    for name in ("__set_seed", "seed"):
        for key, value in document.root.value:
            aliased = value.start_mark.index < key.start_mark.index
            if key.value == name and not aliased and document.ends_its_line(value):
                return _line_after(document, key, value, line)
    return _line_before(document, document.root.value[0][0], line)


def _attention_edits(document, node, transformers, variant):
    """The arguments of a transformer that change."""
    line = f"pitch_attention: !apply:{LOADER} [{variant}] {ADDED}"
    written = argument(node, "attention_type")
    if written is None:
        first_key = node.value[0][0]
        if argument(node, "<<") is not None:  # may bring one, which this overrides
            yield _line_before(
                document, first_key, f"attention_type: {ATTENTION_TYPE} {ADDED}"
            )
        yield _line_before(document, first_key, line)
        return
    yield from _replace_value(document, _value_to_change(document, node, transformers))
    key = next(key for key, _ in node.value if key.value == "attention_type")
    yield _line_after(document, key, written, line)


def _value_to_change(document, node, transformers):
    """The written attention_type, or the key it refers to if that is for it alone."""
    written = argument(node, "attention_type")
    *references, target = document.chain(written)
    if target is None or not references or not document.ends_its_line(target):
        return written
    own = {id(reference) for reference in references}
    own |= {id(argument(other, "attention_type")) for other in transformers}
    shared = any(
        other is not target
        and id(other) not in own
        and document.resolve(other) is target
        for _, other in document.walk()
    )
    return written if shared else target


def _replace_value(document, node):
    """The edit that makes a value RoPEMHA, in the quotes it had, with a mark."""
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
    new = f"{quote}{ATTENTION_TYPE}{quote}"
    if written != new:
        yield Edit(start, end, f"{new} {WAS} {written}")


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

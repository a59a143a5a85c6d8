"""Swapping attention in a recipe's yaml: a function text -> text.

An edit (start, end, new) replaces the characters from start to end and no others, so
that comments, order, quoting and spacing stay as written.
"""

import re

from ruamel.yaml.nodes import MappingNode, ScalarNode

from speechbrain_pitchrope import names
from speechbrain_pitchrope.nodes import walk
from speechbrain_pitchrope.swapping.obstacles import check_swappable
from speechbrain_pitchrope.swapping.recipe import (
    SENTENCES,
    UPSTREAM,
    Recipe,
    argument,
    compose,
    line,
)
from speechbrain_pitchrope.variants import load_streams

ROTARY = "RoPEMHA"
LOADER = "speechbrain_pitchrope.variants.load_variant"

_VALUE = re.compile(r"""\s*:\s+(!ref <[^<>\s]+>|"[^"\n]*"|'[^'\n]*'|[^\s"'#\[{]\S*)""")


def swap(text, variant="all", folder=None):
    """The yaml of a recipe with attention that takes pitch into account.

    Nothing in it is run. Names of classes change and arguments are added; all other
    characters stay. ``variant`` is a file of the folder ``hparams`` without a waveform
    stream; it becomes a key, so that the command line can choose another one.
    ``folder`` is where the yaml is, for files that it includes. A ValueError says why
    it can't be done, and what could be.

    Example
    -------
    >>> print(
    ...     swap(
    ...         f"compute_features: !new:{names.FBANK.upstream}\\n"
    ...         f"CNN: !new:{names.FRONT_END.upstream}\\n"
    ...         f"Transformer: !new:{names.TRANSFORMER.upstream}\\n"
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
    recipe = Recipe(text, folder)
    check_swappable(recipe)
    edits, expected = set(), _contents(recipe.root)
    if argument(recipe.root, "variant") is None:
        edits.add(_lines_before(text, "", recipe.root, [f"variant: {variant}"]))
        expected["variant"] = "", variant
        variant = "!ref <variant>"
    for entry in recipe.entries:
        lines = [f"{name}: {value}" for name, value in recipe.added(entry).items()]
        if entry.row in names.TRANSFORMERS:
            lines.append(f"pitch_attention: !apply:{LOADER} [{variant}]")
            written = argument(entry.node, "attention_type")
            if written is None and argument(entry.node, "<<") is not None:
                lines.append(f"attention_type: {ROTARY}")  # over the merged one
            elif written and recipe.value(entry.node, "attention_type") != ROTARY:
                edits.add(_rotary(text, entry))
                expected[f"{entry.key}[attention_type]"] = "", ROTARY
        if lines:
            edits.add(_lines_before(text, entry.key, entry.node, lines))
            expected |= _contents(compose("\n".join(lines)), entry.key)
        edits.add(_rename(text, entry))
        tag = entry.node.tag.replace(entry.path, entry.row.ours)
        expected[entry.key] = tag, expected[entry.key][1]
    swapped = text
    for start, end, new in sorted(edits, reverse=True):
        swapped = swapped[:start] + new + swapped[end:]
    _refuse_other_changes(expected, swapped, folder)
    return swapped


def _contents(root, at=""):
    """{key: (tag, value)} of what is written."""
    return {
        key: (
            node.tag if node.tag.startswith("!") else "",
            str(node.value) if isinstance(node, ScalarNode) else "",
        )
        for key, node in walk(root, at)
    }


def _rename(text, entry):
    """The edit that names our class in a node's tag."""
    name = re.compile(rf":{re.escape(entry.path)}(?![\w.])")
    # From the line's start: a node whose anchor follows its class begins at the anchor.
    found = name.search(text, text.rfind("\n", 0, entry.node.start_mark.index))
    if not found:
        raise ValueError(
            f"{entry.place}: write the class as `!new:{entry.path}`, letter by letter"
        )
    return found.start() + 1, found.end(), entry.row.ours


def _rotary(text, entry):
    """The edit that makes the attention_type of a transformer RoPEMHA."""
    key = next(k for k, _ in entry.node.value if k.value == "attention_type")
    found = _VALUE.match(text, key.end_mark.index)
    if not found:
        raise ValueError(
            f"{entry.place} has an attention_type that is no name and no !ref to one: "
            "write it so"
        )
    return *found.span(1), ROTARY


def _lines_before(text, key, node, lines):
    """The edit that puts lines before a mapping's first key, as far in as that key."""
    if not isinstance(node, MappingNode) or node.flow_style:
        at, indentation = 0, "braces"
    else:
        at = node.value[0][0].start_mark.index
        indentation = text[:at].rpartition("\n")[2].lstrip("\ufeff")
    if indentation.strip():
        place = f"`{key}` (line {line(node)})" if key else "the file"
        raise ValueError(
            f"{place} does not name its arguments, one a line: write it so"
        )
    line_break = "\r\n" if "\r\n" in text else "\n"
    return at, at, "".join(f"{new}{line_break}{indentation}" for new in lines)


def _refuse_other_changes(expected, swapped, folder):
    """Refuse a result that is not what was meant, however the yaml is written."""
    try:
        found = _contents(Recipe(swapped, folder).root)
        wrong = [k for k in {*expected, *found} if expected.get(k) != found.get(k)]
        fault = f"`{min(wrong)}` would be wrong" if wrong else ""
    except ValueError as error:
        fault = str(error)
    if fault:
        raise ValueError(
            f"it can't be swapped as it is written; the result would be faulty "
            f"({fault}): write each class as `key: !new:some.Class`, with its "
            "arguments below, one `name: value` a line"
        )


def beyond_names(text, folder=None):
    """A sentence for each change of a recipe's model, and for what may go wrong."""
    recipe = Recipe(text, folder)
    notes = []
    for entry in recipe.classes:
        said = [SENTENCES[k].format(**values) for k, values in _notes(recipe, entry)]
        notes += [f"{entry.place}: {s}" for s in (*said, entry.aside) if s]
    return notes


def _notes(recipe, entry):
    """What there is to say of an entry: (name of a sentence, values to put into it)."""
    added = {} if entry.aside else recipe.added(entry)
    if "noise_masking" in added:
        yield "noise_masking", {}
    if "pitch_level" in added:
        yield "pitch_level", {"why": recipe.why_window()}
    if entry in recipe.of(names.QUANTIZER):
        yield "codes", {}
    if entry in recipe.of(*names.TRANSFORMERS):
        kind = recipe.value(entry.node, "attention_type")
        if kind != ROTARY:
            change = UPSTREAM["attention_types"].get(kind, "rotary positions")
            yield "attention_type", {"kind": kind, "change": change}
        if recipe.value(entry.node, "encoder_module") == "branchformer":
            yield "branchformer", {}
        weight = recipe.value(entry.node, "mt_weight")
        if entry.row is names.TRANSLATOR and float(weight):
            yield "text_encoder", {}
    if entry in recipe.unlisted():
        yield "unlisted", {"entry": entry}
    if entry.trained and not entry.path.startswith(("speechbrain.", "torch.")):
        yield "unknown", {"entry": entry}

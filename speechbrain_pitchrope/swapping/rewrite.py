"""Swapping attention in a recipe's yaml: a function text -> text."""

import re

from ruamel.yaml.nodes import MappingNode, ScalarNode

from speechbrain_pitchrope.names import TRANSFORMERS
from speechbrain_pitchrope.swapping.document import (
    Edit,
    argument,
    compose,
    line,
    parse,
    walk,
)
from speechbrain_pitchrope.swapping.obstacles import check_swappable
from speechbrain_pitchrope.swapping.recipe import Recipe
from speechbrain_pitchrope.variants import load_streams

ATTENTION_TYPE = "RoPEMHA"
LOADER = "speechbrain_pitchrope.variants.load_variant"

_VALUE = re.compile(r"""\s*:\s+(!ref <[^<>\s]+>|"[^"\n]*"|'[^'\n]*'|[^\s"'#\[{]\S*)""")


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
    recipe = Recipe(text, folder)
    check_swappable(recipe)
    document = recipe.document
    edits, expected = [], _contents(document.walk())

    def add(key, node, *lines):
        """Arguments, before those that a mapping has."""
        if lines:
            edits.append(_lines_before(document, key, node, lines))
            expected.update(_contents(walk(key, compose("\n".join(lines)))))

    argument_of_loader = variant
    if argument(document.root, "variant") is None:
        add("", document.root, f"variant: {variant}")
        argument_of_loader = "!ref <variant>"
    for entry in recipe.entries:
        lines = [f"{name}: {value}" for name, value in recipe.added(entry).items()]
        if entry.row in TRANSFORMERS:
            lines.append(f"pitch_attention: !apply:{LOADER} [{argument_of_loader}]")
            written = argument(entry.node, "attention_type")
            kind = getattr(document.resolve(written), "value", None)
            if written is not None and kind != ATTENTION_TYPE:
                edits.append(_rotary(document, entry))
                expected[f"{entry.key}[attention_type]"] = ATTENTION_TYPE
            elif argument(entry.node, "<<") is not None and written is None:
                lines.append(f"attention_type: {ATTENTION_TYPE}")  # over the merged one
        add(entry.key, entry.node, *lines)
        edits.append(_rename(document, entry))
        expected[entry.key] = entry.node.tag.replace(entry.path, entry.row.ours)
    swapped = document.edited(edits)
    _refuse_other_changes(expected, swapped, folder)
    return swapped


def _contents(walked):
    """Key to what is written there: a tag, a value, or both."""
    return {
        key: " ".join(
            [node.tag] * node.tag.startswith("!")
            + [str(node.value)] * isinstance(node, ScalarNode)
        ).strip()
        for key, node in walked
    }


def _rename(document, entry):
    """The edit that names our class in a node's tag."""
    at = document.line_start(entry.node.start_mark.index)
    found = re.compile(rf":{re.escape(entry.path)}(?![\w.])").search(document.text, at)
    if not found:
        raise ValueError(
            f"{entry.place}: write the class as `!new:{entry.path}`, letter by letter"
        )
    return Edit(found.start() + 1, found.end(), entry.row.ours)


def _rotary(document, entry):
    """The edit that makes the attention_type of a transformer RoPEMHA."""
    key = next(k for k, _ in entry.node.value if k.value == "attention_type")
    found = _VALUE.match(document.text, key.end_mark.index)
    if not found:
        raise ValueError(
            f"{entry.place} has an attention_type that is no name and no !ref to one: "
            "write it so"
        )
    return Edit(*found.span(1), ATTENTION_TYPE)


def _lines_before(document, key, node, lines):
    """The edit that puts lines before a mapping's first key, as far in as that key."""
    if not isinstance(node, MappingNode) or node.flow_style:
        at, indentation = 0, "braces"
    else:
        at = node.value[0][0].start_mark.index
        indentation = document.text[document.line_start(at) : at].lstrip("\ufeff")
    if indentation.strip():
        place = f"`{key}` (line {line(node)})" if key else "the file"
        raise ValueError(
            f"{place} does not name its arguments, one a line: write it so"
        )
    line_break = "\r\n" if "\r\n" in document.text else "\n"
    return Edit(at, at, "".join(f"{new}{line_break}{indentation}" for new in lines))


def _refuse_other_changes(expected, text, folder):
    """Refuse a result that is not what was meant, however the yaml is written."""
    try:
        found = _contents(parse(text, folder).walk())
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

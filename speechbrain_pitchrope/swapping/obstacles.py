"""Why a recipe may not be swapped; the words are in ``sentences.yaml``.

SpeechBrain's modules are imported, to look up the names in the yaml; nothing in the
yaml is run.
"""

import inspect
import logging
import pydoc
import re
import warnings
from importlib.metadata import version

from speechbrain_pitchrope import names
from speechbrain_pitchrope.nodes import children, walk
from speechbrain_pitchrope.swapping.recipe import (
    SENTENCES,
    UPSTREAM,
    Entry,
    argument,
    domain,
)

INSTALLED = f"SpeechBrain {version('speechbrain')}"
PASSING = {*(row.upstream for row in names.SUBSTITUTES), *UPSTREAM["containers"]}
"""Classes to swap, and those that leave what passes them alone."""


def check_swappable(recipe):
    """Refuse a recipe whose attention can't be swapped, with each reason and remedy."""
    left = [entry for entry in recipe.entries if not entry.swapped]
    if recipe.entries and not left:
        raise ValueError("swapped already: its classes carry pitch")
    if len(left) < len(recipe.entries):
        _refuse(
            "half swapped: some of its classes carry pitch and these do not",
            (("half_swapped", {"entry": entry}) for entry in left),
        )
    _refuse(
        f"it can't be loaded with {INSTALLED}; it was written for another version "
        "(0.5 perhaps) or for a fork: port it first, then swap it",
        _not_installed(recipe),
    )
    checks = (_missing_parts, _misplaced, _doubles, _augmenters, _encoders)
    _refuse(
        "it can't be swapped:", (reason for check in checks for reason in check(recipe))
    )


def _refuse(heading, reasons):
    """Raise ValueError if there are reasons: (name of a sentence, values in it)."""
    lines = [f"\n  - {SENTENCES[name].format(**values)}" for name, values in reasons]
    if lines:
        raise ValueError(heading + "".join(lines))


def _not_installed(recipe):
    """Classes, arguments and kinds of attention that SpeechBrain does not have."""
    for key, node in walk(recipe.root):
        named = re.fullmatch(r"!(?:new|name|apply):(speechbrain\..+)", node.tag or "")
        if not named:
            continue
        entry = Entry(key, node, named[1], None)
        found = _locate(entry.path)
        if found is None:
            successors = UPSTREAM["successors"].items()
            now = [new for old, new in successors if entry.path.startswith(old)]
            advice = f"; in {INSTALLED} look for {now[0]}" if now else ""
            yield "no_name", {"entry": entry, "advice": advice}
        elif node.id == "mapping":
            for name in _unknown_arguments(found, node):
                yield "no_argument", {"entry": entry, "name": name}
    known = UPSTREAM["attention_types"]
    for entry in recipe.of(*names.TRANSFORMERS):
        kind = recipe.value(entry.node, "attention_type")
        if kind not in known and kind.isidentifier():
            values = {"entry": entry, "kind": kind, "known": ", ".join(known)}
            yield "no_attention_type", values


def _locate(path):
    """The object that a dotted path names; None if it is not there."""
    logging.disable(logging.WARNING)  # about packages that are not installed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydoc.locate(path)
    except Exception:  # a library that it needs is not installed, or fails in any way
        return NotImplemented
    finally:
        logging.disable(logging.NOTSET)


def _unknown_arguments(found, node):
    """Names of arguments that a class or function does not take."""
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):  # not a callable, or one without a signature
        return []
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    given = [] if takes_any else [name for name, _ in children(node)]
    return [name for name in given if name not in ("<<", *parameters)]


def _missing_parts(recipe):
    """What pitch needs and the recipe has not."""

    def those(test):
        return ", ".join(f"{e.place} {e.path}" for e in recipe.classes if test(e))

    raw = those(lambda e: e.path.startswith(tuple(UPSTREAM["raw_wave_modules"])))
    bare = those(lambda e: e.path in UPSTREAM["bare_encoders"])
    own = those(
        lambda e: (
            not e.path.startswith("speechbrain.")
            and ("TransformerASR" in e.path or argument(e.node, "tgt_vocab"))
        )
    )
    fbanks, front_ends = recipe.of(names.FBANK), recipe.of(names.FRONT_END)
    transformers = recipe.of(*names.TRANSFORMERS)
    if raw and not fbanks:
        yield "raw_waves", {"those": raw}
        return
    if not fbanks:
        yield "no_fbank", {}
    if transformers and not front_ends:
        yield "no_front_end", {}
    elif own and not transformers:
        yield "own_transformer", {"those": own}
    elif bare and not transformers:
        yield "bare_encoder", {"those": bare}
    elif not transformers:
        yield "no_transformer", {}
    tags = [node.tag for _, node in walk(recipe.root)]
    included = ", ".join(tag for tag in tags if tag.startswith("!include:"))
    if included and not (fbanks and front_ends and transformers):
        yield "included", {"those": included}


def _misplaced(recipe):
    """A front end that is not used, and classes that pitch might not get through."""
    trained = {entry.row for entry in recipe.entries if entry.trained}
    if trained & set(names.TRANSFORMERS) and names.FRONT_END not in trained:
        for entry in recipe.of(names.FRONT_END):
            yield "unused_front_end", {"entry": entry}
    widths = _widths(recipe)
    rows = (names.FBANK, names.NORMALIZE, names.AUGMENTER, names.FRONT_END)
    for entry in recipe.classes:
        if entry.path in PASSING or entry.aside:
            continue
        reached = recipe.reached(entry.node, through_classes=False)
        held = [e.key for e in recipe.of(*rows) if id(e.node) in reached]
        if held:
            yield "holds", {"entry": entry, "held": "`, `".join(held)}
        elif entry.path.startswith(tuple(UPSTREAM["feature_modules"])):
            yield "of_features", {"entry": entry}
        width = _width(recipe, entry.node, "widths_in")
        out = _width(recipe, entry.node, "widths_out")
        if entry.trained and width in widths and out in (None, width):
            yield "as_wide", {"entry": entry, "width": width, "what": widths[width]}


def _widths(recipe):
    """{width: of what}, on the features' way; none that is the model's own width."""
    fbanks = [entry for entry in recipe.classes if entry.row is names.FBANK]
    models = recipe.of(*names.TRANSFORMERS)
    found = [(e.node, "input_size", "the front end's output") for e in models]
    if models and len(fbanks) == 1:
        found.append((fbanks[0].node, "n_mels", "the features"))
    own = {None, *(recipe.number(e.node, "d_model") for e in models)}
    widths = {recipe.number(node, name): what for node, name, what in found}
    return {width: what for width, what in widths.items() if width not in own}


def _width(recipe, node, side):
    """Channels of a module's input or output, as far as its arguments tell."""
    sizes = [recipe.number(node, name) for name in UPSTREAM[side]]
    if side == "widths_in":
        shape = recipe.resolve(argument(node, "input_shape"))
        sizes += [recipe.number(shape, name) for name, _ in children(shape)[-1:]]
    return next((size for size in sizes if size is not None), None)


def _doubles(recipe):
    """Entries of which there must be one, and are several that can't be told apart."""
    for row in (names.FBANK, names.QUANTIZER):
        places = [entry.place for entry in recipe.of(row)]
        if len(places) > 1:
            yield "several", {"those": ", ".join(places), "row": row}


def _augmenters(recipe):
    """Augmentations of features that do something unknown to pitch."""
    for entry in recipe.of(names.AUGMENTER):
        for _, path in recipe.augmentations(entry):
            if domain(path) in ("waves", "unknown"):
                yield "augmentation", {"entry": entry, "path": path}
    for entry in recipe.unlisted():
        if entry.trained:
            yield "no_augmenter", {"entry": entry}


def _encoders(recipe):
    """Encoders whose attention can't be rotary."""
    for entry in recipe.of(*names.TRANSFORMERS):
        width, heads = (recipe.number(entry.node, key) for key in ("d_model", "nhead"))
        module = recipe.value(entry.node, "encoder_module")
        if recipe.number(entry.node, "num_encoder_layers") == 0:
            yield "no_layers", {"entry": entry}
        if module not in (*UPSTREAM["encoder_modules"], ""):
            yield "encoder_module", {"entry": entry, "module": module}
        if width and heads and width % (2 * heads):
            yield "odd_heads", {"entry": entry, "width": width, "heads": heads}

"""Why a recipe may not be swapped, and what could be done about it."""

from math import ceil, prod

from ruamel.yaml.nodes import MappingNode, SequenceNode

from speechbrain_pitchrope.names import (
    AUGMENTER,
    FBANK,
    FRONT_END,
    NORMALIZE,
    QUANTIZER,
    SUBSTITUTES,
    TRANSFORMER,
    TRANSFORMERS,
)
from speechbrain_pitchrope.swapping.document import argument, class_of
from speechbrain_pitchrope.swapping.installed import installed, missing
from speechbrain_pitchrope.swapping.recipe import (
    added_argument,
    augmentations,
    classes,
    domain,
    modules,
    number,
    numbers,
    plain_argument,
    set_aside,
    unlisted,
)

ENCODERS = ("transformer", "conformer", "branchformer")
ATTENTION_TYPES = ("RoPEMHA", "RelPosMHAXL", "regularMHA", "hypermixing")

FEATURE_MODULES = (
    "speechbrain.lobes.features.",
    "speechbrain.processing.features.",
)
"""Whatever is made from these works on features, and would meet the pitch channels."""

HARMLESS = (
    "torch.nn.ModuleList",
    "torch.nn.ModuleDict",
    "speechbrain.nnet.containers.ModuleList",
    "speechbrain.nnet.containers.LengthsCapableSequential",
    "speechbrain.utils.checkpoints.Checkpointer",
    "speechbrain.utils.parameter_transfer.Pretrainer",
    "speechbrain_pitchrope.runs.checkpoints.AtomicCheckpointer",
)
"""Classes that hold or chain modules and leave what passes between them alone."""

RAW_WAVE_MODULES = (
    "speechbrain.integrations.huggingface.",
    "speechbrain.lobes.models.huggingface_transformers.",
    "speechbrain.lobes.models.fairseq_wav2vec.",
    "speechbrain.lobes.models.wav2vec.",
    "speechbrain.lobes.models.beats.",
)

BARE_ENCODERS = tuple(
    f"speechbrain.lobes.models.transformer.{name}.{name}Encoder"
    for name in ("Conformer", "Branchformer", "Transformer")
)
"""Encoders that a recipe may use without TransformerASR around them."""

_WIDTHS_IN = ("input_size", "in_features", "num_features", "in_channels")
_WIDTHS_OUT = ("n_neurons", "out_features", "hidden_size", "out_channels")


def check_swappable(document, entries):
    """Refuse a recipe whose attention can't be swapped, with each reason and remedy."""
    left = [entry for entry in entries if not entry.swapped]
    if entries and not left:
        raise ValueError("swapped already: its classes carry pitch")
    if len(left) < len(entries):
        _refuse(
            "half swapped: some of its classes carry pitch and these do not",
            (f"{e.place} is {e.row.upstream}: change it to {e.row.ours}" for e in left),
        )
    _refuse(
        f"it can't be loaded with {installed()}; it was written for another version "
        "(0.5 perhaps) or for a fork: port it first, then swap it",
        (*missing(document), *_strange_attention(document, entries)),
    )
    checks = (_missing_parts, _not_known, _between, _doubles)
    checks += (_augmenters, _encoders, _layout)
    _refuse(
        "it can't be swapped:",
        (reason for check in checks for reason in check(document, entries)),
    )


def _refuse(heading, reasons):
    """Raise ValueError if there are reasons."""
    lines = [f"\n  - {reason}" for reason in reasons]
    if lines:
        raise ValueError(heading + "".join(lines))


def _strange_attention(document, entries):
    """Names of attention that no SpeechBrain has."""
    for entry in entries:
        kind = plain_argument(document, entry.node, "attention_type")
        known = kind in ATTENTION_TYPES or not kind.isidentifier()
        if entry.row in TRANSFORMERS and not known:
            yield (
                f"{entry.place} has attention_type: {kind}, which {entry.row.upstream} "
                f"does not know; it knows {', '.join(ATTENTION_TYPES)}"
            )


def _missing_parts(document, entries):
    """What pitch needs and the recipe has not."""
    present = {entry.row for entry in entries}
    raw, bare, own = [], [], []
    for place, path, node in classes(document):
        if path.startswith(RAW_WAVE_MODULES):
            raw.append(f"{place} {path}")
        elif path in BARE_ENCODERS:
            bare.append(f"{place} {path}")
        elif not path.startswith("speechbrain.") and (
            argument(node, "tgt_vocab") is not None or "TransformerASR" in path
        ):
            own.append(f"{place} {path}")
    included = [n.tag for _, n in document.walk() if n.tag.startswith("!include:")]
    elsewhere = (
        f"; nothing in {', '.join(included)} is swapped: the classes to swap must "
        "stand in one file"
        if included
        else ""
    )
    if raw and FBANK not in present:
        yield (
            f"{', '.join(raw)} reads the waveform itself and has no rotary attention: "
            "there is nothing to swap"
        )
        return
    if FBANK not in present:
        yield (
            f"no entry is {FBANK.upstream}, beside whose mels pitch is tracked: use a "
            "recipe with Fbank features; if train.py makes them, have it take them "
            f"from the yaml{elsewhere}"
        )
    if present & set(TRANSFORMERS):
        if FRONT_END not in present:
            yield (
                f"no entry is {FRONT_END.upstream}, which brings pitch to the frame "
                "rate of the encoder: put one between features and encoder"
                f"{elsewhere}"
            )
    elif own:
        yield (
            f"{', '.join(own)} is no class of SpeechBrain's: if it derives from "
            f"TransformerASR or TransformerST, derive it from {TRANSFORMER.ours} or "
            "PitchTransformerST, which take pitch_attention, and swap the other "
            "classes by hand"
        )
    elif bare:
        yield (
            f"{', '.join(bare)} stands without {TRANSFORMER.upstream} around it: what "
            "projects the features to its width is not known to let pitch through, so "
            "a swap does not serve it"
        )
    else:
        yield (
            f"no entry is {' or '.join(row.upstream for row in TRANSFORMERS)}: only "
            "their encoders have rotary attention; use a recipe with one of "
            f"them{elsewhere}"
        )


def _not_known(document, entries):
    """Classes that hold what pitch passes, of which it is not known what they do."""
    aside = {id(entry.node) for entry, _ in set_aside(document)}
    carriers = {id(entry.node): entry for entry in entries}
    of_features = (FBANK, NORMALIZE, AUGMENTER, FRONT_END)
    known = {row.upstream for row in SUBSTITUTES}
    for place, path, node in classes(document):
        if path in known or path in HARMLESS or id(node) in aside:
            continue
        held = [
            carriers[id(target)].key
            for target in _targets(document, node)
            if id(target) in carriers and carriers[id(target)].row in of_features
        ]
        if held or path.startswith(FEATURE_MODULES):
            holding = f", which holds `{'`, `'.join(held)}`" if held else ""
            yield (
                f"{place} is {path}{holding}: it is not known to let pitch through; "
                "take it out of the features' way, or swap by hand if it only passes "
                "them on"
            )


def _targets(document, node):
    """What the arguments of a class lead to, lists and mappings of them included."""
    items = node.value if isinstance(node.value, list) else []
    for item in items:
        value = item[1] if isinstance(item, tuple) else item
        yield document.resolve(value)
        if not class_of(value):
            yield from _targets(document, value)


def _between(document, entries):
    """A front end that is not used, and modules of its or of the features' width."""
    trained = modules(document)
    used = {entry.row for entry in entries if id(entry.node) in trained}
    if used & set(TRANSFORMERS) and FRONT_END not in used:
        for entry in entries:
            if entry.row is FRONT_END:
                yield (
                    f"{entry.place} is in no module that is trained, so the encoder's "
                    "input does not come from it and pitch would not arrive; if it "
                    "comes from a pretrained model, there is nothing to swap"
                )
    widths = _widths(document, entries)
    known = {row.upstream for row in SUBSTITUTES} | set(HARMLESS)
    for place, path, node in classes(document):
        if id(node) not in trained or path in known:
            continue
        size = _size(document, node, _WIDTHS_IN)
        out = _size(document, node, _WIDTHS_OUT)
        for what, (given, expected) in widths.items():
            if size == given and out in (None, expected):
                yield (
                    f"{place} is {path}, {size} channels wide as {what}: with pitch "
                    "behind them it would find more; take it out of the way, or swap "
                    "by hand"
                )


def _widths(document, entries):
    """{what: (its width, what a module behind it must give)} on the features' way."""
    nodes = {
        row: [e.node for e in entries if e.row is row] for row in (FBANK, FRONT_END)
    }
    transformers = [entry.node for entry in entries if entry.row in TRANSFORMERS]
    models = {number(document, node, "d_model") for node in transformers}
    aside = {entry.row for entry, _ in set_aside(document)}
    found = {}
    for n_mels in (number(document, node, "n_mels") for node in nodes[FBANK]):
        if n_mels not in models and FBANK not in aside:
            found["the features"] = (n_mels, n_mels)
        for node in nodes[FRONT_END]:
            outs = numbers(document, node, "out_channels")
            strides = numbers(document, node, "strides")
            if not n_mels or not outs or None in (*outs, *strides):
                continue
            width = outs[-1] * ceil(n_mels / max(1, prod(strides)))
            for other in transformers if width not in models else ():
                expected = number(document, other, "input_size")
                found["the front end's output"] = (width, expected)
    return found


def _size(document, node, names):
    """Channels that a module takes or gives, as far as its arguments tell."""
    sizes = [number(document, node, name) for name in names]
    if names is _WIDTHS_IN:
        sizes += numbers(document, node, "input_shape")[-1:]
    if isinstance(node, SequenceNode):  # arguments without names: in, out
        place = 0 if names is _WIDTHS_IN else 1
        item = next(iter(node.value[place : place + 1]), None)
        text = str(getattr(document.resolve(item), "value", ""))
        sizes.append(int(text) if text.isdecimal() else None)
    return next((size for size in sizes if size is not None), None)


def _doubles(document, entries):
    """Entries of which there must be one, and are several that can't be told apart."""
    for row in (FBANK, QUANTIZER):
        same = [entry for entry in entries if entry.row is row]
        if len(same) > 1:
            yield (
                f"{', '.join(entry.place for entry in same)} are all {row.upstream}: "
                f"which one belongs to the encoder is not known; call it `{row.entry}` "
                "or swap by hand"
            )


def _augmenters(document, entries):
    """Augmentations of features that do something unknown to pitch."""
    for entry in entries:
        if entry.row is not AUGMENTER:
            continue
        for path in augmentations(document, entry.node):
            if domain(path) in ("waves", "unknown"):
                yield (
                    f"{entry.place} augments features by {path}, of which it is not "
                    "known what it does to pitch: keep to SpectrogramDrop, Warping and "
                    "RandomShift there, or name the entry wav_augment if it works on "
                    "waveforms"
                )
    trained = modules(document)
    for place, path, node in unlisted(document):
        if id(node) in trained:
            yield f"{place} is {path} outside of an Augmenter: put it into one"


def _encoders(document, entries):
    """Encoders whose attention can't be rotary."""
    for entry in entries:
        if entry.row not in TRANSFORMERS:
            continue
        if number(document, entry.node, "num_encoder_layers") == 0:
            yield (
                f"{entry.place} has num_encoder_layers: 0, so there is no attention "
                "to swap: give it encoder layers"
            )
        module = plain_argument(document, entry.node, "encoder_module")
        if module not in (*ENCODERS, ""):
            yield (
                f"{entry.place} has encoder_module: {module}: set it to "
                f"{', '.join(ENCODERS[:-1])} or {ENCODERS[-1]}"
            )
        width, heads = (number(document, entry.node, n) for n in ("d_model", "nhead"))
        if width and heads and width % (2 * heads):
            yield (
                f"{entry.place} has d_model: {width} and nhead: {heads}: rotary "
                "attention turns pairs of channels, so d_model / nhead must be an even "
                "number"
            )


def _layout(document, entries):
    """Ways of writing to which no line can be added."""
    if document.root.flow_style:
        yield "the file is one mapping in braces: write one key a line"
    for entry in entries:
        added, _ = added_argument(document, entries, entry)
        if added is None:
            continue
        if not isinstance(entry.node, MappingNode) or entry.node.flow_style:
            yield f"{entry.place} does not name its arguments, one a line: write it so"

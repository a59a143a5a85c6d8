"""Why a recipe may not be swapped, and what could be done about it."""

from ruamel.yaml.nodes import MappingNode

from speechbrain_pitchrope.augment.domains import domain
from speechbrain_pitchrope.names import (
    AUGMENTER,
    FBANK,
    FRONT_END,
    NORMALIZE,
    SUBSTITUTES,
    TRANSFORMERS,
)
from speechbrain_pitchrope.swapping.document import argument, class_of
from speechbrain_pitchrope.swapping.recipe import added_argument, augmentations

ENCODERS = ("transformer", "conformer", "branchformer")

FEATURE_MODULES = (
    "speechbrain.lobes.features.",
    "speechbrain.lobes.augment.",
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
)


def check_swappable(document, entries):
    """Refuse a recipe whose attention can't be made to listen to pitch.

    Arguments
    ---------
    document : speechbrain_pitchrope.swapping.document.Document
        The recipe's yaml.
    entries : list of Entry
        What ``find_entries`` found in it.

    Raises
    ------
    ValueError
        With each reason, and what could be done about it.
    """
    check_not_half_swapped(entries)
    if any(entry.swapped for entry in entries):
        raise ValueError(
            "swapped already: its classes carry pitch; to turn it back use --unswap"
        )
    reasons = [
        *_missing(document, entries),
        *_not_known(document, entries),
        *_augmenters(document, entries),
        *_encoders(document, entries),
        *_layout(document, entries),
    ]
    if reasons:
        raise ValueError(
            "it can't be swapped:" + "".join(f"\n  - {reason}" for reason in reasons)
        )


def check_not_half_swapped(entries):
    """Refuse a recipe in which some but not all of the classes carry pitch."""
    left = [entry for entry in entries if not entry.swapped]
    if left and len(left) < len(entries):
        raise ValueError(
            "half swapped: some of its classes carry pitch and these do not"
            + "".join(
                f"\n  - {entry.place} is {entry.row.upstream}: change it to "
                f"{entry.row.ours}"
                for entry in left
            )
        )


def _classes(document):
    """(place, dotted path, node) of each class in the file."""
    for key, node in document.walk():
        path = class_of(node)
        if path:
            yield f"`{key}` (line {document.line(node)})", path, node


def _missing(document, entries):
    """What pitch needs and the recipe has not."""
    present = {entry.row for entry in entries}
    included = [
        node.tag for _, node in document.walk() if node.tag.startswith("!include:")
    ]
    elsewhere = (
        f"; {', '.join(included)} was not looked into: entries must stand in one file"
        if included
        else ""
    )
    if FBANK not in present:
        raw = [
            f"{place} {path}"
            for place, path, _ in _classes(document)
            if path.startswith(RAW_WAVE_MODULES)
        ]
        found = f"; it works on raw waveforms by {', '.join(raw)}" if raw else ""
        yield (
            f"no entry is {FBANK.upstream}, beside whose mels pitch is tracked{found}: "
            "use a recipe with Fbank features; if train.py makes them, have it take "
            f"them from the yaml{elsewhere}"
        )
    if not present & set(TRANSFORMERS):
        yield (
            f"no entry is {' or '.join(row.upstream for row in TRANSFORMERS)}, whose "
            "encoder's attention listens to pitch: use a recipe with one of "
            f"them{elsewhere}"
        )
    elif FRONT_END not in present:
        yield (
            f"no entry is {FRONT_END.upstream}, which brings pitch to the frame rate "
            f"of the encoder: put one between features and encoder{elsewhere}"
        )


def _not_known(document, entries):
    """Classes that pitch would meet, of which it is not known what they do to it."""
    carriers = {id(entry.node): entry for entry in entries}
    of_features = (FBANK, NORMALIZE, AUGMENTER, FRONT_END)
    known = {row.upstream for row in SUBSTITUTES}
    for place, path, node in _classes(document):
        if path in known or path in HARMLESS:
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


def _augmenters(document, entries):
    """Augmenters of features that do something unknown to time."""
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


def _encoders(document, entries):
    """Encoders without attention that could listen."""
    for entry in entries:
        if entry.row not in TRANSFORMERS:
            continue
        layers = document.resolve(argument(entry.node, "num_encoder_layers"))
        if layers is not None and str(layers.value) == "0":
            yield (
                f"{entry.place} has num_encoder_layers: 0, so there is no attention "
                "that could listen: give it encoder layers"
            )
        module = document.resolve(argument(entry.node, "encoder_module"))
        if module is not None and module.value not in (*ENCODERS, ""):
            yield (
                f"{entry.place} has encoder_module: {module.value}: set it to "
                f"{', '.join(ENCODERS[:-1])} or {ENCODERS[-1]}"
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
        elif argument(entry.node, added) is not None:
            yield (
                f"{entry.place} has an argument {added}, unknown to "
                f"{entry.row.upstream}: delete it"
            )

"""Why a recipe may not be swapped, and what could be done about it."""

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
from speechbrain_pitchrope.swapping.document import argument, children
from speechbrain_pitchrope.swapping.installed import INSTALLED, missing
from speechbrain_pitchrope.swapping.recipe import domain

ENCODERS = ("transformer", "conformer", "branchformer")
ATTENTION_TYPES = ("RoPEMHA", "RelPosMHAXL", "regularMHA", "hypermixing")

FEATURE_MODULES = (
    "speechbrain.lobes.features.",
    "speechbrain.processing.features.",
)
"""Whatever is made from these works on features, and would meet the pitch channels."""

KNOWN = (
    *(row.upstream for row in SUBSTITUTES),
    "torch.nn.ModuleList",
    "torch.nn.ModuleDict",
    "speechbrain.nnet.containers.ModuleList",
    "speechbrain.nnet.containers.LengthsCapableSequential",
    "speechbrain.utils.checkpoints.Checkpointer",
    "speechbrain.utils.parameter_transfer.Pretrainer",
    "speechbrain_pitchrope.runs.checkpoints.AtomicCheckpointer",
)
"""Classes to swap, and those that hold modules and leave what passes them alone."""

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

_WIDTHS_IN = ("input_size", "in_features", "num_features", "in_channels", "0")
_WIDTHS_OUT = ("n_neurons", "out_features", "hidden_size", "out_channels", "1")


def check_swappable(recipe):
    """Refuse a recipe whose attention can't be swapped, with each reason and remedy."""
    left = [entry for entry in recipe.entries if not entry.swapped]
    if recipe.entries and not left:
        raise ValueError("swapped already: its classes carry pitch")
    if len(left) < len(recipe.entries):
        _refuse(
            "half swapped: some of its classes carry pitch and these do not",
            (f"{e.place} is {e.row.upstream}: change it to {e.row.ours}" for e in left),
        )
    _refuse(
        f"it can't be loaded with {INSTALLED}; it was written for another version "
        "(0.5 perhaps) or for a fork: port it first, then swap it",
        (*missing(recipe.document), *_strange_attention(recipe)),
    )
    checks = (_missing_parts, _strangers, _doubles, _augmenters, _encoders)
    _refuse(
        "it can't be swapped:", (reason for check in checks for reason in check(recipe))
    )


def _refuse(heading, reasons):
    """Raise ValueError if there are reasons."""
    lines = [f"\n  - {reason}" for reason in reasons]
    if lines:
        raise ValueError(heading + "".join(lines))


def _strange_attention(recipe):
    """Names of attention that no SpeechBrain has."""
    for entry in recipe.of(*TRANSFORMERS):
        kind = recipe.value(entry.node, "attention_type")
        if kind not in ATTENTION_TYPES and kind.isidentifier():
            yield (
                f"{entry.place} has attention_type: {kind}, which {entry.row.upstream} "
                f"does not know; it knows {', '.join(ATTENTION_TYPES)}"
            )


def _missing_parts(recipe):
    """What pitch needs and the recipe has not."""

    def those(test):
        return ", ".join(f"{e.place} {e.path}" for e in recipe.classes if test(e))

    raw = those(lambda entry: entry.path.startswith(RAW_WAVE_MODULES))
    bare = those(lambda entry: entry.path in BARE_ENCODERS)
    own = those(
        lambda entry: (
            not entry.path.startswith("speechbrain.")
            and ("TransformerASR" in entry.path or argument(entry.node, "tgt_vocab"))
        )
    )
    tags = [node.tag for _, node in recipe.document.walk()]
    included = ", ".join(tag for tag in tags if tag.startswith("!include:"))
    elsewhere = (
        f"; nothing in {included} is swapped: the classes to swap must stand in one "
        "file"
        if included
        else ""
    )
    if not recipe.of(FBANK):
        if raw:
            yield (
                f"{raw} reads the waveform itself and has no rotary attention: there "
                "is nothing to swap"
            )
            return
        yield (
            f"no entry is {FBANK.upstream}, beside whose mels pitch is tracked: use a "
            "recipe with Fbank features; if train.py makes them, have it take them "
            f"from the yaml{elsewhere}"
        )
    if recipe.of(*TRANSFORMERS):
        if not recipe.of(FRONT_END):
            yield (
                f"no entry is {FRONT_END.upstream}, which brings pitch to the frame "
                "rate of the encoder: put one between features and encoder"
                f"{elsewhere}"
            )
    elif own:
        yield (
            f"{own} is no class of SpeechBrain's: if it derives from TransformerASR or "
            f"TransformerST, derive it from {TRANSFORMER.ours} or PitchTransformerST, "
            "which take pitch_attention, and swap the other classes by hand"
        )
    elif bare:
        yield (
            f"{bare} stands without {TRANSFORMER.upstream} around it. A swap changes "
            "names of classes, and here the layer that projects features to the "
            "encoder's width would have to be wrapped as well: by hand, name the "
            "encoder of speechbrain_pitchrope.lobes.models.transformer.encoders, and "
            "put that layer into PitchProjection of the same module"
        )
    else:
        yield (
            f"no entry is {' or '.join(row.upstream for row in TRANSFORMERS)}: only "
            "their encoders have rotary attention; use a recipe with one of "
            f"them{elsewhere}"
        )


def _strangers(recipe):
    """A front end that is not used, and classes that pitch might not get through."""
    used = {e.row for e in recipe.entries if id(e.node) in recipe.trained}
    if used & set(TRANSFORMERS) and FRONT_END not in used:
        for entry in recipe.of(FRONT_END):
            yield (
                f"{entry.place} is in no module that is trained, so the encoder's "
                "input does not come from it and pitch would not arrive; if it "
                "comes from a pretrained model, there is nothing to swap"
            )
    widths = _widths(recipe)
    carriers = recipe.of(FBANK, NORMALIZE, AUGMENTER, FRONT_END)
    for entry in recipe.classes:
        if entry.path in KNOWN or id(entry.node) in recipe.aside:
            continue
        reached = recipe.reached(entry.node, through_classes=False)
        held = "`, `".join(e.key for e in carriers if id(e.node) in reached)
        if held or entry.path.startswith(FEATURE_MODULES):
            yield (
                f"{entry.place} is {entry.path}"
                f"{f', which holds `{held}`' if held else ''}: it is not known to let "
                "pitch through; take it out of the features' way, or swap by hand if "
                "it only passes them on"
            )
        width = _width(recipe, entry.node, _WIDTHS_IN)
        out = _width(recipe, entry.node, _WIDTHS_OUT)
        if (
            id(entry.node) in recipe.trained
            and width in widths
            and out in (None, width)
        ):
            yield (
                f"{entry.place} is {entry.path}, {width} channels wide as "
                f"{widths[width]}: with pitch behind them it would find more; take it "
                "out of the way, or swap by hand"
            )


def _widths(recipe):
    """{width: of what}, on the features' way; none that is the model's own width."""
    models = recipe.of(*TRANSFORMERS)
    fbanks = [e for e in recipe.classes if e.row is FBANK]
    found = {
        recipe.number(e.node, "input_size"): "the front end's output" for e in models
    }
    if len(fbanks) == 1:
        found[recipe.number(fbanks[0].node, "n_mels")] = "the features"
    own = {recipe.number(e.node, "d_model") for e in models} | {None}
    return {width: what for width, what in found.items() if width not in own}


def _width(recipe, node, names):
    """Channels that a module takes or gives, as far as its arguments tell."""
    shape = recipe.document.resolve(argument(node, "input_shape"))
    sizes = [recipe.number(node, name) for name in names]
    if names is _WIDTHS_IN:
        sizes += [recipe.number(shape, name) for name, _ in children(shape)[-1:]]
    return next((size for size in sizes if size is not None), None)


def _doubles(recipe):
    """Entries of which there must be one, and are several that can't be told apart."""
    for row in (FBANK, QUANTIZER):
        if len(recipe.of(row)) > 1:
            yield (
                f"{', '.join(entry.place for entry in recipe.of(row))} are all "
                f"{row.upstream}: which one belongs to the encoder is not known; call "
                f"it `{row.entry}` or swap by hand"
            )


def _augmenters(recipe):
    """Augmentations of features that do something unknown to pitch."""
    for entry in recipe.of(AUGMENTER):
        for _, path in recipe.augmentations(entry.node):
            if domain(path) in ("waves", "unknown"):
                yield (
                    f"{entry.place} augments features by {path}, of which it is not "
                    "known what it does to pitch: keep to SpectrogramDrop, Warping and "
                    "RandomShift there, or name the entry wav_augment if it works on "
                    "waveforms"
                )
    for entry in recipe.unlisted():
        if id(entry.node) in recipe.trained:
            where = "outside of an Augmenter: put it into one"
            yield f"{entry.place} is {entry.path} {where}"


def _encoders(recipe):
    """Encoders whose attention can't be rotary."""
    for entry in recipe.of(*TRANSFORMERS):
        layers, width, heads = (
            recipe.number(entry.node, name)
            for name in ("num_encoder_layers", "d_model", "nhead")
        )
        module = recipe.value(entry.node, "encoder_module")
        if layers == 0:
            yield (
                f"{entry.place} has num_encoder_layers: 0, so there is no attention "
                "to swap: give it encoder layers"
            )
        if module not in (*ENCODERS, ""):
            yield (
                f"{entry.place} has encoder_module: {module}: set it to "
                f"{', '.join(ENCODERS[:-1])} or {ENCODERS[-1]}"
            )
        if width and heads and width % (2 * heads):
            yield (
                f"{entry.place} has d_model: {width} and nhead: {heads}: rotary "
                "attention turns pairs of channels, so d_model / nhead must be an even "
                "number"
            )

"""Running a swapped recipe once, from audio to gradients, as its training would.

What stands between audio and the encoder's output is built, with what it refers to: no
tokenizer, no language model, no search, nothing that is downloaded.
"""

import io
import math
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.lobes.models.BESTRQ import compute_mask
from speechbrain.lobes.models.transformer.TransformerASR import EncoderWrapper
from speechbrain.utils.dynamic_chunk_training import (
    DynChunkTrainConfig,
    DynChunkTrainConfigRandomSampler,
)

from speechbrain_pitchrope.names import (
    AUGMENTER,
    FBANK,
    FRONT_END,
    NORMALIZE,
    QUANTIZER,
    STREAMING,
    TRANSFORMERS,
)
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.parameter_transfer import OURS
from speechbrain_pitchrope.swapping.document import class_of, parse
from speechbrain_pitchrope.swapping.recipe import find_entries

SECONDS = 3.0
"""Length of the utterances; SpecAugment may drop a second at once."""

CHUNK_FRAMES = 16
"""Of the encoder, in a chunk of samples for streaming."""

SILENT_AT_START = ("similarity_bandwidth",)
"""Scales a weight that starts at zero: so its first gradient is zero."""

MASKING = {
    **{"mask_prob": 0.15, "mask_length": 4, "noise_mean": 0.0, "noise_std": 0.1},
    "pad_to_divisible_by": 4,
}
"""Keys of BEST-RQ's recipes, with the values that they have upstream."""


class Parts(NamedTuple):
    """What features pass in a recipe: objects, or None where it has none."""

    features: Any
    normalize: Any
    augmenter: Any
    quantizer: Any
    front_end: Any
    transformer: Any
    wrapper: EncoderWrapper | None
    chunks: DynChunkTrainConfigRandomSampler | None
    extractor: Any
    masking: dict


def check(text, folder=None):
    """Build a swapped recipe's way from audio to encoder, and run it both ways.

    This runs code: all that the entries of our classes, and what they refer to, name in
    the yaml. Recipes differ in whether they normalise or augment first, of which the
    yaml does not tell: both orders are run. Where there is BEST-RQ's quantiser, frames
    are stacked, quantised and masked by noise. Where there are dynamic chunks, one more
    pass is in chunks; where features are extracted for streaming, they are as well. Of
    several objects of one class, each is run. Augmentation of waveforms is left out, as
    pitch is tracked after it.

    Returns what was run, with shapes and numbers of parameters. A ValueError says what
    is missing, can't be built or run, gives numbers that are not finite, or that pitch
    does not reach a parameter that should learn from it.
    """
    needed = needed_yaml(text, folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        with _doing("building the model"):
            ways = list(build(needed, folder))
        lines = []
        for parts in ways:
            # A layer that is dropped would get no gradient.
            parts.transformer.encoder.layerdrop_prob = 0.0
            lines += [_run(parts, *settings) for settings in _passes(parts)]
            if parts.extractor is not None:
                lines.append(_stream(parts))
    for parts in ways:
        lines += [line for line in _check_gradients(parts) if line not in lines]
    return lines


def needed_yaml(text, folder=None):
    """The part of a swapped yaml that ``build`` needs, without !PLACEHOLDERs."""
    document = parse(text, folder)
    wanted = [entry.key for entry in find_entries(document)]
    also = {_path(cls) for cls in (EncoderWrapper, DynChunkTrainConfigRandomSampler)}
    wanted += [key for key, node in document.walk() if class_of(node) in also]
    needed = document.excerpt(key.split("[")[0] for key in (*wanted, *MASKING))
    for key, node in parse(needed, folder).walk():
        if node.tag == "!PLACEHOLDER":
            raise ValueError(
                f"the model needs `{key}`, which is !PLACEHOLDER: give it a value in "
                "the yaml, or leave --check out"
            )
    return needed


def build(text, folder=None):
    """Yield ``Parts``, as SpeechBrain would build them, until each object is in one."""
    stream = io.StringIO(text)
    if folder is not None:
        stream.name = str(folder / "recipe.yaml")  # what is included stands beside it
    hparams = load_hyperpyyaml(stream)
    built = {}
    for part in _objects(hparams):
        same = built.setdefault(_path(type(part)), [])
        if not any(part is other for other in same):
            same.append(part)

    def of(*rows):
        return [part for row in rows for part in built.get(row.ours, [])]

    lists = [of(r) for r in (FBANK, NORMALIZE, AUGMENTER, QUANTIZER, FRONT_END)]
    transformers = of(*TRANSFORMERS)
    for rows, found in (
        ((FBANK,), lists[0]),
        ((FRONT_END,), lists[4]),
        (TRANSFORMERS, transformers),
    ):
        if not found:
            names = " or ".join(row.ours for row in rows)
            raise ValueError(f"no {names} is built: name it by !new:, not by !name:")
    samplers = built.get(_path(DynChunkTrainConfigRandomSampler), [])
    wrappers = built.get(_path(EncoderWrapper), [])
    masking = {name: hparams.get(name, usual) for name, usual in MASKING.items()}
    lists += [transformers, samplers, of(STREAMING)]
    for i in range(max(map(len, lists))):
        *chosen, model, sampler, extractor = (
            (found[min(i, len(found) - 1)] if found else None) for found in lists
        )
        wrapper = next((w for w in wrappers if w.transformer is model), None)
        yield Parts(*chosen, model, wrapper, sampler, extractor, masking)


def _path(cls):
    """Where a class is defined, as a yaml names it."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _objects(value):
    """All objects in what load_hyperpyyaml returned."""
    yield value
    inner = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, (list, tuple)):
        inner = value
    elif isinstance(value, torch.nn.Module):
        inner = value.children()
    for part in inner:
        yield from _objects(part)


@contextmanager
def _doing(what):
    """Say what was being done when something failed, whatever it was."""
    try:
        yield
    except Exception as error:  # a yaml may name any class, with any fault
        raise ValueError(
            f"the check failed at {what}: {type(error).__name__}: "
            f"{' '.join(str(error).split())}"
        ) from error


def _passes(parts):
    """(augment_first, in_chunks) of each pass."""
    yield False, False
    if parts.augmenter is not None and parts.normalize is not None:
        yield True, False
    if parts.chunks is not None:
        yield True, True


class _Trace:
    """What was run in a pass, and the shape of what came out each time."""

    def __init__(self, start):
        self.steps = [start]

    def run(self, function, *args, name=None, **kwargs):
        """Run one step; it is called after its class if it has no other name."""
        name = name or type(function).__name__
        with _doing(name):
            out = function(*args, **kwargs)
            first = out[0] if isinstance(out, tuple) else out
            if not first.isfinite().all():
                raise ValueError("its output has NaN or infinite numbers")
        self.steps.append(f"{name} {list(first.shape)}")
        return out


def _run(parts, augment_first, in_chunks):
    """One pass forward and backward; gradients add up. Returns what it was."""
    wavs, lengths = voices(_batch_size(parts), parts.features.compute_STFT.sample_rate)
    trace = _Trace(f"audio of {len(wavs)} x {SECONDS:g} s")
    x = trace.run(parts.features, wavs)
    for augments in (True, False) if augment_first else (False, True):
        if augments and parts.augmenter is not None:
            parts.augmenter.augment_prob = 1.0
            x, lengths = trace.run(parts.augmenter, x, lengths)
        if not augments and parts.normalize is not None:
            x = trace.run(parts.normalize, x, lengths, epoch=1)
    if parts.quantizer is not None:
        x = _quantise_and_mask(parts, x, lengths, trace)
    src = trace.run(parts.front_end, x)
    out = _encode(parts, src, lengths, in_chunks, trace)
    with _doing("the backward pass"):
        # In a random direction: the norm of a layer-normalised frame has no gradient.
        (out * torch.randn_like(out)).mean().backward()
    return " > ".join(trace.steps)


def _quantise_and_mask(parts, x, lengths, trace):
    """What BEST-RQ does between features and front end."""
    stacked, length = (
        parts.masking[name] for name in ("pad_to_divisible_by", "mask_length")
    )
    x = torch.nn.functional.pad(x, (0, 0, -x.shape[1] % stacked, 0))
    trace.run(parts.quantizer, x.unflatten(1, (-1, stacked)).flatten(2))
    present = (lengths * x.shape[1]).long().tolist()
    masked = compute_mask(x.shape, present, parts.masking["mask_prob"], length)
    noise = torch.randn(len(x), len(masked), x.shape[2])
    x = x.clone()
    x[:, masked] = parts.masking["noise_mean"] + parts.masking["noise_std"] * noise
    return x


def _encode(parts, src, lengths, in_chunks, trace):
    """The encoder's output, in full context or in chunks as the recipe trains them."""
    encode = parts.transformer.encode if parts.wrapper is None else parts.wrapper
    chunks, name = None, "encoder"
    if in_chunks:
        size, left = parts.chunks.chunk_size_min, parts.chunks.left_context_chunks_min
        chunks, name = DynChunkTrainConfig(size, left), f"encoder in chunks of {size}"
    out = trace.run(encode, src, lengths, dynchunktrain_config=chunks, name=name)
    return out[0] if isinstance(out, tuple) else out


@torch.no_grad()
def _stream(parts):
    """Features and front end for one voice, chunk by chunk. Returns what it was."""
    wavs, _ = voices(1, parts.features.compute_STFT.sample_rate)
    size = CHUNK_FRAMES * parts.extractor.get_filter_properties().stride
    trace = _Trace(f"audio of 1 x {SECONDS:g} s in chunks of {size} samples")
    context = parts.extractor.make_streaming_context()
    chunks = wavs.split(size, 1)

    def extract():
        return torch.cat([parts.extractor(chunk, context) for chunk in chunks], 1)

    trace.run(extract, name=type(parts.extractor).__name__)
    return " > ".join(trace.steps)


def _batch_size(parts):
    """Two utterances, or as many as an augmenter needs that begins further behind."""
    return max(2, 2 * getattr(parts.augmenter, "augment_start_index", 0))


def voices(n, sample_rate):
    """Buzzing voices between low and high, with gaps of faint noise, every other short.

    Samples in -1 .. 1, shape [n, SECONDS * sample_rate], and relative lengths, [n].
    """
    time = torch.arange(int(SECONDS * sample_rate)) / sample_rate
    middle = torch.logspace(math.log10(90), math.log10(260), n)[:, None]
    f0_hz = middle * torch.exp2(0.25 * torch.sin(2 * math.pi * 1.5 * time))
    phase = 2 * math.pi * f0_hz.cumsum(1) / sample_rate
    buzz = sum(torch.sin(k * phase) / k for k in range(1, 11))
    spoken = time % 1 < 0.7
    lengths = torch.tensor([1.0, 0.75]).repeat(math.ceil(n / 2))[:n]
    inside = time < SECONDS * lengths[:, None]
    return (0.1 * buzz * spoken + 1e-3 * torch.randn_like(buzz)) * inside, lengths


def _check_gradients(parts):
    """What was counted; refuses gradients that are not finite, or missing."""
    encoder = parts.transformer.encoder
    ours = {
        name: parameter
        for name, parameter in encoder.named_parameters()
        if not OURS.isdisjoint(name.split("."))
    }
    for name, parameter in parts.transformer.named_parameters():
        if parameter.grad is not None and not parameter.grad.isfinite().all():
            raise ValueError(f"the check failed: the gradient of {name} is not finite")
    reached = set()
    for name, parameter in ours.items():
        kind = name.rpartition(".")[2]
        if parameter.grad is not None and parameter.grad.any():
            reached.add(kind)
        elif (
            encoder.control == "none"
            and kind in PitchRoPEMHA.PITCH_PARAMETERS
            and kind not in SILENT_AT_START
        ):
            raise ValueError(
                f"the check failed: no gradient reaches encoder.{name}, so it would "
                "not learn from pitch"
            )
    n_all = sum(
        parameter.numel()
        for module in (parts.front_end, parts.transformer)
        for parameter in module.parameters()
    )
    n_ours = sum(parameter.numel() for parameter in ours.values())
    yield f"{n_all:,} parameters in front end and transformer, {n_ours:,} for pitch"
    if reached:
        yield f"gradients are finite and reach {', '.join(sorted(reached))}"
    else:
        yield "gradients are finite; this variant has no parameters for pitch"

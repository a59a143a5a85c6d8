"""Running a swapped recipe once, from audio to gradients.

What stands between audio and the encoder's output is built, with what it refers to: no
tokenizer, no language model, no search, nothing that is downloaded.
"""

import io
import math
from contextlib import contextmanager

import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope import inband
from speechbrain_pitchrope.names import (
    AUGMENTER,
    FBANK,
    FRONT_END,
    NORMALIZE,
    QUANTIZER,
    SUBSTITUTES,
    TRANSFORMER,
    TRANSLATOR,
)
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.parameter_transfer import OURS
from speechbrain_pitchrope.swapping.document import children
from speechbrain_pitchrope.swapping.recipe import Recipe

SECONDS = 3.0
"""Length of the utterances; SpecAugment may drop a second at once."""

SILENT_AT_START = ("similarity_bandwidth",)
"""Scales a weight that starts at zero: so its first gradient is zero."""


def check(text, folder=None):
    """Build a swapped recipe's way from audio to encoder, and run it both ways.

    This runs code: all that the entries of our classes, and what they refer to, name in
    the yaml. Of several objects of one class, each is run. Augmentation of waveforms is
    left out, as pitch is tracked after it.

    Returns what was run, with shapes and numbers of parameters. A ValueError says what
    is missing, can't be built or run, gives numbers that are not finite, or that pitch
    does not reach a parameter that should learn from it.
    """
    lines = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = build(text, folder)
        for i in range(max(map(len, built.values()))):
            parts = {row: found[min(i, len(found) - 1)] for row, found in built.items()}
            told = [_run(parts), *_check_gradients(parts)]
            lines += [line for line in told if line not in lines]
    return lines


def build(text, folder=None):
    """{row: objects of its class}, as SpeechBrain builds them, and nothing else.

    Transformers of either kind stand under ``TRANSFORMER``.
    """
    recipe = Recipe(text, folder)
    needed = recipe.document.needed_by(entry.keys[0] for entry in recipe.entries)
    others = {key for key, _ in children(recipe.document.root)} - needed
    stream = io.StringIO(text)
    if folder is not None:
        stream.name = str(folder / "recipe.yaml")  # what is included stands beside it
    with _doing("building the model"):
        hparams = load_hyperpyyaml(stream, dict.fromkeys(others - {"<<"}))
    rows = {row.ours: row for row in SUBSTITUTES}
    rows[TRANSLATOR.ours] = TRANSFORMER
    built, seen = {}, set()
    for part in _objects(hparams):
        row = rows.get(f"{type(part).__module__}.{type(part).__qualname__}")
        if row and id(part) not in seen:
            seen.add(id(part))
            built.setdefault(row, []).append(part)
    for row in (FBANK, FRONT_END, TRANSFORMER):
        if row not in built:
            raise ValueError(f"no {row.ours} is built: name it by !new:, not by !name:")
    return built


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


def _run(parts):
    """One pass forward and backward. Returns its steps, with the shape after each."""
    fbank, augmenter = parts[FBANK], parts.get(AUGMENTER)
    transformer = parts[TRANSFORMER]
    transformer.encoder.layerdrop_prob = 0.0  # a layer left out would get no gradient
    # An augmenter may leave the first utterances as they are.
    n = max(2, 2 * getattr(augmenter, "augment_start_index", 0))
    x, lengths = voices(n, fbank.compute_STFT.sample_rate)
    steps = [f"audio of {n} x {SECONDS:g} s"]

    def run(function, *args, name=None, **kwargs):
        name = name or type(function).__name__
        with _doing(name):
            out = function(*args, **kwargs)
            first = out[0] if isinstance(out, tuple) else out
            if not first.isfinite().all():
                raise ValueError("its output has NaN or infinite numbers")
        steps.append(f"{name} {list(first.shape)}")
        return out

    x = run(fbank, x)
    if NORMALIZE in parts:
        x = run(parts[NORMALIZE], x, lengths, epoch=1)
    if augmenter is not None:
        augmenter.augment_prob = 1.0
        x, lengths = run(augmenter, x, lengths)
    if QUANTIZER in parts:
        quantizer = parts[QUANTIZER]
        stacked = max(1, quantizer.input_dim // (x.shape[2] - inband.N_CHANNELS))
        padded = torch.nn.functional.pad(x, (0, 0, 0, -x.shape[1] % stacked))
        run(quantizer, padded.unflatten(1, (-1, stacked)).flatten(2))
    x = run(parts[FRONT_END], x)
    x = run(transformer.encode, x, lengths, name="encoder")
    with _doing("the backward pass"):
        # In a random direction: the norm of a layer-normalised frame has no gradient.
        (x * torch.randn_like(x)).mean().backward()
    return " > ".join(steps)


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
    transformer = parts[TRANSFORMER]
    for name, parameter in transformer.named_parameters():
        if parameter.grad is not None and not parameter.grad.isfinite().all():
            raise ValueError(f"the check failed: the gradient of {name} is not finite")
    encoder = transformer.encoder
    reached, n_ours = set(), 0
    for name, parameter in encoder.named_parameters():
        if OURS.isdisjoint(name.split(".")):
            continue
        n_ours += parameter.numel()
        kind = name.rpartition(".")[2]
        learns = kind in PitchRoPEMHA.PITCH_PARAMETERS and kind not in SILENT_AT_START
        if parameter.grad is not None and parameter.grad.any():
            reached.add(kind)
        elif encoder.control == "none" and learns:
            raise ValueError(
                f"the check failed: no gradient reaches encoder.{name}, so it would "
                "not learn from pitch"
            )
    modules = (parts[FRONT_END], transformer)
    n_all = sum(p.numel() for module in modules for p in module.parameters())
    yield f"{n_all:,} parameters in front end and transformer, {n_ours:,} for pitch"
    if reached:
        yield f"gradients are finite and reach {', '.join(sorted(reached))}"
    else:
        yield "gradients are finite; this variant has no parameters for pitch"

"""Running a swapped recipe once, from audio to gradients.

What stands between audio and the encoder's output is built, with what it refers to: no
tokenizer, no language model, no search, nothing that is downloaded.
"""

import io
import math
from contextlib import contextmanager

import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_pitchrope import inband, names
from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.nnet.parameter_transfer import OURS
from speechbrain_pitchrope.swapping.recipe import Recipe

SECONDS = 3.0  # SpecAugment may drop a second at once
LEARNS_LATER = "similarity_bandwidth"  # its weight starts at zero, and so its gradient


def check(text, folder=None):
    """Build a swapped recipe's way from audio to encoder, and run it both ways.

    This runs code: all that the entries of our classes, and what they refer to, name in
    the yaml. Of several objects of one class, each is run. Augmentation of waveforms is
    left out, as pitch is tracked after it. Returns what was run, with shapes and
    numbers of parameters; a ValueError says what failed, or that pitch does not reach a
    parameter that should learn from it.
    """
    lines = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = build(text, folder)
        for i in range(max(map(len, built.values()))):
            parts = {row: found[min(i, len(found) - 1)] for row, found in built.items()}
            lines += [_run(parts), *_check_gradients(parts)]
    return list(dict.fromkeys(lines))


def build(text, folder=None):
    """{row: objects of its class}; either kind of transformer is ``TRANSFORMER``."""
    recipe = Recipe(text, folder)
    stream = io.StringIO(text)
    if folder is not None:
        stream.name = str(folder / "recipe.yaml")  # what is included stands beside it
    with _doing("building the model"):
        hparams = load_hyperpyyaml(stream, dict.fromkeys(recipe.not_needed()))
    rows = {row.ours: row for row in names.SUBSTITUTES}
    rows[names.TRANSLATOR.ours] = names.TRANSFORMER
    built = {}
    for part in {id(part): part for part in _objects(hparams)}.values():
        row = rows.get(f"{type(part).__module__}.{type(part).__qualname__}")
        if row:
            built.setdefault(row, []).append(part)
    for row in (names.FBANK, names.FRONT_END, names.TRANSFORMER):
        if row not in built:
            raise ValueError(f"no {row.ours} is built: name it by !new:, not by !name:")
    return built


def _objects(value):
    """All objects in what load_hyperpyyaml returned."""
    yield value
    if isinstance(value, torch.nn.Module):
        yield from value.modules()
    elif isinstance(value, (dict, list, tuple)):
        for part in value.values() if isinstance(value, dict) else value:
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
    fbank, augmenter = parts[names.FBANK], parts.get(names.AUGMENTER)
    transformer, quantizer = parts[names.TRANSFORMER], parts.get(names.QUANTIZER)
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
    if names.NORMALIZE in parts:
        x = run(parts[names.NORMALIZE], x, lengths, epoch=1)
    if augmenter is not None:
        augmenter.augment_prob = 1.0
        x, lengths = run(augmenter, x, lengths)
    if quantizer is not None:
        stacked = max(1, quantizer.input_dim // (x.shape[2] - inband.N_CHANNELS))
        padded = torch.nn.functional.pad(x, (0, 0, 0, -x.shape[1] % stacked))
        run(quantizer, padded.unflatten(1, (-1, stacked)).flatten(2))
    x = run(parts[names.FRONT_END], x)
    x = run(transformer.encode, x, lengths, name="encoder")
    with _doing("the backward pass"):
        # In a random direction: the norm of a layer-normalised frame has no gradient.
        (x * torch.randn_like(x)).mean().backward()
    return " > ".join(steps)


def voices(n, sample_rate):
    """Buzzing voices with gaps, samples [n, N] and relative lengths [n]."""
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
    front_end, transformer = parts[names.FRONT_END], parts[names.TRANSFORMER]
    reached, n_ours = set(), 0
    controlled = transformer.encoder.control != "none"
    learning = {*PitchRoPEMHA.PITCH_PARAMETERS} - {LEARNS_LATER}
    for name, parameter in transformer.named_parameters():
        kind, gradient = name.rpartition(".")[2], parameter.grad
        if gradient is not None and not gradient.isfinite().all():
            raise ValueError(f"the check failed: the gradient of {name} is not finite")
        if OURS.isdisjoint(name.split(".")):
            continue
        n_ours += parameter.numel()
        if gradient is not None and gradient.any():
            reached.add(next(x for x in name.split(".") if x in OURS))
        elif kind in learning and not controlled:
            raise ValueError(
                f"the check failed: no gradient reaches {name}, so it would not learn "
                "from pitch"
            )
    modules = torch.nn.ModuleList([front_end, transformer])
    n_all = sum(parameter.numel() for parameter in modules.parameters())
    yield f"{n_all:,} parameters in front end and transformer, {n_ours:,} for pitch"
    if reached:
        yield f"gradients are finite and reach {', '.join(sorted(reached))}"
    else:
        yield "gradients are finite; this variant has no parameters for pitch"

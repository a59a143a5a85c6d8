"""Whether attention is right on the device; for gpu.py."""

import copy
from functools import partial

import torch
from speechbrain.nnet.attention import RoPEMHA
from timing import print_table

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.variants import load_variant
from tests import reference
from tests.signals import pitch_channels

EMBED_DIM, NUM_HEADS = 144, 4
FRAMES = (60, 41, 1)  # of the utterances of a batch


def correctness(job):
    """Parity with RoPEMHA, the reference, precision, padding and compilation."""
    rows = []
    for what, (bar, differ) in CHECKS.items():
        found = job.attempt(what, partial(differ, job))
        fine = not isinstance(found, str) and found <= bar
        shown = found if isinstance(found, str) else f"{found:.1e}"
        rows.append((what, shown, f"{bar:.0e}", "ok" if fine else "**wrong**"))
    print("\nnorm of the error over the norm, of the output or of one gradient\n")
    print_table(("what", "largest difference", "at most", ""), rows)
    job.print_notes()
    return all(row[-1] == "ok" for row in rows)


def difference(found, expected):
    """Norm of the error over that of what is expected, the largest of several."""
    found, expected = ([x.cpu().double() for x in each] for each in (found, expected))
    return max(
        ((x - y).norm() / y.norm().clamp(min=1e-9)).item()
        for x, y in zip(found, expected, strict=True)
    )


def frames(job, dtype=torch.float32):
    """Frames, pitch and padding."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, FRAMES[0], EMBED_DIM, generator=generator, dtype=dtype)
    pitch = pitch_channels(3, FRAMES[0], dtype=dtype)
    padding = torch.arange(FRAMES[0]) >= torch.tensor(FRAMES)[:, None]
    return [each.to(job.device) for each in (x, pitch, padding)]


def trained(job, variant="all", dtype=torch.float32):
    """A module whose parameters have moved away from zero."""
    torch.manual_seed(0)
    net = PitchRoPEMHA(EMBED_DIM, NUM_HEADS, **load_variant(variant))
    for name, parameter in net.named_parameters():
        if name.startswith(("theta", "similarity", "radius")):
            std = 0.1 if name == "theta_offset" else 0.5
            torch.nn.init.normal_(parameter, std=std)
    return net.to(job.device, dtype)


def outcome(net, call, x, pitch, padding, half=False):
    """Output, and the gradients to x, pitch and parameters."""
    x, pitch = x.clone().requires_grad_(), pitch.clone().requires_grad_()
    with torch.autocast(x.device.type, torch.bfloat16, enabled=half):
        out = call(x, pitch, padding)
    return reference.with_gradients(out, [x, pitch, *net.parameters()])


def call_of(net):
    """``net`` as a function of frames, pitch and padding."""
    return lambda x, pitch, padding: net(
        x, x, x, pos_embs=pitch, key_padding_mask=padding
    )[0]


def parity(job):
    """A new module beside RoPEMHA."""
    torch.manual_seed(0)
    upstream = RoPEMHA(EMBED_DIM, NUM_HEADS)
    ours = PitchRoPEMHA(EMBED_DIM, NUM_HEADS, **load_variant("all"))
    ours.load_state_dict(upstream.state_dict(), strict=False)
    x, pitch, padding = frames(job)
    found = []
    for net, pos_embs in ((ours, pitch), (upstream, None)):
        net.to(job.device)
        own = x.clone().requires_grad_()
        out, _ = net(own, own, own, pos_embs=pos_embs, key_padding_mask=padding)
        shared = [own, net.in_proj_weight, *net.out_proj.parameters()]
        found.append(reference.with_gradients(out, shared))
    return difference(*found)


def beside_reference(job, variant="all", dtype=torch.float32, half=False):
    """The fast path beside the float64 reference on the CPU."""
    net, given = trained(job, variant, dtype), frames(job, dtype)
    found = outcome(net, call_of(net), *given, half=half)
    exact = copy.deepcopy(net).cpu().double()
    x, pitch, padding = (each.cpu() for each in given)
    call = partial(reference.attend, exact)
    return difference(found, outcome(exact, call, x.double(), pitch.double(), padding))


def half_beside_single(job):
    """bf16 by autocast beside fp32."""
    net, given = trained(job), frames(job)
    return difference(
        *(outcome(net, call_of(net), *given, half=half) for half in (True, False))
    )


def compiled_beside_eager(job):
    """A compiled module beside itself."""
    net, given = trained(job), frames(job)
    calls = job.compile(call_of(net)), call_of(net)
    return difference(*(outcome(net, call, *given) for call in calls))


def padding_invariance(job):
    """A padded batch beside its utterances."""
    call, (x, pitch, padding) = call_of(trained(job)), frames(job)
    together = call(x, pitch, padding)
    rows = [(i, slice(None, length)) for i, length in enumerate(FRAMES)]
    return difference(
        [together[i, own] for i, own in rows],
        [call(x[i, own][None], pitch[i, own][None], None)[0] for i, own in rows],
    )


CHECKS = {
    "starts as RoPEMHA, fp32": (1e-5, parity),
    "`all` beside the reference, fp64": (
        1e-9,
        partial(beside_reference, dtype=torch.float64),
    ),
    "`phase_gaussian` beside the reference, fp64": (
        1e-9,
        partial(beside_reference, variant="phase_gaussian", dtype=torch.float64),
    ),
    "`all` beside the reference, fp32": (5e-4, beside_reference),
    "`all` beside the reference, bf16": (0.1, partial(beside_reference, half=True)),
    "bf16 beside fp32": (0.1, half_beside_single),
    "a padded batch beside its utterances, fp32": (1e-5, padding_invariance),
    "compiled beside eager, fp32": (5e-4, compiled_beside_eager),
}
"""What is compared, the largest difference that is right, and the function."""

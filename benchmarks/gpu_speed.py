"""Time and memory on a GPU: attention, training steps, features; for gpu.py.

Each section is a function of a Job that prints its tables.
"""

import re
from functools import partial
from itertools import cycle, islice

import attention as attentions
import torch
import training_step as steps
from gpu_job import NO_MEMORY, NOT_MEASURED, RECIPES, release
from timing import median_seconds, peak_mib, print_table

from speechbrain_pitchrope.inband import CHECKED_BATCHES

BASELINE, OURS = attentions.BASELINE, "ours, all"
PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}
ATTENTIONS = {
    BASELINE: {"attention_type": BASELINE},
    OURS: {"variant": "all"},
    "RelPosMHAXL": {"attention_type": "RelPosMHAXL"},
    "ours, rope": {"variant": "rope"},
}
"""What ``training_step.load`` is given; the first ones matter most."""

ATTENTION_BAR = "attention of `all` over RoPEMHA's, T from 500 on"
SHORT_ATTENTION_BAR = "attention of `all` over RoPEMHA's, T below 500"
STEP_BARS = {f"training step of `all` over {x}'s": x for x in steps.UPSTREAM}
STEP_HEAD = (
    *("attention", "seconds", "audio hours a minute", "MiB"),
    *(f"over {x}'s" for x in steps.UPSTREAM),
)
FEATURES_BAR = "PitchFbank's share of a training step"
BARS = {
    ATTENTION_BAR: 1.0,
    SHORT_ATTENTION_BAR: 1.05,
    **dict(zip(STEP_BARS, (1.02, 0.9), strict=True)),
    FEATURES_BAR: 0.05,
}
KERNELS = {
    "cudnn": r"cudnn.*(attention|sdpa|flash)",
    "flash": r"flash",
    "efficient": r"fmha|efficient_attention",
    "math": r"softmax|attention_math",
}
"""What is in the names of operators and kernels; the first that is found counts."""

COMPILE_SECONDS = 45
"""What must be left where the compilation of a training step begins."""


def print_bars(job):
    """The table of what was to be reached."""
    rows = []
    for bar, limit in BARS.items():
        figure, where = job.worst.get(bar, ("", ""))
        verdict = NOT_MEASURED if where == "" else ("no", "yes")[figure <= limit]
        rows.append((bar, limit, figure, where, verdict))
    print("\n## bars\n")
    print_table(("what", "at most", "largest", "where", "reached"), rows)


def warm_peak(run, device, n_warm):
    """Peak memory in MiB of a call that is not one of the first."""
    for _ in range(n_warm):
        run()
    return peak_mib(run, device)


def costs(job, runs, calls=1, n_warm=1, needed=0):
    """Seconds and MiB of each run, all taking turns; or, as a str, why there are none.

    A run is begun only while ``needed`` seconds are left, by ``n_warm`` calls that may
    compile.
    """
    found = {}
    for name, run in runs.items():
        if job.left() <= needed:
            found[name] = NOT_MEASURED
            continue
        warm = partial(warm_peak, run, job.device, n_warm)
        found[name] = job.attempt(name, warm)
        release()
    work = {name: run for name, run in runs.items() if isinstance(found[name], float)}
    seconds = median_seconds(work, job.sizes.turns, job.device, calls)
    return found | {name: (x, found[name]) for name, x in seconds.items()}


def ratio(found, name, other):
    """Time of one over another's, None where one has none."""
    pair = found[name], found.get(other, NOT_MEASURED)
    return None if str in map(type, pair) else pair[0][0] / pair[1][0]


def attention(job):
    """Forward and backward of attention alone."""
    for compiled in (False, True):
        for precision, dtype in PRECISIONS.items():
            how = "compiled" if compiled else "eager"
            print(f"\n{how}, {precision}: time over eager RoPEMHA's, ms, MiB\n")
            rows = []
            for size in job.sizes.heads:
                calls = attention_calls(job, size, compiled)
                measured, kernels = measure_attention(job, size, calls, dtype)
                rows += [
                    (size, name, *(cell(x, name) for x in measured.values()), kernel)
                    for name, kernel in kernels.items()
                ]
                if not compiled:
                    judge_attention(job, measured, f"{precision}, {size}")
            lengths = [f"T = {n_frames}" for n_frames in job.sizes.n_frames]
            print_table(("size", "module", *lengths, "kernel"), rows)
            job.print_notes()


def attention_calls(job, size, compiled):
    """Modules as functions; compiled ones beside RoPEMHA as it is."""
    torch.compiler.reset()
    calls = attentions.make_calls(
        *job.sizes.heads[size], device=job.device, variants=("rope", "all")
    )
    if not compiled:
        return calls
    others = {f"{x}, compiled": job.compile(calls[x]) for x in reversed(calls)}
    return {BASELINE: calls[BASELINE], **others}  # ours first: time may run out


def measure_attention(job, size, calls, dtype):
    """{T: costs}, and {module: kernel}."""
    embed_dim, _ = job.sizes.heads[size]
    measured, kernels = {}, dict.fromkeys(calls, NOT_MEASURED)
    for n_frames in job.sizes.n_frames:
        shape = job.sizes.n_batch, n_frames, embed_dim
        batch = attentions.make_batch(*shape, job.device)
        runs = {
            name: attentions.forward_backward(call, batch, dtype)
            for name, call in calls.items()
        }
        n_calls = max(1, max(job.sizes.n_frames) // n_frames)
        found = measured[n_frames] = costs(job, runs, n_calls)
        for name, kernel in kernels.items():
            if kernel == NOT_MEASURED and not isinstance(found[name], str):
                kernels[name] = kernel_of(runs[name])
    return measured, kernels


def cell(found, name):
    """Ratio, milliseconds and MiB, or why there are none."""
    if isinstance(found[name], str):
        return found[name]
    seconds, mib = found[name]
    over = ratio(found, name, BASELINE)
    times = "" if over is None else f"{over:.2f}, "
    return f"{times}{1000 * seconds:.2f}, {mib:.0f}"


def judge_attention(job, measured, where):
    """Hold ``all`` to its bars."""
    for n_frames, found in measured.items():
        bar = ATTENTION_BAR if n_frames >= 500 else SHORT_ATTENTION_BAR
        job.judge(bar, ratio(found, OURS, BASELINE), f"{where}, T = {n_frames}")


def kernel_of(run):
    """Which attention kernel ran, from the names of all that did."""
    with torch.profiler.profile() as profile:
        run()
    return classify([event.key for event in profile.key_averages()])


def classify(names):
    """Which attention kernel is among these operators and kernels."""
    text = "\n".join(names).lower()
    for kernel, pattern in KERNELS.items():
        if re.search(pattern, text):
            return kernel
    return "unknown"


def training_step(job):
    """A step of each recipe, with each attention."""
    for compiled in (False, True):
        for name in job.sizes.compiled_recipes if compiled else RECIPES:
            how = "its transformer compiled" if compiled else "eager"
            if job.left() <= COMPILE_SECONDS * compiled:
                print(f"\n{name}, bf16, {how}: {NOT_MEASURED}, for lack of time")
                continue
            found, seconds = measure_steps(job, name, compiled)
            asked = job.sizes.audio_seconds
            less = "" if seconds == asked else f" ({asked:g} s do not fit)"
            print(f"\n{name}, bf16, {how}, {seconds:g} s of audio, padded{less}\n")
            print_table(
                STEP_HEAD,
                [step_row(found, label, seconds) for label in found],
            )
            job.print_notes()
            if not compiled:
                for bar, other in STEP_BARS.items():
                    job.judge(bar, ratio(found, OURS, other), name)
                if name == "conformer_small" and not isinstance(found[OURS], str):
                    job.step_seconds = found[OURS][0] / seconds


def measure_steps(job, name, compiled):
    """Costs of a step with each attention, and the seconds of audio that fit."""
    seconds = job.fitting.get(name, job.sizes.audio_seconds)
    needed = COMPILE_SECONDS * compiled
    while True:
        torch.compiler.reset()
        runs = make_steps(job, name, seconds, compiled)
        found = costs(job, runs, n_warm=CHECKED_BATCHES, needed=needed)
        del runs
        release()
        if NO_MEMORY not in found.values() or seconds < 2 * job.sizes.longest:
            job.fitting[name] = seconds
            return found, seconds
        seconds /= 2


def make_steps(job, name, seconds, compiled):
    """{attention: a function that trains one step}."""
    runs = {}
    for label, settings in ATTENTIONS.items():
        hparams = steps.load(name, **settings, **job.sizes.overrides)
        runs[label] = make_step(job, hparams, job.sizes.longest, seconds, compiled)
    return runs


def make_step(job, hparams, longest, seconds, compiled=False):
    """A step in bf16 on this much audio, padding included."""
    lengths = step_lengths(seconds, longest)
    how = {"compiled": job.compile} if compiled else {}
    return steps.make_step(hparams, longest, lengths, job.device, torch.bfloat16, **how)


def step_lengths(seconds, longest):
    """Relative lengths of the utterances of a batch."""
    return [*islice(cycle(steps.LENGTHS), max(1, int(seconds / longest)))]


def step_row(found, name, audio_seconds):
    """A row of the table."""
    if isinstance(found[name], str):
        return (name, found[name], "", "", "", "")
    seconds, mib = found[name]
    ratios = (ratio(found, name, other) for other in steps.UPSTREAM)
    ratios = ("" if x is None else x for x in ratios)
    hours = audio_seconds / 3600 / seconds * 60
    return (name, f"{seconds:.3f}", f"{hours:.1f}", f"{mib:.0f}", *ratios)


def features(job):
    """PitchFbank beside Fbank."""
    wavs, _, _ = steps.make_batch(
        40, job.sizes.longest, step_lengths(job.sizes.audio_seconds, job.sizes.longest)
    )
    wavs, audio_seconds = wavs.to(job.device), wavs.numel() / 16000
    runs = {}
    for name, label in {"Fbank": BASELINE, "PitchFbank": OURS}.items():
        hparams = steps.load("conformer_small", **ATTENTIONS[label])
        compute = hparams["compute_features"].to(job.device)
        runs[name] = lambda compute=compute: compute(wavs)
    found, rows = costs(job, runs, n_warm=CHECKED_BATCHES), []
    for name, cost in found.items():
        row = [name, cost, *[""] * 4]
        if not isinstance(cost, str):
            factor, share = cost[0] / audio_seconds, NOT_MEASURED
            if job.step_seconds:
                share = factor / job.step_seconds
                if name == "PitchFbank":
                    job.judge(FEATURES_BAR, share, "conformer_small")
            over = ratio(found, name, "Fbank")
            seconds, mib = f"{cost[0]:.4f}", f"{cost[1]:.0f}"
            row = name, seconds, over or NOT_MEASURED, f"{factor:.1e}", mib, share
        rows.append(row)
    print(f"\n{audio_seconds:g} s of audio\n")
    head = "features", "seconds", "over Fbank's", "real-time factor", "MiB"
    print_table((*head, "of a step of conformer_small"), rows)
    job.print_notes()

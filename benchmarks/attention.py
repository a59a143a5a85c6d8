"""Time and memory of pitch-aware attention beside SpeechBrain's, as ratios to RoPEMHA.

    python benchmarks/attention.py [--quick]

All modules take turns in one run, on the same padded batch, and each figure is the
median of several turns over RoPEMHA's median. Memory is measured in a process of its
own for each module. Prints a table in Markdown, with machine, versions and date. On a
GPU: benchmarks/gpu.py.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch
from speechbrain.nnet.attention import (
    MultiheadAttention,
    RelPosEncXL,
    RelPosMHAXL,
    RoPEMHA,
)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from machine import describe
from timing import median_seconds, print_table

from speechbrain_pitchrope.nnet.attention import PitchRoPEMHA
from speechbrain_pitchrope.variants import load_variant

SIZES = {"144 / 4": (144, 4), "512 / 8": (512, 8)}
LENGTHS = {250: 8, 500: 8, 1000: 4, 2000: 2}  # frames: utterances in the batch
VARIANTS = ("rope", "theta", "similarity", "radius", "all", "phase_gaussian")
SHORTEST = 0.6  # length of the shortest utterance of a batch over the longest
MEMORY_FRAMES = 8000
BASELINE = "RoPEMHA"
DROPOUT = 0.1
PASSES = (
    "forward",
    "forward + backward",
    f"forward + backward with dropout {DROPOUT}, as in training",
)


def make_calls(embed_dim, num_heads, dropout=0.0, device="cpu", variants=VARIANTS):
    """Name of each module to a function of (x, pitch, padding) that returns output."""
    rope = RoPEMHA(embed_dim, num_heads, dropout)
    relpos = RelPosMHAXL(embed_dim, num_heads, dropout)
    positions = RelPosEncXL(embed_dim)
    regular = MultiheadAttention(num_heads, embed_dim, dropout)
    for module in (rope, relpos, positions, regular):
        module.to(device)

    def call_relpos(x, pitch, padding):
        return relpos(x, x, x, pos_embs=positions(x), key_padding_mask=padding)[0]

    def call_regular(x, pitch, padding):
        return regular(x, x, x, key_padding_mask=padding, return_attn_weights=False)

    calls = {
        BASELINE: lambda x, pitch, padding: rope(x, x, x, key_padding_mask=padding)[0],
        "RelPosMHAXL": call_relpos,
        "regularMHA": call_regular,
    }
    for variant in variants:
        net = PitchRoPEMHA(embed_dim, num_heads, dropout, **load_variant(variant))
        net.to(device)

        def call(x, pitch, padding, net=net):
            return net(x, x, x, pos_embs=pitch, key_padding_mask=padding)[0]

        calls[f"ours, {variant}"] = call
    return calls


def make_batch(n_batch, n_frames, embed_dim, device="cpu"):
    """Frames, pitch channels and padding of utterances of different lengths."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n_batch, n_frames, embed_dim, generator=generator)
    pitch = torch.rand(n_batch, n_frames, 4, generator=generator)
    lengths = torch.linspace(1, SHORTEST, n_batch) * n_frames
    padding = torch.arange(n_frames) >= lengths[:, None]
    pitch[padding] = 0
    return x.to(device), pitch.to(device), padding.to(device)


def forward(call, batch):
    """A function that runs the forward pass."""

    def run():
        with torch.no_grad():
            call(*batch)

    return run


def forward_backward(call, batch, dtype=torch.float32):
    """A function that runs both passes; bfloat16 by autocast, as a recipe has it."""
    x, *others = batch
    half = torch.autocast(x.device.type, dtype, enabled=dtype == torch.bfloat16)

    def run():
        leaf = x.clone().requires_grad_()
        with half:
            out = call(leaf, *others)
        out.float().square().mean().backward()

    return run


def measure(embed_dim, num_heads, n_frames, turns):
    """Each module's median time over the baseline's, for each of ``PASSES``."""
    batch = make_batch(LENGTHS[n_frames], n_frames, embed_dim)
    ratios = []
    for make, dropout in zip(
        (forward, forward_backward, forward_backward), (0.0, 0.0, DROPOUT), strict=True
    ):
        calls = make_calls(embed_dim, num_heads, dropout)
        runs = {name: make(call, batch) for name, call in calls.items()}
        seconds = median_seconds(runs, turns)
        ratios.append({name: x / seconds[BASELINE] for name, x in seconds.items()})
    return ratios


def print_times(turns):
    """The tables of time."""
    settings = [(size, n) for size in SIZES for n in LENGTHS]
    found = [measure(*SIZES[size], n, turns) for size, n in settings]
    head = ["module", *(f"{size}, T = {n}" for size, n in settings)]
    for column, passes in enumerate(PASSES):
        print(f"\n{passes}, time over RoPEMHA's\n")
        names = found[0][column]
        print_table(head, [[x, *(row[column][x] for row in found)] for x in names])


def print_memory():
    """The table of peak memory, a process each."""
    print(f"\npeak memory of a padded forward pass, 512 / 8, T = {MEMORY_FRAMES}\n")
    found = {}
    for name in (BASELINE, "RelPosMHAXL", "regularMHA", "ours, rope", "ours, all"):
        command = [sys.executable, __file__, "--memory-of", name]
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        found[name] = float(result.stdout)
    rows = [(name, round(x), x / found[BASELINE]) for name, x in found.items()]
    print_table(("module", "MiB", "over RoPEMHA's"), rows)


def print_memory_of(name):
    """MiB that one forward pass adds to this process at its peak (Linux)."""
    embed_dim, num_heads = SIZES["512 / 8"]
    call = make_calls(embed_dim, num_heads)[name]
    x, pitch, padding = make_batch(1, MEMORY_FRAMES, embed_dim)
    padding[:, int(SHORTEST * MEMORY_FRAMES) :] = True
    with torch.no_grad():
        call(x[:, :64], pitch[:, :64], padding[:, :64])
        Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
        before = resident_mib("VmRSS")
        call(x, pitch, padding)
    print(resident_mib("VmHWM") - before)


def resident_mib(field):
    """A field of /proc/self/status in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"/proc/self/status has no {field}: measure memory on Linux")


def main():
    """Run the benchmark that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three turns, not nine")
    parser.add_argument("--memory-of", metavar="MODULE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.memory_of:
        return print_memory_of(args.memory_of)
    print(f"{describe(('torch', 'speechbrain'))}, one thread")
    print_times(3 if args.quick else 9)
    print_memory()


if __name__ == "__main__":
    main()

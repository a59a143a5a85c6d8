"""How the benchmarks measure, and the Markdown tables that they print."""

import statistics
import time

import torch


def median_seconds(runs, turns, device="cpu", calls=1):
    """Median time of one call of each run, all taking turns.

    A turn is ``calls`` calls, and then waits for the device: where launches take longer
    than what they launch, they are what is measured.
    """
    elapsed = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name, run in runs.items():
            torch.manual_seed(turn)  # dropout and SpecAugment drop the same for all
            _wait(device)
            start = time.perf_counter()
            for _ in range(calls):
                run()
            _wait(device)
            if turn:  # the first one warms up
                elapsed[name].append((time.perf_counter() - start) / calls)
    return {name: statistics.median(values) for name, values in elapsed.items()}


def _wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def peak_mib(run, device):
    """Peak memory that a call adds on a GPU, in MiB; nan on a CPU."""
    if device != "cuda":
        run()
        return float("nan")
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def print_table(head, rows):
    """A table of cells; numbers have two decimals."""
    for row in (head, ["---"] * len(head), *rows):
        cells = (f"{x:.2f}" if isinstance(x, float) else str(x) for x in row)
        print(f"| {' | '.join(cells)} |")

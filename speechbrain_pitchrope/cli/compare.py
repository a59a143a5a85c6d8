"""``pitchrope compare``: which system is better, and how sure that is.

Reads the error files of two or more systems over one test set. Prints their error
rates, then each later system against the first, then the same for groups of utterances.
"""

import numpy as np

from speechbrain_pitchrope.scoring.groups import (
    by_register,
    by_speaker,
    read_speaker_f0,
)
from speechbrain_pitchrope.scoring.significance import (
    RESAMPLES,
    compare_rates,
    error_rate,
)
from speechbrain_pitchrope.scoring.systems import (
    read_systems,
    read_tone_systems,
    split_seeds,
)

PAIRS_HEADER = (
    "difference     95 % interval  relative (%)  P(improved)       t        p"
)


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "first",
        metavar="TEST_A",
        help="wer_<split>.txt of the system to compare with, or its output folder; "
        "'a1,a2' are seeds of one system, whose errors are averaged",
    )
    parser.add_argument(
        "others",
        metavar="TEST_B",
        nargs="+",
        help="the same of each system to judge, over the same utterances",
    )
    parser.add_argument(
        "--tones",
        action="store_true",
        help="compare toned syllables (words such as MA3; letters, where tone is an "
        "accent), syllables without tone, and tones of right syllables; takes "
        "hyp_<split>.txt too",
    )
    parser.add_argument(
        "--by-speaker", action="store_true", help="also print each speaker's results"
    )
    parser.add_argument(
        "--f0",
        metavar="CSV",
        help="also print results by pitch register; columns speaker,f0_hz (median f0)",
    )
    parser.add_argument(
        "--resamples",
        type=int,
        default=RESAMPLES,
        help="resamples of the bootstrap (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the bootstrap (default: 0)"
    )


def run(args):
    """Print the systems, the pairs, and the groups that were asked for."""
    read, kinds, judged = read_systems, ("wer",), ["WER"]
    if args.tones:
        read, kinds = read_tone_systems, ("hyp", "wer")
        judged = ["toned", "base", "tone"]
    names = (args.first, *args.others)
    ids, systems = read([split_seeds(name, kinds) for name in names])
    bootstrap = (args.resamples, args.seed)
    tables = [systems_table(systems), pairs_table(systems, judged, *bootstrap)]
    groups = {}
    if args.f0:
        groups["register"] = by_register(ids, read_speaker_f0(args.f0))
    if args.by_speaker:
        groups["speaker"] = by_speaker(ids)
    for title, members in groups.items():
        tables.append(groups_table(title, members, systems, judged[0], *bootstrap))
    print("\n\n".join("\n".join(lines) for lines in tables))
    return 0


def systems_table(systems):
    """Lines with the error rates and counts of each system."""
    first = systems[0]
    rates = "".join(f"  {f'{name} (%)':>9}" for name in first.measures)
    counts = "".join(f"  {name:>7}" for name in first.counts)
    lines = [f"system{rates}{counts}  utterances  files"]
    for number, system in enumerate(systems, start=1):
        rates = "".join(
            f"  {error_rate(errors, units):9.2f}" if units.any() else f"  {'-':>9}"
            for errors, units in system.measures.values()
        )
        counts = "".join(f"  {_count(n.sum()):>7}" for n in system.counts.values())
        utterances = next(iter(system.counts.values())).size
        names = ",".join(map(str, system.paths))
        lines.append(f"{number:6}{rates}{counts}  {utterances:10}  {names}")
    return lines


def pairs_table(systems, measures, resamples, seed):
    """Lines with each later system's difference from the first."""
    first, *others = systems
    utterances = first.measures[measures[0]][0].size
    lines = [
        f"{', '.join(measures)} less that of system 1, in percentage points; below "
        "zero is better.",
        f"Bootstrap: {resamples} paired resamples of {utterances} utterances, "
        f"seed {seed}. t and p: matched pairs, two-sided.",
    ]
    if len(others) * len(measures) > 1:
        lines.append("The p values are not corrected for their number.")
    lines.append(f"systems  error  {PAIRS_HEADER}")
    for number, other in enumerate(others, start=2):
        for name in measures:
            pair = _compare(first, other, name, resamples, seed)
            relative = "-"
            if pair.rate_a:
                relative = f"{100 * pair.difference / pair.rate_a:+.2f}"
            p = f"{pair.p:.4f}" if pair.p >= 1e-4 else "<0.0001"
            lines.append(
                f"{number:2} vs 1  {name:5}  {pair.difference:+10.2f}  "
                f"{_interval(pair)}  {relative:>12}  "
                f"{pair.probability_of_improvement:11.4f}  {pair.t:+6.2f}  {p:>7}"
            )
    return lines


def groups_table(title, members, systems, measure, resamples, seed):
    """Lines with each group's error rates and differences from the first system."""
    numbers = range(1, len(systems) + 1)
    rates = "".join(f"  {f'{measure} {number}':>7}" for number in numbers)
    pairs = "".join(
        f"  {f'{number} vs 1':>10}     95 % interval" for number in numbers[1:]
    )
    lines = [f"{title:12}  utterances   units{rates}{pairs}"]
    for name, indices in members.items():
        counts = [[n[indices] for n in system.measures[measure]] for system in systems]
        own = [error_rate(*pair) for pair in counts]
        line = f"{name:12}  {len(indices):10}  {counts[0][1].sum():6.0f}"
        line += "".join(f"  {rate:7.2f}" for rate in own)
        for system, rate in zip(systems[1:], own[1:], strict=True):
            interval = f"{'-':>16}"
            if len(indices) > 1:
                pair = _compare(systems[0], system, measure, resamples, seed, indices)
                interval = _interval(pair)
            line += f"  {rate - own[0]:+10.2f}  {interval}"
        lines.append(line)
    return lines


def _compare(first, other, measure, resamples, seed, indices=slice(None)):
    """Comparison of two systems by one measure, in some of the utterances."""
    errors_a, units_a = (n[indices] for n in first.measures[measure])
    errors_b, units_b = (n[indices] for n in other.measures[measure])
    if measure != "tone":
        units_b = None  # those of the references, for both
    return compare_rates(errors_a, errors_b, units_a, units_b, resamples, seed)


def _count(value):
    """A whole number, or with one decimal if it is a mean over seeds."""
    return f"{value:.0f}" if np.isclose(value, round(value)) else f"{value:.1f}"


def _interval(pair):
    """The interval in 16 characters."""
    return f"[{pair.low:+6.2f}, {pair.high:+6.2f}]"

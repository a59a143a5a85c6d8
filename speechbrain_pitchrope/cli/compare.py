"""``pitchrope compare``: which system is better, and how sure that is.

Reads the error files of two or more systems over one test set. Prints their error
rates, then each later system against the first.
"""

from speechbrain_pitchrope.cli.options import add_tones, table
from speechbrain_pitchrope.scoring.significance import (
    RESAMPLES,
    compare_rates,
    rate_text,
)
from speechbrain_pitchrope.scoring.systems import read_systems, split_seeds

PAIR = {
    "first (%)": "{0.rate_a:.2f}",
    "second (%)": "{0.rate_b:.2f}",
    "difference": "{0.difference:+.2f}",
    "95 % interval": "[{0.low:+.2f}, {0.high:+.2f}]",
    "relative (%)": "{relative:+.2f}",
    "P(improved)": "{0.probability_of_improvement:.4f}",
    "t": "{0.t:+.2f}",
    "p": "{0.p:.2g}",
}
"""Columns of a Comparison."""

HEADING = (
    "Difference: second less first, in points; below zero is better.\n"
    f"Interval: {RESAMPLES} paired resamples of the utterances. t and p: matched\n"
    "pairs, two-sided, not corrected for their number."
)


def add_arguments(parser):
    """Declare the command's arguments."""
    parser.add_argument(
        "first",
        metavar="TEST_A",
        help="wer_<split>.txt (or cer_) of the system to compare with, or its output "
        "folder; 'a1,a2' are seeds of one system, whose errors are averaged",
    )
    parser.add_argument(
        "others",
        metavar="TEST_B",
        nargs="+",
        help="the same of each system to judge, over the same utterances",
    )
    add_tones(parser)


def run(args):
    """Print the systems, and the pairs."""
    kind = "hyp" if args.tones else "wer"
    groups = [split_seeds(name, kind) for name in (args.first, *args.others)]
    _, systems = read_systems(groups, args.tones)
    print(systems_table(systems), "", HEADING, pairs_table(systems), sep="\n")
    return 0


def systems_table(systems):
    """The error rates of each system."""
    rates = [f"{name} (%)" for name in systems[0].measures]
    rows = [("system", *rates, "units", "utterances", "files")]
    for number, system in enumerate(systems, start=1):
        rates = [rate_text(*counts) for counts in system.measures.values()]
        _, units = next(iter(system.measures.values()))
        files = ",".join(map(str, system.paths))
        rows.append((number, *rates, f"{units.sum():.0f}", units.size, files))
    return table(rows)


def pairs_table(systems):
    """Each later system's difference from the first."""
    rows = [("systems", "error", *PAIR)]
    first, *others = systems
    for number, system in enumerate(others, start=2):
        for measure, (errors, units) in system.measures.items():
            errors_a, units_a = first.measures[measure]
            scored = units.any() and units_a.any()
            pair = compare_rates(errors_a, errors, units_a, units)
            relative = pair.difference / pair.rate_a if pair.rate_a else float("nan")
            cells = [
                form.format(pair, relative=100 * relative) if scored else "-"
                for form in PAIR.values()
            ]
            rows.append((f"{number} vs 1", measure, *cells))
    return table(rows)

"""``pitchrope compare``: which system is better, and how sure that is.

Reads the error files of two or more systems over one test set. Prints their error
rates, then each later system against the first, over all and for each speaker.
"""

import itertools

from speechbrain_pitchrope.cli.options import add_tones, table
from speechbrain_pitchrope.scoring.significance import (
    RESAMPLES,
    compare_rates,
    error_rate,
)
from speechbrain_pitchrope.scoring.systems import by_speaker, read_systems, split_seeds

PAIR = {
    "first (%)": "{0.rate_a:.2f}",
    "second (%)": "{0.rate_b:.2f}",
    "difference": "{0.difference:+.2f}",
    "95 % interval": "[{0.low:+.2f}, {0.high:+.2f}]",
    "relative (%)": "{relative}",
    "P(improved)": "{0.probability_of_improvement:.4f}",
    "t": "{0.t:+.2f}",
    "p": "{p}",
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
    parser.add_argument(
        "--by-speaker",
        action="store_true",
        help="also compare over each speaker that has two utterances or more",
    )


def run(args):
    """Print the systems, the pairs, and the speakers if they were asked for."""
    kind = "hyp" if args.tones else "wer"
    groups = [split_seeds(name, kind) for name in (args.first, *args.others)]
    ids, systems = read_systems(groups, args.tones)
    groups = {"all": slice(None)}
    if args.by_speaker:
        groups |= {name: i for name, i in by_speaker(ids).items() if len(i) > 1}
    print(systems_table(systems), "", HEADING, pairs_table(systems, groups), sep="\n")
    return 0


def systems_table(systems):
    """The error rates and counts of each system."""
    first = systems[0]
    rates = [f"{name} (%)" for name in first.measures]
    rows = [("system", *rates, *first.counts, "utterances", "files")]
    for number, system in enumerate(systems, start=1):
        rates = [f"{error_rate(*counts):.2f}" for counts in system.measures.values()]
        counts = [f"{n.sum():.1f}".removesuffix(".0") for n in system.counts.values()]
        utterances = next(iter(system.counts.values())).size
        files = ",".join(map(str, system.paths))
        rows.append((number, *rates, *counts, utterances, files))
    return table(rows)


def pairs_table(systems, groups):
    """Each later system's difference from the first, over groups of utterances."""
    rows = [("speaker", "systems", "error", *PAIR)]
    choices = itertools.product(
        groups.items(), range(1, len(systems)), systems[0].measures
    )
    for (speaker, own), number, measure in choices:
        errors_a, units_a = systems[0].measures[measure][:, own]
        errors_b, units_b = systems[number].measures[measure][:, own]
        pair = compare_rates(errors_a, errors_b, units_a, units_b)
        special = {
            "relative": f"{100 * pair.difference / (pair.rate_a or 1):+.2f}",
            "p": f"{pair.p:.4f}" if pair.p >= 1e-4 else "<0.0001",
        }
        special |= {} if pair.rate_a else {"relative": "-"}
        cells = [form.format(pair, **special) for form in PAIR.values()]
        rows.append((speaker, f"{number + 1} vs 1", measure, *cells))
    return table(rows)

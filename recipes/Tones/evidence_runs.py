"""The runs of the experiment: their errors, and which are compared with which."""

import itertools
from collections import Counter, defaultdict
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from counts import read_counts
from scipy.stats import ttest_rel

from speechbrain_pitchrope.controls import CONTROLS
from speechbrain_pitchrope.scoring.significance import (
    compare_rates,
    error_rate,
    rate_interval,
)
from speechbrain_pitchrope.scoring.systems import read_texts
from speechbrain_pitchrope.scoring.tones import ToneErrors, split_syllables, tone_errors

HYPOTHESES = (
    ("H1", "all", "rope"),
    *(("H2", "all", f"all+{control}") for control in CONTROLS),
    *(("H3", form, "rope") for form in ("theta", "similarity", "radius")),
    ("H4", "theta", "phase"),
    ("H4", "similarity", "gaussian"),
    ("H4", "all", "phase_gaussian"),
    ("H5", "similarity", "even_cosines"),
    ("H5", "similarity", "odd_cosines"),
    ("H6", "all_input", "input"),
    ("added", "input", "rope"),
    ("added", "all", "input"),
    ("added", "input_without_register", "rope"),
    ("added", "input", "input_without_register"),
    *(
        ("added", form, f"{form}+{control}")
        for form in ("theta", "similarity", "input", "all_input")
        for control in CONTROLS
    ),
)
"""Which variant is expected to make fewer errors than which."""

OTHER_K = ("1_2.25_4.5", "2_4.5_9", "2_6_18", "4_9_18")
TRIALS = tuple(
    ("", f"{form}_{trial}", form)
    for trial, forms in (
        ("pitch_dropout", ("theta", "similarity")),
        ("speaker_range", ("theta", "similarity", "all")),
        ("interpolated", ("theta", "all")),
        ("speeds", ("rope", "theta", "similarity", "all")),
        ("hidden_harmonics", ("rope", "theta", "similarity", "all", "input")),
        *((f"k_{k}", ("similarity",)) for k in OTHER_K),
    )
    for form in forms
) + tuple(
    ("", f"{form}_{trial}", f"rope_{trial}")
    for trial in ("speeds", "hidden_harmonics")
    for form in ("theta", "similarity", "all", "input")
)
"""What might mend a form on real voices, and the form: judged on dev."""


FORMS = (
    *("rope", "theta", "similarity", "radius", "all", "input", "all_input"),
    *("phase", "gaussian", "phase_gaussian", "even_cosines", "odd_cosines"),
)

PARTS = {"cmn-8": 8, "cmn-4": 4, "cmn-2": 2, "cmn_scratch": 1}
"""Folder of texts of a learning curve, and n where it has 1/n of the speech."""


def average_runs(runs):
    """Errors of a system over several runs, such as seeds, as ToneErrors.

    ``runs`` are ToneErrors, of the same utterances or of others. The result has for
    each utterance the mean over the runs that scored it, and the sum of confusions.
    """
    rows = defaultdict(list)
    for run in runs:
        for name, *counts in zip(run.ids, *run[1:-1], strict=True):
            rows[name].append(counts)
    ids = sorted(rows)
    means = np.array([np.mean(rows[name], axis=0) for name in ids])
    return ToneErrors(ids, *means.T, sum((run.confusions for run in runs), Counter()))


def without_sounds(texts):
    """Utterance id to words, with one base for all syllables: MA3 becomes A3."""
    return {
        name: [f"A{tone}" for _, tone in split_syllables(words)]
        for name, words in texts.items()
    }


def compare_toned(first, second):
    """Compare the errors of toned syllables of two ToneErrors, as Comparison."""
    if first.ids != second.ids or (first.units != second.units).any():
        raise ValueError(
            f"the first system has {len(first.ids)} utterances of "
            f"{first.units.sum():g} units, the second {len(second.ids)} of "
            f"{second.units.sum():g}, expected the same references in the same number "
            "of runs: compare runs over the same test set"
        )
    return compare_rates(first.errors, second.errors, first.units)


class Corpus:
    """Errors of all runs on the dev and test part of one corpus, or of its folds.

    Arguments
    ---------
    folders : list of pathlib.Path
        ``texts/CORPUS``, or one for each fold.
    units : callable
        From utterance id to words, the same with the units to count.
    """

    def __init__(self, *folders, units=dict):
        self.folders, self.units = folders, units

    @cached_property
    def runs(self):
        """Variant to run to part to ``ToneErrors``. A run is named by fold and seed."""
        runs = {}
        for folder in self.folders:
            fold = folder.name.rpartition("-")[2] + "/" if len(self.folders) > 1 else ""
            for path in sorted(
                x for run in folder.glob("*/*/done") for x in run.parent.iterdir()
            ):
                kind, _, split = path.stem.partition("_")
                if kind == "errors":
                    errors = read_counts(path)
                elif kind == "hyp":
                    errors = tone_errors(*map(self.units, read_texts(path)))
                else:
                    continue
                found = runs.setdefault(path.parts[-3], {})
                run = found.setdefault(fold + path.parent.name, {})
                run[split.partition("-")[0]] = errors
        return runs

    @cached_property
    def means(self):
        """Variant to the errors of its tests, averaged over its runs."""
        return {variant: self.mean(variant) for variant in self.runs}

    @cached_property
    def intervals(self):
        """Variant to its mean error rate in percent, and the 95 % interval of it."""
        return {
            variant: (error_rate(*toned), *rate_interval(*toned))
            for variant, mean in self.means.items()
            for toned in [mean.measures["toned"]]
        }

    def mean(self, variant, part="test", names=None):
        """A variant's errors, averaged over its runs, or over these."""
        runs = self.runs[variant]
        return average_runs([runs[name][part] for name in names or runs])

    @cached_property
    def names(self):
        """Names of all runs, such as "1", or "2/1" for seed 1 of the second fold."""
        return sorted(set().union(*self.runs.values()))

    def shared(self, *variants):
        """Names of the runs that all of these variants have."""
        return sorted(set.intersection(*({*self.runs.get(v, {})} for v in variants)))

    def rates(self, variant, measure="toned", part="test"):
        """Run to error rate in percent."""
        return {
            name: error_rate(*run[part].measures[measure])
            for name, run in sorted(self.runs.get(variant, {}).items())
        }

    def seeds_compared(self, variant="rope"):
        """Comparisons of this variant's seeds with each other, fold by fold."""
        tests = [self.runs[variant][name]["test"] for name in self.shared(variant)]
        return [
            compare_toned(first, second)
            for first, second in itertools.combinations(tests, 2)
            if first.ids == second.ids
        ]


def listed(corpus):
    """The variants that have been run, controls behind their forms, others last."""
    names = [
        name for form in FORMS for name in (form, *(f"{form}+{c}" for c in CONTROLS))
    ]
    others = sorted(corpus.runs.keys() - {*names})
    return [*(name for name in names if name in corpus.runs), *others]


class Test(NamedTuple):
    """A comparison of two variants over the runs that both have.

    ``fewer`` is in how many of them the first has fewer errors, ``p_runs`` the p-value
    of a paired t-test over runs, and ``p_holm`` that of the comparison, corrected.
    """

    hypothesis: str
    better: str
    worse: str
    runs: list
    fewer: int
    p_runs: float
    comparison: object
    p_holm: float


@cache
def compare_all(corpus, asked=HYPOTHESES, part="test"):
    """Every asked comparison whose runs are there; p-values corrected by Holm."""
    tests = []
    for name, a, b in asked:
        if runs := corpus.shared(a, b):
            rates = (corpus.rates(variant, part=part) for variant in (b, a))
            worse, better = ([found[run] for run in runs] for found in rates)
            fewer = int(np.sum(np.less(better, worse)))
            p_runs = ttest_rel(better, worse).pvalue if len(runs) > 1 else np.nan
            pair = (corpus.mean(variant, part, runs) for variant in (b, a))
            tests.append((name, a, b, runs, fewer, p_runs, compare_toned(*pair)))
    order = np.argsort([test[-1].p for test in tests], kind="stable")
    corrected, largest = {}, 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(tests) - rank) * tests[i][-1].p))
        corrected[i] = largest
    return [Test(*test, corrected[i]) for i, test in enumerate(tests)]

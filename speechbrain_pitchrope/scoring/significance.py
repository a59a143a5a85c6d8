"""Is one system better than another? Statistics of paired errors.

Pure functions from counts an utterance to an answer. All take the utterances as
independent; those of one speaker are so only in part, which makes every answer a little
too sure. The scatter between training seeds is not covered either.
"""

import warnings
from typing import NamedTuple

import numpy as np
from scipy import stats

RESAMPLES = 10_000
FEWEST_RESAMPLES = 100  # leaves a few in each tail of 2.5 %
DRAWS_AT_ONCE = 1_000_000  # bounds the memory of the bootstrap


class Comparison(NamedTuple):
    """How the error rate of a second system differs from that of a first.

    Arguments
    ---------
    rate_a, rate_b : float
        The error rates in percent.
    difference : float
        rate_b - rate_a in percentage points; negative if the second is better.
    low, high : float
        95 % confidence interval of the difference.
    probability_of_improvement : float
        Share of the resamples in which the second system has the lower rate, between 0
        and 1; a tie counts half.
    t, p : float
        Matched-pairs test: the mean difference in standard errors, and the probability
        of one at least as large between equal systems.
    """

    rate_a: float
    rate_b: float
    difference: float
    low: float
    high: float
    probability_of_improvement: float
    t: float
    p: float


def error_rate(errors, units):
    """Errors in percent of what was scored.

    Arguments
    ---------
    errors, units : array_like
        Errors and reference words (or other units), one number an utterance. No unit at
        all counts as one, as in SpeechBrain's WER of an utterance.

    Returns
    -------
    float

    Example
    -------
    >>> error_rate([1, 0], [3, 5])
    12.5
    """
    return float(100 * np.sum(errors) / max(np.sum(units), 1))


def rate_interval(errors, units, resamples=RESAMPLES, seed=0):
    """95 % confidence interval of an error rate, by resampling utterances.

    Arguments
    ---------
    errors, units : array_like
        Errors and reference units, [utterances]; fractions if averaged over seeds.
    resamples : int
        How many resamples; at least 100.
    seed : int
        Seed of the draws.

    Returns
    -------
    low, high : float
        In percent.

    Example
    -------
    >>> rate_interval([1, 1, 1, 1], [4, 4, 4, 4])
    (25.0, 25.0)
    """
    rates = _bootstrap(_rates, _arrays(errors, units), resamples, seed)
    low, high = np.quantile(rates, [0.025, 0.975])
    return float(low), float(high)


def compare_rates(errors_a, errors_b, units, units_b=None, resamples=RESAMPLES, seed=0):
    """Compare two systems that were scored on the same utterances.

    The interval is the percentile interval of the paired bootstrap: both systems are
    scored on the same resampled utterances, so that what makes an utterance hard for
    both cancels (M. Bisani and H. Ney, "Bootstrap estimates for confidence intervals in
    ASR performance evaluation", ICASSP 2004). The test is the t-test of matched pairs
    with utterances as segments (L. Gillick and S. Cox, "Some statistical issues in the
    comparison of speech recognition algorithms", ICASSP 1989), which asks for some 50
    utterances or more. If the systems have units of their own, the test compares each
    utterance's share in the rates, linearised about their means.

    Arguments
    ---------
    errors_a, errors_b : array_like
        Errors of the two systems, [utterances]; fractions if averaged over seeds.
    units : array_like
        Reference units, such as words, [utterances].
    units_b : array_like, optional
        Those of the second system, if it has others.
    resamples : int
        How many resamples; at least 100.
    seed : int
        Seed of the draws.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the lengths differ, or there are too few utterances or resamples.

    Example
    -------
    >>> result = compare_rates([2, 1, 3, 2], [1, 0, 2, 2], [5, 5, 5, 5])
    >>> result.difference, result.low, result.high, round(result.p, 3)
    (-15.0, -20.0, -5.0, 0.058)
    """
    same = units_b is None
    counts = _arrays(errors_a, errors_b, units, units if same else units_b)
    differences = _bootstrap(_difference, counts, resamples, seed)
    low, high = np.quantile(differences, [0.025, 0.975])
    better = np.mean(differences < 0) + np.mean(differences == 0) / 2
    errors_a, errors_b, units_a, units_b = counts
    rate_a, rate_b = error_rate(errors_a, units_a), error_rate(errors_b, units_b)
    shares_a, shares_b = errors_a, errors_b
    if not same:
        shares_a, shares_b = _shares(errors_a, units_a), _shares(errors_b, units_b)
    t, p = 0.0, 1.0
    if (shares_a != shares_b).any():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a constant difference
            t, p = map(float, stats.ttest_rel(shares_b, shares_a))
    difference = float(_difference(*counts))
    return Comparison(
        *(rate_a, rate_b, difference),
        *(float(low), float(high), float(better)),
        *(t, p),
    )


def _arrays(*counts):
    """Counts as arrays [utterances]; refuses what can't be paired."""
    counts = [np.asarray(count, dtype=float) for count in counts]
    sizes = [count.size for count in counts]
    if len(set(sizes)) > 1:
        raise ValueError(
            f"counts of {', '.join(map(str, sizes))} utterances, expected the same "
            "utterances in each: give one number for every utterance"
        )
    if sizes[0] < 2:
        raise ValueError(
            f"{sizes[0]} utterances, expected at least 2: score more speech"
        )
    return counts


def _rates(errors, units, axis=-1):
    """Error rate in percent along an axis."""
    return 100 * errors.sum(axis) / np.maximum(units.sum(axis), 1)


def _difference(errors_a, errors_b, units_a, units_b, axis=-1):
    """Difference of error rates in percentage points along an axis."""
    return _rates(errors_b, units_b, axis) - _rates(errors_a, units_a, axis)


def _shares(errors, units):
    """Each utterance's share in the rate, linearised: their mean is the rate."""
    rate = errors.sum() / max(units.sum(), 1)
    return rate + (errors - rate * units) / max(units.mean(), 1e-9)


def _bootstrap(statistic, counts, resamples, seed):
    """The statistic of resampled utterances, [resamples]."""
    if resamples < FEWEST_RESAMPLES:
        raise ValueError(
            f"{resamples} resamples, expected at least {FEWEST_RESAMPLES} for a 95 % "
            "interval: ask for more"
        )
    return stats.bootstrap(
        counts,
        statistic,
        n_resamples=resamples,
        batch=max(1, DRAWS_AT_ONCE // counts[0].size),
        vectorized=True,
        paired=True,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).bootstrap_distribution

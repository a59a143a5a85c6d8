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
DRAWS_AT_ONCE = 1_000_000  # bounds the memory of the bootstrap


class Comparison(NamedTuple):
    """How the error rate of a second system, b, differs from that of a first, a."""

    rate_a: float  # in percent
    rate_b: float
    difference: float  # rate_b - rate_a in percentage points; below zero, b is better
    low: float  # 95 % confidence interval of the difference
    high: float
    probability_of_improvement: float  # share of resamples where b is better; ties half
    t: float  # matched pairs: the mean difference in standard errors
    p: float  # and the probability of one at least as large between equal systems


def error_rate(errors, units, axis=None):
    """Errors in percent of what was scored; both arrays are [utterances].

    No unit at all counts as one, as in SpeechBrain's WER of an utterance.
    """
    return 100 * np.sum(errors, axis) / np.maximum(np.sum(units, axis), 1)


def rate_text(errors, units):
    """``error_rate`` as text; "-" if nothing was scored."""
    return f"{error_rate(errors, units):.2f}" if units.any() else "-"


def rate_interval(errors, units, resamples=RESAMPLES, seed=0):
    """95 % interval, low and high, of the error rate in percent of [utterances]."""
    _, low, high = _bootstrap(error_rate, (errors, units), resamples, seed)
    return low, high


def compare_rates(
    errors_a, errors_b, units_a, units_b=None, resamples=RESAMPLES, seed=0
):
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
    units_a, units_b : array_like
        Reference units, such as words, [utterances]; those of both if b has none.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    Comparison
        A ValueError if the lengths differ, or there are fewer than two utterances.

    Example
    -------
    >>> result = compare_rates([2, 1, 3, 2], [1, 0, 2, 2], [5, 5, 5, 5])
    >>> result.difference, result.low, result.high, round(result.p, 3)
    (-15.0, -20.0, -5.0, 0.058)
    """
    units_b = units_a if units_b is None else units_b
    counts = (errors_a, errors_b, units_a, units_b)
    differences, low, high = _bootstrap(_difference, counts, resamples, seed)
    better = np.mean(differences < 0) + np.mean(differences == 0) / 2
    rate_a, rate_b = error_rate(errors_a, units_a), error_rate(errors_b, units_b)
    shares_a, shares_b = np.asarray(errors_a), np.asarray(errors_b)
    if not np.array_equal(units_a, units_b):
        shares_a, shares_b = _shares(errors_a, units_a), _shares(errors_b, units_b)
    t, p = 0.0, 1.0
    if (shares_a != shares_b).any():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of a constant difference
            t, p = stats.ttest_rel(shares_b, shares_a)
    answer = (rate_a, rate_b, rate_b - rate_a, low, high, better, t, p)
    return Comparison(*map(float, answer))


def _difference(errors_a, errors_b, units_a, units_b, axis=-1):
    """Difference of error rates in percentage points along an axis."""
    return error_rate(errors_b, units_b, axis) - error_rate(errors_a, units_a, axis)


def _shares(errors, units):
    """Each utterance's share in the rate, linearised: their mean is the rate."""
    errors, units = np.asarray(errors), np.asarray(units)
    rate = errors.sum() / max(units.sum(), 1)
    return rate + (errors - rate * units) / max(units.mean(), 1e-9)


def _bootstrap(statistic, counts, resamples, seed):
    """The statistic of resampled utterances, [resamples], and its 95 % interval."""
    counts = [np.asarray(count, dtype=float) for count in counts]
    sizes = [count.size for count in counts]
    if len(set(sizes)) > 1 or sizes[0] < 2:
        raise ValueError(
            f"counts of {', '.join(map(str, sizes))} utterances, expected the same two "
            "or more utterances in each"
        )
    found = stats.bootstrap(
        counts,
        statistic,
        n_resamples=resamples,
        batch=max(1, DRAWS_AT_ONCE // sizes[0]),
        vectorized=True,
        paired=True,
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    low, high = map(float, found.confidence_interval)
    return found.bootstrap_distribution, low, high

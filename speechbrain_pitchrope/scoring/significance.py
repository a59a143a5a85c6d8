"""Is one system better than another? Statistics of paired errors.

Pure functions from one number an utterance to an answer. All take the utterances as
independent; those of one speaker are so only in part, which makes every answer a little
too sure. The scatter between training seeds is not covered either.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import norm

RESAMPLES = 10_000
FEWEST_RESAMPLES = 100  # for the 2.5 % in each tail to be a few of them
DRAWS_AT_ONCE = 1_000_000  # bounds the memory, 16 bytes a draw


class Bootstrap(NamedTuple):
    """What resampling says of a difference of error rates.

    Arguments
    ---------
    low, high : float
        The 95 % confidence interval of the difference, in percentage points.
    probability_of_improvement : float
        Share of resamples in which the second system has fewer errors, between 0 and 1;
        a tie counts half.
    """

    low: float
    high: float
    probability_of_improvement: float


class MatchedPairs(NamedTuple):
    """Outcome of a matched-pairs test.

    Arguments
    ---------
    z : float
        Mean difference in standard errors, negative if the second system is better.
    p : float
        Probability of a difference at least as large between equal systems.
    """

    z: float
    p: float


def error_rate(errors, words):
    """Errors in percent of words.

    Arguments
    ---------
    errors, words : array_like
        Errors and reference words, one number an utterance. No words at all count as
        one, as in SpeechBrain's WER of an utterance.

    Returns
    -------
    float

    Example
    -------
    >>> error_rate([1, 0], [3, 5])
    12.5
    """
    return float(100 * np.sum(errors) / max(np.sum(words), 1))


def paired_bootstrap(errors_a, errors_b, words, resamples=RESAMPLES, seed=0):
    """Confidence interval of WER(b) - WER(a), by resampling utterances.

    Both systems are scored on the same resampled utterances, so that what makes an
    utterance hard for both cancels. From M. Bisani and H. Ney, "Bootstrap estimates for
    confidence intervals in ASR performance evaluation", ICASSP 2004.

    Arguments
    ---------
    errors_a, errors_b : array_like
        Errors of the two systems, [utterances]; fractions if averaged over seeds.
    words : array_like
        Reference words, [utterances].
    resamples : int
        How many resamples; at least 100.
    seed : int
        Seed of the draws.

    Returns
    -------
    Bootstrap

    Raises
    ------
    ValueError
        If the lengths differ, or there are too few utterances or resamples.

    Example
    -------
    >>> result = paired_bootstrap([2, 1, 3, 2], [1, 0, 2, 1], [5, 5, 5, 5])
    >>> result.probability_of_improvement, round(result.low)
    (1.0, -20)
    """
    if resamples < FEWEST_RESAMPLES:
        raise ValueError(
            f"{resamples} resamples, expected at least {FEWEST_RESAMPLES} for a 95 % "
            "interval: ask for more"
        )
    extra = _differences(errors_a, errors_b)
    words = np.asarray(words, dtype=float)
    if words.shape != extra.shape:
        raise ValueError(
            f"words of {words.size} utterances and errors of {extra.size}, expected "
            "the same utterances: give one number each for every utterance"
        )
    differences = _resampled_rates(extra, words, resamples, seed)
    low, high = np.quantile(differences, [0.025, 0.975])
    better = np.mean(differences < 0) + np.mean(differences == 0) / 2
    return Bootstrap(float(low), float(high), float(better))


def matched_pairs(errors_a, errors_b):
    """Test whether two systems make as many errors, with utterances as segments.

    From L. Gillick and S. Cox, "Some statistical issues in the comparison of speech
    recognition algorithms", ICASSP 1989. The mean difference of errors over its
    standard error is taken as normal, which asks for some 50 utterances or more.

    Arguments
    ---------
    errors_a, errors_b : array_like
        Errors of the two systems, [utterances].

    Returns
    -------
    MatchedPairs
        z = 0 and p = 1 if no utterance differs.

    Raises
    ------
    ValueError
        If the lengths differ, or there are fewer than two utterances.

    Example
    -------
    >>> matched_pairs([2, 1, 3, 2], [2, 1, 3, 2])
    MatchedPairs(z=0.0, p=1.0)
    """
    extra = _differences(errors_a, errors_b)
    if not extra.any():
        return MatchedPairs(0.0, 1.0)
    with np.errstate(divide="ignore"):
        z = extra.mean() / (extra.std(ddof=1) / np.sqrt(extra.size))
    return MatchedPairs(float(z), float(2 * norm.sf(abs(z))))


def _differences(errors_a, errors_b):
    """Errors of b less those of a, [utterances]; refuses what cannot be paired."""
    errors_a = np.asarray(errors_a, dtype=float)
    errors_b = np.asarray(errors_b, dtype=float)
    if errors_a.shape != errors_b.shape:
        raise ValueError(
            f"errors of {errors_a.size} and of {errors_b.size} utterances, expected "
            "the same utterances: give one number each for every utterance"
        )
    if errors_a.size < 2:
        raise ValueError(
            f"{errors_a.size} utterances, expected at least 2: score more speech"
        )
    return errors_b - errors_a


def _resampled_rates(extra, words, resamples, seed):
    """Differences of error rate in percentage points, [resamples]."""
    generator = np.random.default_rng(seed)
    utterances = words.size
    at_once = max(1, DRAWS_AT_ONCE // utterances)
    rates = []
    for start in range(0, resamples, at_once):
        size = (min(at_once, resamples - start), utterances)
        draws = generator.integers(utterances, size=size)
        drawn_words = words[draws].sum(axis=1)
        rates.append(100 * extra[draws].sum(axis=1) / np.maximum(drawn_words, 1))
    return np.concatenate(rates)

"""Statistics of paired errors, against cases whose answer is known."""

import tracemalloc

import numpy as np
import pytest

from speechbrain_pitchrope.scoring import significance
from speechbrain_pitchrope.scoring.significance import (
    compare_rates,
    error_rate,
    rate_interval,
)


def made_up(seed=0, utterances=400, gain=0.3):
    """Errors of two systems, the second better by ``gain`` an utterance; and words."""
    generator = np.random.default_rng(seed)
    words = generator.integers(2, 40, utterances)
    hard = generator.poisson(2.0, utterances)
    errors_a = hard + generator.poisson(1.0 + gain, utterances)
    errors_b = hard + generator.poisson(1.0, utterances)
    return errors_a, errors_b, words


def interval_of_a_ratio(errors, words):
    """Of the delta method, in percent."""
    ratio = errors.sum() / words.sum()
    half = 1.96 * np.sqrt(np.sum((errors - ratio * words) ** 2)) / words.sum()
    return 100 * (ratio - half), 100 * (ratio + half)


def test_intervals_are_those_of_a_ratio():
    errors_a, errors_b, words = made_up()
    low, high = interval_of_a_ratio(errors_a, words)
    assert rate_interval(errors_a, words, seed=1) == pytest.approx((low, high), 0.02)
    errors_b = errors_a - words // 4 + np.arange(words.size) % 2
    low, high = interval_of_a_ratio(errors_b - errors_a, words)
    result = compare_rates(errors_a, errors_b, words, seed=1)
    tolerance = 0.05 * (high - low)
    assert (result.low, result.high) == pytest.approx((low, high), abs=tolerance)


@pytest.mark.parametrize("own_units", [False, True])
def test_p_values_of_equal_systems_are_uniform(own_units):
    p = []
    for seed in range(500):
        errors_a, errors_b, units_a = made_up(seed, 200, gain=0.0)
        units_b = None
        if own_units:  # equal rates, but twice the errors in twice the units
            errors_b, units_b = 2 * errors_b, 2 * made_up(seed + 500, 200)[2]
        pair = compare_rates(errors_a, errors_b, units_a, units_b, resamples=2)
        p.append(pair.p)
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.025)
    assert np.mean(np.array(p) < 0.5) == pytest.approx(0.5, abs=0.05)


def test_swapped_systems_mirror_and_units_are_each_systems_own():
    errors_a, errors_b, words = made_up(gain=0.1)
    pair = compare_rates(errors_a, errors_b, words, 2 * words)
    a, b, difference, low, high, better, t, p = pair
    assert (a, b) == (error_rate(errors_a, words), error_rate(errors_b, 2 * words))
    assert low < difference < high < 0
    swapped = compare_rates(errors_b, errors_a, 2 * words, words)
    mirrored = (b, a, -difference, -high, -low, 1 - better, -t, p)
    assert swapped == pytest.approx(mirrored)


def test_equal_systems_and_a_constant_gain():
    errors, words = np.arange(20), np.full(20, 5)
    rate = error_rate(errors, words)
    assert compare_rates(errors, errors, words) == (rate, rate, 0, 0, 0, 0.5, 0, 1)
    result = compare_rates(errors + 1, errors, words)
    assert (result.t, result.p) == (-np.inf, 0.0)


def test_the_seed_decides_and_memory_is_bounded(monkeypatch):
    systems = made_up()
    result = compare_rates(*systems, seed=3)
    assert compare_rates(*systems, seed=4) != result
    with monkeypatch.context() as patch:
        patch.setattr(significance, "DRAWS_AT_ONCE", 70_000)
        assert compare_rates(*systems, seed=3) == result
    systems = made_up(utterances=20_000)
    tracemalloc.start()
    compare_rates(*systems, resamples=1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64e6  # all draws at once are 160 MB


@pytest.mark.parametrize("units", [[4], []])
def test_what_cannot_be_paired_is_refused(units):
    errors = [1] * max(len(units), 1)
    with pytest.raises(ValueError, match=r"counts of 1, 1, .* utterances, expected"):
        compare_rates(errors, errors, units)

"""Statistics of paired errors, against cases whose answer is known."""

import tracemalloc

import numpy as np
import pytest
from scipy.stats import ttest_rel

from speechbrain_pitchrope.scoring import significance
from speechbrain_pitchrope.scoring.significance import (
    error_rate,
    matched_pairs,
    paired_bootstrap,
)


def made_up(seed=0, utterances=400, gain=0.3):
    """Errors of two systems, the second better by ``gain`` an utterance; and words."""
    generator = np.random.default_rng(seed)
    words = generator.integers(2, 40, utterances)
    hard = generator.poisson(2.0, utterances)
    errors_a = hard + generator.poisson(1.0 + gain, utterances)
    errors_b = hard + generator.poisson(1.0, utterances)
    return errors_a, errors_b, words


def test_error_rate_weighs_utterances_by_their_words():
    assert error_rate([1, 0], [1, 9]) == 10.0
    assert error_rate([2], [0]) == 200.0


def test_interval_of_equally_long_utterances_is_that_of_a_mean():
    errors_a, errors_b, _ = made_up()
    words = np.full(errors_a.size, 10)
    points = 10.0 * (errors_b - errors_a)
    half = 1.96 * points.std() / np.sqrt(points.size)
    result = paired_bootstrap(errors_a, errors_b, words, seed=1)
    assert result.low == pytest.approx(points.mean() - half, abs=0.05 * half)
    assert result.high == pytest.approx(points.mean() + half, abs=0.05 * half)


def test_interval_of_unequal_utterances_is_that_of_a_ratio():
    errors_a, errors_b, words = made_up()
    errors_b = errors_a - words // 4 + np.arange(words.size) % 2
    extra = errors_b - errors_a
    ratio = extra.sum() / words.sum()
    half = 196 * np.sqrt(np.sum((extra - ratio * words) ** 2)) / words.sum()
    result = paired_bootstrap(errors_a, errors_b, words, seed=1)
    assert (result.high - result.low) / 2 == pytest.approx(half, rel=0.05)
    assert (result.high + result.low) / 2 == pytest.approx(100 * ratio, abs=0.1 * half)


def test_interval_holds_the_truth_as_often_as_it_claims():
    truth = -100 * 0.3 / 10
    words = np.full(100, 10)
    held = []
    for seed in range(300):
        errors_a, errors_b, _ = made_up(seed, utterances=100)
        result = paired_bootstrap(errors_a, errors_b, words, 400, seed)
        held.append(result.low <= truth <= result.high)
    assert np.mean(held) == pytest.approx(0.95, abs=0.04)


def test_p_values_of_equal_systems_are_uniform():
    p = [matched_pairs(*made_up(seed, gain=0.0)[:2]).p for seed in range(1000)]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.02)
    assert np.mean(np.array(p) < 0.5) == pytest.approx(0.5, abs=0.05)


def test_z_is_the_paired_t_statistic_and_p_its_limit():
    errors_a, errors_b, _ = made_up(utterances=5000, gain=0.05)
    expected = ttest_rel(errors_b, errors_a)
    result = matched_pairs(errors_a, errors_b)
    assert result.z == pytest.approx(expected.statistic)
    assert result.p == pytest.approx(expected.pvalue, rel=0.02)


def test_identical_systems():
    errors, _, words = made_up()
    assert paired_bootstrap(errors, errors, words) == (0.0, 0.0, 0.5)
    assert matched_pairs(errors, errors) == (0.0, 1.0)


def test_swapped_systems_mirror():
    errors_a, errors_b, words = made_up(gain=0.1)
    low, high, better = paired_bootstrap(errors_a, errors_b, words)
    swapped = paired_bootstrap(errors_b, errors_a, words)
    assert swapped == pytest.approx((-high, -low, 1 - better))
    z, p = matched_pairs(errors_a, errors_b)
    assert matched_pairs(errors_b, errors_a) == (-z, p)


def test_a_constant_gain_is_certain():
    errors = np.arange(20)
    assert matched_pairs(errors + 1, errors) == (-np.inf, 0.0)


def test_the_seed_decides(monkeypatch):
    systems = made_up()
    result = paired_bootstrap(*systems, seed=3)
    assert paired_bootstrap(*systems, seed=3) == result
    assert paired_bootstrap(*systems, seed=4) != result
    monkeypatch.setattr(significance, "DRAWS_AT_ONCE", 700)
    assert paired_bootstrap(*systems, seed=3) == result


def test_memory_is_bounded():
    errors_a, errors_b, words = made_up(utterances=20_000)
    tracemalloc.start()
    paired_bootstrap(errors_a, errors_b, words, resamples=1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64e6  # all draws at once are 160 MB


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(ValueError, match="errors of 3 and of 2 utterances"):
        matched_pairs([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="words of 1 utterances and errors of 2"):
        paired_bootstrap([1, 2], [1, 2], [4])
    with pytest.raises(ValueError, match="1 utterances, expected at least 2"):
        matched_pairs([1], [1])
    with pytest.raises(ValueError, match="50 resamples, expected at least 100"):
        paired_bootstrap([1, 2], [1, 2], [4, 4], resamples=50)

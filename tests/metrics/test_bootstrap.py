import numpy as np
import pytest
import scipy.stats

from product_recommender.metrics.bootstrap import (
    NO_DIFFERENCE,
    bootstrap_interval,
    bootstrap_ratio_interval,
    bootstrap_rmse_interval,
    holm,
    paired_differences,
    paired_rmse_differences,
    verdict_word,
)


def scipy_interval(data, statistic, **options):
    result = scipy.stats.bootstrap(
        data,
        statistic,
        n_resamples=4000,
        method="percentile",
        rng=np.random.default_rng(1),
        **options,
    )
    return result.confidence_interval.low, result.confidence_interval.high


@pytest.mark.parametrize("kind", ["continuous", "few distinct values"])
def test_mean_against_scipy(kind):
    rng = np.random.default_rng(0)
    values = rng.exponential(size=400) if kind == "continuous" else rng.binomial(3, 0.1, 400) / 3
    low, high = bootstrap_interval(values, n_resamples=4000, seed=5)
    expected = scipy_interval((values,), np.mean, vectorized=True)
    width = expected[1] - expected[0]
    assert (low, high) == pytest.approx(expected, abs=0.06 * width)


def test_rmse_and_ratio_against_scipy():
    rng = np.random.default_rng(4)
    counts = rng.integers(1, 6, 300).astype(float)
    squares = rng.gamma(1.0, size=300) * counts
    expected = scipy_interval(
        (squares, counts),
        lambda s, c, axis: np.sqrt(s.sum(axis) / c.sum(axis)),
        paired=True,
        vectorized=True,
    )
    low, high = bootstrap_rmse_interval(squares, counts, n_resamples=4000, seed=2)
    assert (low, high) == pytest.approx(expected, abs=0.06 * (expected[1] - expected[0]))
    ratio = bootstrap_ratio_interval(squares, counts, n_resamples=4000, seed=2)
    assert np.sqrt(ratio) == pytest.approx((low, high), rel=1e-4)


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(7)
    covered = 0
    for trial in range(200):
        low, high = bootstrap_interval(rng.random(150) < 0.3, 300, seed=trial, level=0.9)
        covered += low <= 0.3 <= high
    # binomial(200, 0.9) has the standard deviation 4.2
    assert 165 <= covered <= 194


def test_same_seed_same_answer_whatever_the_block(monkeypatch):
    continuous = np.random.default_rng(1).random(500)
    coarse = np.round(continuous, 1)
    before = [bootstrap_interval(v, 200, seed=9) for v in (continuous, coarse)]
    assert before[0] != bootstrap_interval(continuous, 200, seed=10)
    monkeypatch.setattr("product_recommender.metrics.bootstrap._BLOCK_COUNTS", 3000)
    after = [bootstrap_interval(v, 200, seed=9) for v in (continuous, coarse)]
    np.testing.assert_allclose(after, before, rtol=1e-12)


def test_one_user_and_constant_values_have_no_width():
    assert bootstrap_interval(np.array([0.4]), 50) == pytest.approx((0.4, 0.4))
    assert bootstrap_interval(np.full(1000, 0.25), 50) == (0.25, 0.25)
    assert bootstrap_rmse_interval(np.array([4.0]), np.array([1.0]), 50) == (2.0, 2.0)


def test_wider_level_gives_wider_interval():
    values = np.random.default_rng(0).random(200)
    narrow, wide = (bootstrap_interval(values, 500, 0, level) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < values.mean() < narrow[1] < wide[1]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="no users"):
        bootstrap_interval(np.array([]))
    with pytest.raises(ValueError, match="1 of 2 values are NaN"):
        bootstrap_interval(np.array([1, np.nan]))
    with pytest.raises(ValueError, match="level is 95"):
        bootstrap_interval(np.ones(3), level=95)
    with pytest.raises(ValueError, match="n_resamples"):
        bootstrap_interval(np.ones(3), n_resamples=0)
    with pytest.raises(ValueError, match="1 users have no purchase"):
        bootstrap_rmse_interval(np.ones(2), np.array([1, 0]))
    with pytest.raises(ValueError, match="2 values against 3"):
        paired_differences(np.ones(2), np.ones(3))


def test_paired_difference_sees_what_unpaired_intervals_cannot():
    rng = np.random.default_rng(0)
    of_user = rng.normal(0, 10, 500)  # users differ far more than the models do
    a, b = of_user + rng.normal(0.3, 1, 500), of_user + rng.normal(0, 1, 500)
    found = paired_differences(a, b, 2000, seed=3)
    assert found.difference == pytest.approx((a - b).mean())
    assert 0 < found.low < found.difference < found.high
    assert found.p_value < 0.01
    assert paired_differences(b, a, 2000, seed=3).high == pytest.approx(-found.low)


def test_p_value_without_a_difference():
    rng = np.random.default_rng(11)
    assert paired_differences(np.ones(50), np.ones(50), 100).p_value == 1
    values = [paired_differences(*rng.normal(size=(2, 100)), 300, seed=i)[3] for i in range(200)]
    # uniform under the null: about one in ten below 0.1
    assert 5 <= sum(p < 0.1 for p in values) <= 38
    assert min(values) >= 2 / 301


def test_paired_rmse_differences():
    rng = np.random.default_rng(2)
    counts = rng.integers(1, 4, 400).astype(float)
    a = rng.gamma(2.0, size=400) * counts
    found = paired_rmse_differences(a, a * 0.81, counts, 500)
    rmse = np.sqrt(a.sum() / counts.sum())
    assert found.difference == pytest.approx(rmse - 0.9 * rmse)
    assert found.low < found.difference < found.high
    assert found.p_value == pytest.approx(2 / 501)
    assert paired_rmse_differences(a, a, counts, 500).p_value == 1


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 times 4 3 2 1 = .04 .06 .06 .04, then the running maximum
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.03, 0.02])), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.5, 0.9])), [1.0, 1.0])
    np.testing.assert_allclose(holm(np.array([0.2])), [0.2])
    assert len(holm(np.array([]))) == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(np.array([0.1, np.nan]))


def test_a_hundred_thousand_users_with_few_distinct_values_are_quick():
    import time

    values = np.random.default_rng(0).choice(
        [0, 0.3, 0.5, 1], p=[0.9, 0.04, 0.03, 0.03], size=10**5
    )
    start = time.process_time()
    low, high = bootstrap_interval(values, 1000)
    assert time.process_time() - start < 3
    error = values.std() / np.sqrt(len(values))
    assert (high - low) == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_a_difference_needs_its_interval_and_its_p_value() -> None:
    assert verdict_word(0.1, 0.05, 0.2, p_holm=0.01) == "better"
    assert verdict_word(-0.1, -0.2, -0.05, p_holm=0.01) == "worse"
    assert verdict_word(-0.1, -0.2, -0.05, p_holm=0.01, larger_is_better=False) == "better"
    assert verdict_word(0.1, 0.05, 0.2, p_holm=0.05) == NO_DIFFERENCE, "not below alpha"
    assert verdict_word(0.1, 0.0, 0.2, p_holm=0.01) == NO_DIFFERENCE, "the interval touches zero"

"""The simplex solver against hand-worked optima, a grid and its own optimality rules."""

import itertools

import numpy as np
import pytest

from product_recommender.recommenders.simplex import learn_segment_weights, minimise_on_simplex


def _random_hessian(rng, models, rows=30):
    errors = rng.normal(size=(rows, models)) + rng.normal(size=models)
    return errors.T @ errors / rows


def test_two_independent_models_weigh_by_precision():
    # Errors with variances 1 and 4 and no covariance: w = (4, 1) / 5.
    np.testing.assert_allclose(minimise_on_simplex(np.diag([1.0, 4.0])), [0.8, 0.2], atol=1e-7)


def test_worse_and_strongly_correlated_model_gets_nothing():
    # Unconstrained optimum would be (1.75, -.75): variance 1, 4, covariance 1.9.
    hessian = np.array([[1.0, 1.9], [1.9, 4.0]])
    np.testing.assert_array_equal(minimise_on_simplex(hessian), [1.0, 0.0])


def test_identical_models_share_evenly():
    hessian = np.full((3, 3), 2.0)
    np.testing.assert_allclose(minimise_on_simplex(hessian), np.full(3, 1 / 3), atol=1e-6)


def test_no_error_at_all_gives_equal_weights():
    np.testing.assert_array_equal(minimise_on_simplex(np.zeros((4, 4))), np.full(4, 0.25))


@pytest.mark.parametrize("seed", range(20))
def test_nothing_on_a_fine_grid_is_better(seed):
    hessian = _random_hessian(np.random.default_rng(seed), 3)
    weights = minimise_on_simplex(hessian)
    grid = np.array(
        [(a, b, 200 - a - b) for a, b in itertools.product(range(201), repeat=2) if a + b <= 200]
    )
    values = np.einsum("gi,ij,gj->g", grid / 200, hessian, grid / 200)
    assert weights @ hessian @ weights <= values.min() + 1e-9
    assert np.abs(weights - grid[values.argmin()] / 200).max() < 0.05


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("models", [1, 2, 7, 14])
def test_optimality_conditions_hold(seed, models):
    rng = np.random.default_rng(seed)
    # Fewer rows than models makes the matrix singular.
    hessian = _random_hessian(rng, models, rows=int(rng.integers(2, 40)))
    weights = minimise_on_simplex(hessian)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    gradient, price = hessian @ weights, weights @ hessian @ weights
    tolerance = 1e-6 * np.trace(hessian)
    assert (gradient >= price - tolerance).all()
    assert np.abs((gradient - price) * weights).max() <= tolerance


def test_non_finite_answers_are_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        minimise_on_simplex(np.array([[1.0, np.nan], [np.nan, 1.0]]))


def _two_worlds(n=4000, seed=0):
    """Model 0 is right in segment 0, model 1 in segment 1; segment 2 has three pairs."""
    rng = np.random.default_rng(seed)
    segment = rng.integers(0, 2, n)
    segment[:3] = 2
    outcome = rng.normal(size=n)
    noise = rng.normal(size=(n, 2))
    good = np.stack([segment == 0, segment == 1], axis=1)
    predictions = outcome[:, None] + np.where(good, 0.1, 1.0) * noise
    return predictions, outcome, segment


def _learn(**changed):
    predictions, outcome, segment = _two_worlds()
    arguments = {"min_pairs": 10, "shrinkage_pairs": 0.0} | changed
    return learn_segment_weights(
        predictions, outcome, segment, ("left", "right", "tiny"), ("a", "b"), **arguments
    )


def test_each_segment_finds_its_own_model():
    learnt = _learn()
    # Variances .01 and 1: the better one gets 1 / 1.01.
    assert learnt.by_segment["left"][0] == pytest.approx(0.99, abs=0.01)
    assert learnt.by_segment["right"][1] == pytest.approx(0.99, abs=0.01)
    assert learnt.overall[0] == pytest.approx(0.5, abs=0.05)


def test_small_segment_uses_everybodys_weights():
    learnt = _learn()
    np.testing.assert_array_equal(learnt.by_segment["tiny"], learnt.overall)
    assert learnt.pairs["tiny"] == 0  # of its three pairs alone nothing was learnt
    assert learnt.overall_pairs == 4000
    assert learnt.overall_pairs == sum(learnt.pairs.values()) + 3


def test_shrinkage_pulls_towards_everybody():
    far = [
        np.abs(w.by_segment["left"] - w.overall).max()
        for w in (_learn(), _learn(shrinkage_pairs=2000.0), _learn(shrinkage_pairs=1e9))
    ]
    assert far[0] > far[1] > far[2]
    assert far[2] < 1e-3


def test_importance_stands_for_repeated_rows():
    predictions, outcome, segment = _two_worlds(n=60)
    times = np.random.default_rng(1).integers(1, 4, 60)
    weighted = learn_segment_weights(
        predictions, outcome, segment, ("l", "r", "t"), ("a", "b"), importance=times
    )
    repeated = learn_segment_weights(
        np.repeat(predictions, times, axis=0),
        np.repeat(outcome, times),
        np.repeat(segment, times),
        ("l", "r", "t"),
        ("a", "b"),
    )
    np.testing.assert_allclose(weighted.overall, repeated.overall, atol=1e-9)


def test_only_counted_rows_are_pairs():
    counted = np.zeros(4000, dtype=bool)
    counted[100:104] = True
    learnt = _learn(counted=counted)
    assert learnt.overall_pairs == 4
    assert set(learnt.pairs.values()) == {0}
    np.testing.assert_array_equal(learnt.by_segment["left"], learnt.overall)


def test_unseen_segments_get_everybodys_weights():
    rows = _learn().rows(["left", "never seen"])
    np.testing.assert_array_equal(rows[1], _learn().overall)
    np.testing.assert_array_equal(rows[0], _learn().by_segment["left"])


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(ValueError, match="nothing to learn"):
        learn_segment_weights(np.empty((0, 2)), np.empty(0), np.empty(0), (), ("a", "b"))

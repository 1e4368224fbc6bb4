"""Models answer as the library that fitted them, and survive being arrays."""

from __future__ import annotations

import numpy as np
import pytest

from product_recommender.propensity.features import FEATURES
from product_recommender.propensity.models import (
    MODELS,
    BothModel,
    LinearModel,
    LogOddsModel,
    fit_candidates,
)
from product_recommender.propensity.settings import SplineSettings, TreeSettings
from product_recommender.propensity.splines import SplineModel
from product_recommender.propensity.trees import TreesModel

Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def rows() -> Rows:
    """A valley in the first feature, a slope in the second, a flag in the third, noise after."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(6000, len(FEATURES))).astype(np.float32)
    features[:, 2] = features[:, 2] > 0
    features[:, 3] = 1.5  # never differs
    truth = 2 * np.abs(features[:, 0]) + features[:, 1] - features[:, 2] - 2
    outcomes = rng.random(len(features)) < 1 / (1 + np.exp(-truth))
    return features, outcomes, rng.integers(1, 4, len(features)).astype(np.float64)


@pytest.fixture(scope="module")
def fitted(rows: Rows) -> dict[str, LogOddsModel]:
    names = ["splines", "trees", "splines_and_trees"]
    models = fit_candidates(names, *rows, SplineSettings(), TreeSettings(trees=40), seed=0)
    return models | {"linear": LinearModel.fit(*rows)}


def test_linear_model_is_that_of_scikit_learn(rows: Rows) -> None:
    from sklearn.linear_model import LogisticRegression

    features, outcomes, weights = rows
    names = ("customer_purchases", "customer_recency")
    columns = [FEATURES.index(name) for name in names]
    other = LogisticRegression(C=1e6).fit(features[:, columns], outcomes, sample_weight=weights)
    np.testing.assert_allclose(
        LinearModel.fit(*rows, names=names).log_odds(features),
        other.decision_function(features[:, columns]),
        atol=5e-3,
    )


def test_trees_are_those_of_scikit_learn(rows: Rows) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier

    features, outcomes, weights = rows
    settings = TreeSettings(trees=25, leaves=9, min_rows=30)
    other = HistGradientBoostingClassifier(
        learning_rate=settings.learning_rate,
        max_iter=25,
        max_leaf_nodes=9,
        min_samples_leaf=30,
        l2_regularization=settings.l2,
        max_bins=63,
        early_stopping=False,
        random_state=0,
    ).fit(features, outcomes, sample_weight=weights)
    fresh = np.random.default_rng(1).normal(size=(500, len(FEATURES))).astype(np.float32)
    np.testing.assert_allclose(
        TreesModel.fit(*rows, settings, seed=0).log_odds(fresh),
        other.decision_function(fresh),
        atol=1e-9,
    )


def test_a_curve_follows_the_valley(rows: Rows) -> None:
    features, outcomes, weights = rows
    model = SplineModel.fit(features, outcomes, weights, SplineSettings(knots=7))
    valley, slope = np.zeros((3, len(FEATURES))), np.zeros((2, len(FEATURES)))
    valley[:, 0], slope[:, 1] = [-1.5, 0, 1.5], [-1, 1]
    left, middle, right = model.log_odds(valley.astype(np.float32))
    # The truth is 3 deep on either side; linear pieces between few knots cut the corner.
    assert 1.8 < left - middle < 3.3
    assert 1.8 < right - middle < 3.3
    low, high = model.log_odds(slope.astype(np.float32))
    assert high - low == pytest.approx(2, abs=0.4)


def test_a_curve_is_flat_beyond_its_knots_and_where_nothing_differs(
    fitted: dict[str, LogOddsModel],
) -> None:
    far = np.zeros((4, len(FEATURES)), dtype=np.float32)
    far[:, 0] = [5, 50, 5, 5]
    far[:, 3] = [1.5, 1.5, -80, 80]
    answers = fitted["splines"].log_odds(far)
    assert answers == pytest.approx(np.full(4, answers[0]))


def test_levels_of_whole_periods_get_a_straight_line() -> None:
    rng = np.random.default_rng(0)
    features = np.zeros((4000, len(FEATURES)), dtype=np.float32)
    rate = FEATURES.index("category_rate")
    features[:, rate] = rng.choice([-4.0, -3.0, -2.0, -1.0], size=4000)
    features[:, 0] = rng.normal(size=4000)
    outcomes = rng.random(4000) < np.where(features[:, rate] == -3, 0.5, 0.1)
    model = SplineModel.fit(features, outcomes, np.ones(4000), SplineSettings())
    steps = np.zeros((4, len(FEATURES)), dtype=np.float32)
    steps[:, rate] = [-4, -3, -2, -1]
    assert np.diff(model.log_odds(steps), n=2) == pytest.approx(np.zeros(2), abs=1e-5)


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_arrays_hold_the_whole_model(
    kind: str, fitted: dict[str, LogOddsModel], rows: Rows
) -> None:
    again = MODELS[kind].from_arrays(fitted[kind].arrays())
    np.testing.assert_array_equal(again.log_odds(rows[0]), fitted[kind].log_odds(rows[0]))


def test_both_is_the_mean(fitted: dict[str, LogOddsModel], rows: Rows) -> None:
    both = fitted["splines_and_trees"]
    assert isinstance(both, BothModel)
    mean = (fitted["splines"].log_odds(rows[0]) + fitted["trees"].log_odds(rows[0])) / 2
    np.testing.assert_array_equal(both.log_odds(rows[0]), mean)


def test_only_what_is_asked_for_is_fitted(rows: Rows) -> None:
    found = fit_candidates(["trees"], *rows, SplineSettings(), TreeSettings(trees=2), seed=0)
    assert list(found) == ["trees"]
    found = fit_candidates(
        ["splines_and_trees"], *rows, SplineSettings(), TreeSettings(trees=2), seed=0
    )
    assert list(found) == ["splines_and_trees"]

"""Features become standardised columns by rules that were learnt once."""

import numpy as np
import pytest

from product_recommender.personas.features import FeatureRule, FeatureSpace

PLAIN = FeatureRule()


def test_standardised_by_hand() -> None:
    columns = {"x": np.array([1.0, 2.0, 3.0])}
    space = FeatureSpace.fit(columns, {"x": PLAIN}, 0.0)
    expected = np.array([-1, 0, 1]) / np.sqrt(2 / 3)
    np.testing.assert_allclose(space.transform(columns)[:, 0], expected)


def test_log_makes_equal_steps_of_equal_ratios() -> None:
    columns = {"x": np.array([0.0, 9.0, 99.0])}
    space = FeatureSpace.fit(columns, {"x": FeatureRule("log1p")}, 0.0)
    low, middle, high = space.transform(columns)[:, 0]
    assert middle - low == pytest.approx(high - middle)


@pytest.mark.parametrize(("missing", "fill"), [("median", 4.0), ("zero", 0.0)])
def test_nulls_take_the_rule(missing: str, fill: float) -> None:
    columns = {"x": np.array([1.0, 4.0, 10.0, np.nan])}
    space = FeatureSpace.fit(columns, {"x": FeatureRule(missing=missing)}, 0.0)
    assert space.scales[0].fill == fill
    result = space.transform(columns)[:, 0]
    values = np.array([1.0, 4.0, 10.0, max(fill, 1.0)])  # zero lies below the winsorising bound
    np.testing.assert_allclose(result, (values - values.mean()) / values.std())


def test_later_customers_are_placed_by_the_training_rule() -> None:
    space = FeatureSpace.fit({"x": np.array([0.0, 2.0])}, {"x": PLAIN}, 0.0)
    later = space.transform({"x": np.array([1.0, 2.0, 50.0, np.nan])})[:, 0]
    np.testing.assert_allclose(later, [0.0, 1.0, 1.0, 0.0])


def test_outliers_are_pulled_in() -> None:
    values = np.concatenate([np.arange(1000.0), [1e9]])
    space = FeatureSpace.fit({"x": values}, {"x": PLAIN}, 0.01)
    assert space.transform({"x": values}).max() < 2


def test_a_feature_that_only_outliers_move_is_dropped() -> None:
    values = np.zeros(1000)
    values[0] = 1.0  # kept, this one customer would lie 32 standard deviations away
    columns = {"rare": values, "spread": np.arange(1000.0) % 2}
    space = FeatureSpace.fit(columns, {"rare": PLAIN, "spread": PLAIN}, 0.005)
    assert space.names == ("spread",)


def test_constant_and_unknown_features_are_dropped_with_a_reason() -> None:
    columns = {"x": np.array([1.0, 2.0]), "c": np.ones(2), "n": np.full(2, np.nan)}
    space = FeatureSpace.fit(columns, {"c": PLAIN, "n": PLAIN, "x": PLAIN}, 0.0)
    assert space.names == ("x",)
    assert space.dropped == {"c": "constant, outliers apart", "n": "no customer has a value"}


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(KeyError, match="colour"):
        FeatureSpace.fit({"x": np.ones(2)}, {"colour": PLAIN}, 0.0)

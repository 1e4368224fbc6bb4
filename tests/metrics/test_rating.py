import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error

from product_recommender.metrics.rating import mae, mse, rmse


def test_by_hand():
    predictions, stars = np.array([4.0, 2.0, 5.0, 3.0]), np.array([5, 2, 3, 4])
    assert mse(predictions, stars) == pytest.approx((1 + 0 + 4 + 1) / 4)
    assert rmse(predictions, stars) == pytest.approx(np.sqrt(1.5))
    assert mae(predictions, stars) == pytest.approx(1.0)


def test_against_scikit_learn_in_float32():
    rng = np.random.default_rng(3)
    stars = rng.integers(1, 6, 5000).astype(np.float32)
    predictions = rng.uniform(1, 5, 5000).astype(np.float32)
    wide = predictions.astype(np.float64)
    assert mse(predictions, stars) == pytest.approx(mean_squared_error(stars, wide), rel=1e-12)
    assert mae(predictions, stars) == pytest.approx(mean_absolute_error(stars, wide), rel=1e-12)


@pytest.mark.parametrize("metric", [mse, rmse, mae])
def test_refuses_what_has_no_value(metric):
    with pytest.raises(ValueError, match="no pair"):
        metric(np.array([]), np.array([]))
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        metric(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="1 of 2"):
        metric(np.array([1.0, np.nan]), np.ones(2))

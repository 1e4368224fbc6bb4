"""How far predicted stars are from given stars."""

from __future__ import annotations

import numpy as np


def mse(predictions: np.ndarray, stars: np.ndarray) -> float:
    """Mean squared error in squared stars.

    Parameters
    ----------
    predictions, stars
        float ``[n]``, aligned.

    Raises
    ------
    ValueError
        If there are no pairs, the lengths differ or a value is NaN.
    """
    return float(np.mean(_errors(predictions, stars) ** 2))


def rmse(predictions: np.ndarray, stars: np.ndarray) -> float:
    """Root of the mean squared error, in stars. Parameters and errors as of ``mse``."""
    return float(np.sqrt(mse(predictions, stars)))


def mae(predictions: np.ndarray, stars: np.ndarray) -> float:
    """Mean absolute error in stars. Parameters and errors as of ``mse``."""
    return float(np.mean(np.abs(_errors(predictions, stars))))


def _errors(predictions: np.ndarray, stars: np.ndarray) -> np.ndarray:
    predictions = np.asarray(predictions, dtype=np.float64)
    stars = np.asarray(stars, dtype=np.float64)
    if predictions.shape != stars.shape:
        raise ValueError(
            f"predictions have the shape {predictions.shape}, stars have {stars.shape}; "
            "give one prediction for each star rating"
        )
    if predictions.size == 0:
        raise ValueError("there is no pair to compare: an error over nothing has no value")
    errors = predictions - stars
    n_missing = int(np.isnan(errors).sum())
    if n_missing:
        raise ValueError(f"{n_missing} of {errors.size} predictions or stars are NaN")
    return errors

"""The reliability figure draws the table, and says so where there is nothing to draw."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from product_recommender.figures.propensity import reliability_figure

GENERATED = {"data": {"label": "generated data (made up)", "generated": True}}


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        ("trees", 1, 0.001, 0.0, 0.0, 0.002, 900, 0),
        ("trees", 2, 0.1, 0.12, 0.1, 0.14, 900, 108),
        ("recency_frequency", 1, 0.05, 0.06, 0.05, 0.07, 1800, 108),
    ]
    names = ["model", "bin", "mean_probability", "purchase_share", "low", "high"]
    return pd.DataFrame(rows, columns=[*names, "questions", "purchases"])


@pytest.fixture
def metrics() -> pd.DataFrame:
    rows = [
        (model, "overall", metric, value)
        for model, of in (("trees", (0.81, 0.01)), ("recency_frequency", (0.7, 0.02)))
        for metric, value in zip(("auc", "calibration_error"), of, strict=True)
    ]
    return pd.DataFrame(rows, columns=["model", "slice", "metric", "value"])


def report(**changes: Any) -> dict[str, Any]:
    basis = {"model": "trees", "period_days": 30, "questions": 1800, "purchases": 108, "notes": []}
    return basis | changes


def test_draws_every_bin_and_names_the_data(table: pd.DataFrame, metrics: pd.DataFrame) -> None:
    figure = reliability_figure(table, metrics, report(), GENERATED)
    assert "generated data" in figure.layout.title.text
    assert "108 came true" in figure.layout.title.text
    diagonal, baseline, model = figure.data
    assert list(diagonal.x) == list(diagonal.y)
    assert list(baseline.x) == [0.05]
    assert list(model.x) == [0.1, 0.001]
    assert model.y[0] == 0.12
    assert list(model.marker.symbol) == ["circle", "triangle-down-open"]
    assert 0 < model.y[1] < 0.001 * 1.2  # none bought: on the floor of the logarithmic axis
    assert model.error_y.array[0] == pytest.approx(0.02)
    assert "AUC 0.810" in model.name
    assert "AUC 0.700" in baseline.name
    assert model.text[0].strip() == "108"


def test_axes_hold_every_point(table: pd.DataFrame, metrics: pd.DataFrame) -> None:
    figure = reliability_figure(table, metrics, report(), GENERATED)
    low, high = (10**end for end in figure.layout.xaxis.range)
    assert low < 0.001
    assert high > 0.14
    assert figure.layout.yaxis.range == figure.layout.xaxis.range


def test_without_periods_the_reason_stands_there(metrics: pd.DataFrame) -> None:
    empty = pd.DataFrame(columns=["model", "bin"])
    words = report(questions=0, purchases=0, notes=["Seven days are <b>short</b>."])
    figure = reliability_figure(empty, metrics, words, GENERATED)
    assert not figure.data
    assert figure.layout.annotations[0].text == "Seven days are &lt;b&gt;short&lt;/b&gt;."

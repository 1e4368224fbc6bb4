"""The averages over seeds behind the README's table, worked out by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from benchmarks.evaluate import RANKING, markdown, summarise

CUSTOMERS = [f"c{number}" for number in range(40)]


def run_of(ndcg: dict[str, float], squared_error: float) -> dict[str, pd.DataFrame]:
    """What one seed leaves: every customer the same value, one rating of the model `a` each."""
    customers = pd.concat(
        pd.DataFrame({"model": model, "customer_id": CUSTOMERS, **dict.fromkeys(RANKING, value)})
        for model, value in ndcg.items()
    )
    errors = pd.DataFrame(
        {"customer_id": CUSTOMERS, "sum": squared_error, "count": 1, "model": "a"}
    )
    slices = pd.DataFrame(
        [
            {"model": model, "slice": part, "metric": "ndcg@10", "value": value}
            for model, value in ndcg.items()
            for part in ("warm", "cold")
        ]
        + [
            {"model": model, "slice": name, "metric": metric, "value": value / 2}
            for model, value in ndcg.items()
            for name, metric in (("history=2-4", "ndcg@10"), ("overall", "coverage@10"))
        ]
        + [{"model": "global_mean", "slice": "overall", "metric": "rmse", "value": 1.5}]
    )
    return {"customers": customers, "errors": errors, "slices": slices}


@pytest.fixture(scope="module")
def summary() -> tuple[pd.DataFrame, pd.DataFrame]:
    return summarise(
        [
            run_of({"a": 0.2, "recent_popularity": 0.1}, 1.0),
            run_of({"a": 0.4, "recent_popularity": 0.1}, 4.0),
        ]
    )


def test_numbers_are_means_over_seeds(summary: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    rows = summary[0].set_index("model")
    assert rows.index.tolist() == ["a", "recent_popularity", "global_mean"]
    assert rows.loc["global_mean", "rmse"] == pytest.approx(1.5)
    assert rows.loc["a", "ndcg@10"] == pytest.approx(0.3)
    assert rows.loc["a", "ndcg_sd_over_seeds"] == pytest.approx(0.02**0.5)
    assert rows.loc["a", "ndcg@10 warm"] == pytest.approx(0.3)
    assert rows.loc["a", "rmse"] == pytest.approx(2.5**0.5)
    assert pd.isna(rows.loc["recent_popularity", "rmse"])


def test_intervals_are_over_customers_who_do_not_differ_here(
    summary: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    row = summary[0].set_index("model").loc["a"]
    assert row["ndcg_low"] == pytest.approx(0.3)
    assert row["ndcg_high"] == pytest.approx(0.3)


def test_page_has_a_row_per_model_and_no_nan(
    summary: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    content = {
        "data": {"label": "made up", "sha256": "0" * 64},
        "seeds": [0, 1],
        "trials": 0,
        "wall_seconds": 1.0,
        "peak_memory_mb": 1.0,
        "split": {
            "train_until": "2015-01-01",
            "validation_until": "2015-02-01",
            "last_day": "2015-03-01",
            "reviews": {"train": 8, "validation": 1, "test": 1},
        },
    }
    page = markdown(*summary, content, "python -m benchmarks.evaluate")
    assert "| a | 0.3000 | 0.3000 - 0.3000 | 0.1414 |" in page
    assert "| global_mean | - | - | - | - | - | - | 1.5000 | - |" in page
    assert "| model | history 0 | history 1 | history 2-4 | history 5+ | coverage |" in page
    assert "| a | - | - | 0.1500 | - | 0.1500 | - |" in page
    assert "nan" not in page


def test_models_are_compared_with_recent_popularity(
    summary: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    compared = summary[1].set_index("model")
    assert compared.index.tolist() == ["a"]
    assert compared.loc["a", "difference"] == pytest.approx(0.2)
    assert compared.loc["a", "p_holm"] < 0.05

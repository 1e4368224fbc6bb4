"""The page of the propensity benchmark, and when its claims hold."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.propensity import holds, markdown


def run_of(lead_low: float, error: float) -> dict[str, Any]:
    counts = {"questions": 2000, "purchases": 40}
    rows = [
        {"model": model, "slice": "overall", "metric": metric, "value": value}
        | {"ci_low": value - 0.01, "ci_high": value + 0.01}
        | counts
        for model, of in (("trees", (0.8, error)), ("recency_frequency", (0.7, 0.2)))
        for metric, value in zip(("auc", "calibration_error"), of, strict=True)
    ]
    lead = {"auc": {"difference": 0.1, "ci_low": lead_low, "ci_high": 0.2}}
    report = {
        "data": {"label": "made up", "generated": True, "sha256": "0" * 64},
        "model": "trees",
        "baseline": "recency_frequency",
        "period_days": 30,
        "periods": ["2015-01-01/2015-01-30"],
        "customers": 1000,
        "expected_purchases": {"trees": 41.6, "recency_frequency": 50.0},
        "lead_over_baseline": lead,
        "notes": ["A note."],
    }
    return {
        "report": report | counts,
        "metrics": rows,
        "seconds": 3.0,
        "peak_memory_mb": 100,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("lead_low", "error", "expected"),
    [(0.01, 0.05, True), (0.0, 0.05, False), (0.01, 0.051, False)],
)
def test_claims(lead_low: float, error: float, expected: bool) -> None:
    assert holds(run_of(lead_low, error)) is expected


def test_nothing_measured_holds_nothing() -> None:
    run = run_of(0.01, 0.01)
    run["report"]["lead_over_baseline"] = {}
    assert not holds(run)


def test_page() -> None:
    page = markdown([run_of(0.01, 0.02)], "python -m benchmarks.propensity")
    assert "# Chances of a purchase, generated data" in page
    assert "## World of seed 7: made up" in page
    assert "base rate 2.00%" in page
    assert "42 (trees), 50 (recency_frequency)" in page
    assert "| AUC | 0.80000 [0.79000, 0.81000] | 0.70000 [0.69000, 0.71000] |" in page
    assert "| +0.10000 [+0.01000, +0.20000] |" in page
    assert "| Brier score | - | - | - |" in page
    assert "| overall | 2,000 | 40 |" in page
    assert "Note: A note." in page

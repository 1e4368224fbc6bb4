"""What the dashboard's benchmark makes of its timings."""

from __future__ import annotations

from benchmarks.dashboard import as_markdown, summed


def change(painted: float, control: str = "period", choice: str = "7d") -> dict[str, object]:
    return {
        "control": control,
        "choice": choice,
        "work_ms": painted / 2,
        "painted_ms": painted,
        "complete_ms": painted * 3,
    }


def test_medians_and_the_slowest_change() -> None:
    starts = [{"first_paint_ms": ms, "first_view_ms": 2 * ms} for ms in (90.0, 300.0, 120.0)]
    changes = {
        "overview": [change(10.0), change(30.0)],
        "sales": [change(20.0), change(50.0, "category", "toys")],
    }
    found = summed(starts, changes)
    assert found["first_paint_ms"] == {"median": 120.0, "p95": 300.0, "highest": 300.0}
    assert found["first_view_ms"]["median"] == 240.0
    assert found["filter_changes"] == 4
    assert found["filter_change_ms"] == {"median": 25.0, "p95": 50.0, "highest": 50.0}
    assert found["filter_complete_ms"]["highest"] == 150.0
    assert found["filter_change_ms_by_analysis"]["overview"]["highest"] == 30.0
    assert found["slowest"] == {"analysis": "sales", "control": "category", "choice": "toys"}
    machine = {"cores": 2, "processor": "P", "memory_gb": 4.0, "python": "3.11"}
    table = as_markdown({"a shop": {"bytes": 1_500_000, **found}}, machine)
    assert "| a shop | 1.50 MB | 120 ms (300) | 25 ms (50, 50), 4 changes |" in table

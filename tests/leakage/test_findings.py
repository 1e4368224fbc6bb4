"""When a run has to stop, and what it is told."""

from __future__ import annotations

import pandas as pd
import pytest

from product_recommender.leakage.findings import (
    LEAKS,
    Finding,
    LeakageError,
    findings_table,
    refuse_leaks,
    summary,
)


def everything_clean() -> list[Finding]:
    return [Finding(leak, "table", "rows", 5, 0) for leak in LEAKS]


def test_a_clean_report_passes_and_is_summed_up() -> None:
    table = findings_table(everything_clean())
    refuse_leaks(table)
    expected = {"outcome": "clean", "comparisons": 9, "rows": 45, "leaks_looked_for": 9}
    assert summary(table) == expected


def test_a_leak_stops_the_run_with_dataset_example_and_way_out() -> None:
    found = Finding("popularity", "bias.weights", "counts", 10, 3, "product code 7: 4 not 2.")
    table = findings_table([*everything_clean(), found])
    assert table.loc[0, "outcome"] == "leak"
    with pytest.raises(LeakageError) as stop:
        refuse_leaks(table)
    for words in ("popularity: bias.weights", "product code 7: 4 not 2.", "training", "kedro run"):
        assert words in str(stop.value)
    assert summary(table)["outcome"] == "leak"


def test_a_comparison_of_nothing_shows_nothing() -> None:
    empty = Finding("segments", "customer_segments", "rows", 0, 0)
    with pytest.raises(LeakageError, match="customer_segments holds nothing to compare"):
        refuse_leaks(findings_table([*everything_clean(), empty]))


def test_a_leak_that_nobody_looked_for_stops_the_run() -> None:
    table = findings_table(everything_clean())
    without = table[table["leak"] != "id_map"]
    with pytest.raises(LeakageError, match="Nothing was compared for id_map"):
        refuse_leaks(without)
    with pytest.raises(LeakageError, match="Nothing was compared for split, "):
        refuse_leaks(pd.DataFrame(columns=table.columns))


def test_an_unknown_leak_is_refused_where_it_is_made() -> None:
    with pytest.raises(ValueError, match="'moon' is no leak"):
        Finding("moon", "table", "rows", 1, 0)

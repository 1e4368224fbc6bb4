"""Print how the models of the last run compare."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from product_recommender.answers.safe_text import safe

if TYPE_CHECKING:
    from rich.console import Console

WIDE = 118
"""Columns from which every number fits on one line."""

RANK_BASELINE = "recent_popularity"


@dataclass(frozen=True)
class Comparison:
    """One row a model, in the order of the leaderboard.

    Attributes
    ----------
    rows
        ``model``, and of the test period: ``ndcg``, ``ndcg_low``, ``ndcg_high``, ``warm``,
        ``cold``, ``coverage``, ``rmse``, ``rmse_low``, ``rmse_high``, ``difference`` (of NDCG, from
        the baseline), ``verdict`` (``better``, ``worse``, ``no difference shown`` or empty).
    k
        Length of the lists.
    baseline
        Which model the verdicts are against.
    """

    rows: pd.DataFrame
    k: int
    baseline: str


def compare_models(
    leaderboard: pd.DataFrame, metrics: pd.DataFrame, report: dict[str, Any]
) -> Comparison:
    """Put intervals and verdicts beside the leaderboard.

    Parameters
    ----------
    leaderboard, metrics, report
        The datasets `leaderboard`, `metrics` and `evaluation_report` of one run.

    Raises
    ------
    ValueError
        If the leaderboard has no NDCG column, so that it is none of ours.
    """
    found = [re.fullmatch(r"ndcg@(\d+)", str(column)) for column in leaderboard.columns]
    lengths = [int(match[1]) for match in found if match]
    if not lengths:
        raise ValueError(
            f"The leaderboard has no column ndcg@k, only {', '.join(map(str, leaderboard))}. "
            "Make it again: kedro run --pipelines=evaluation"
        )
    metric = f"ndcg@{lengths[0]}"
    test = metrics[(metrics["split"] == "test") & (metrics["slice"] == "overall")]
    bounds = test.set_index(["metric", "model"])[["ci_low", "ci_high"]]
    verdicts = {row["model"]: row for row in report["comparisons"] if row["metric"] == metric}
    rows = pd.DataFrame(
        {
            "model": leaderboard["model"],
            "ndcg": leaderboard[metric],
            "warm": leaderboard.get(f"{metric} warm", float("nan")),
            "cold": leaderboard.get(f"{metric} cold", float("nan")),
            "coverage": leaderboard.get(f"coverage@{lengths[0]}", float("nan")),
            "rmse": leaderboard["rmse"],
        }
    )
    for name, of_metric in (("ndcg", metric), ("rmse", "rmse")):
        own = bounds.reindex([(of_metric, model) for model in rows["model"]])
        rows[f"{name}_low"], rows[f"{name}_high"] = own["ci_low"].array, own["ci_high"].array
    rows["difference"] = [
        float(verdicts[model]["difference"]) if model in verdicts else float("nan")
        for model in rows["model"]
    ]
    rows["verdict"] = [
        _short(verdicts[model]["verdict"]) if model in verdicts else "" for model in rows["model"]
    ]
    baselines = {str(row["baseline"]) for row in verdicts.values()}
    return Comparison(rows, lengths[0], next(iter(baselines), RANK_BASELINE))


def _short(verdict: str) -> str:
    """``better than recent_popularity`` -> ``better``; the baseline stands in the heading."""
    return verdict.split(" than ")[0]


def print_comparison(
    comparison: Comparison,
    report: dict[str, Any],
    console: Console,
    run: str = "",
    remarks: Sequence[str] = (),
) -> None:
    """Print the leaderboard with intervals, and what it was measured on.

    Parameters
    ----------
    comparison
        The rows.
    report
        The dataset `evaluation_report`.
    console
        Where to; below ``WIDE`` columns the less important numbers are left out.
    run
        Which run it was, for the heading.
    remarks
        Lines to print below.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    wide = console.width >= WIDE
    k, cut = comparison.k, report["cuts"]["test"]
    console.print(
        Text.assemble(
            (f"Test period, the whole catalogue ranked, lists of {k}", "bold"),
            f"\n{safe(report['data']['label'])}" + (f"; run {safe(run)}" if run else ""),
            f"\n{cut['customers']:,} customers asked ({cut['warm']:,} warm, {cut['cold']:,} cold), "
            f"{cut['candidates']:,} products on sale; seed {_listed(report['seeds'])}, tuning "
            f"trials {_listed(report['trials'])} for each model\n",
        )
    )
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for title, left in _columns(k, wide):
        table.add_column(title, justify="left" if left else "right", no_wrap=True)
    for row in comparison.rows.to_dict("records"):
        is_baseline = row["model"] == comparison.baseline
        table.add_row(*_cells(row, wide, is_baseline), style="bold" if is_baseline else "")
    console.print(table)
    console.print(Text(_legend(comparison, wide), style="dim"))
    for remark in remarks:
        console.print(Text(f"\n{safe(remark)}", style="yellow"))


def _columns(k: int, wide: bool) -> list[tuple[str, bool]]:
    """Titles, and whether the column is text."""
    titles = [("model", True), (f"NDCG@{k}", False), ("95 % interval", True)]
    titles += [("warm", False), ("cold", False)]
    titles += [("coverage", False)] if wide else []
    titles += [("diff.", False)] if wide else []
    titles += [("verdict", True), ("RMSE", False)]
    return titles + ([("95 % interval", True)] if wide else [])


def _cells(row: dict[Any, Any], wide: bool, is_baseline: bool) -> list[Any]:
    from rich.text import Text

    colour = {"better": "green", "worse": "red"}.get(row["verdict"], "")
    verdict = "baseline" if is_baseline else row["verdict"] or "-"
    if verdict.startswith("no difference"):
        verdict = "no difference" if wide else "no diff."
    cells: list[Any] = [Text(safe(row["model"])), _number(row["ndcg"])]
    cells.append(_interval(row["ndcg_low"], row["ndcg_high"]))
    cells += [_number(row["warm"]), _number(row["cold"])]
    if wide:
        share, difference = row["coverage"], row["difference"]
        cells.append("-" if share != share else f"{share:.1%}")
        cells.append("-" if difference != difference else f"{difference:+.4f}")
    cells += [Text(verdict, style=colour), _number(row["rmse"])]
    return cells + ([_interval(row["rmse_low"], row["rmse_high"])] if wide else [])


def _legend(comparison: Comparison, wide: bool) -> str:
    shortened = "no difference" if wide else "no diff."
    return (
        "warm and cold: NDCG of customers with and without a purchase before the cut. Intervals: "
        "bootstrap over customers. "
        f"Verdict: NDCG against {comparison.baseline}, customer by customer, after Holm's "
        f"correction; {shortened} means that none was shown, not that they are equal. RMSE in "
        "stars."
    )


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.4f}"


def _interval(low: float, high: float) -> str:
    return "-" if low != low else f"{low:.4f}-{high:.4f}"


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(str(value) for value in values) or "-"

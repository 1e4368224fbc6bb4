"""From outcomes to rows, and from rows to the tables that people read."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.protocols.blends import ENSEMBLE
from benchmarks.protocols.questions import PerUser
from product_recommender.metrics.bootstrap import (
    bootstrap_interval,
    bootstrap_ratio_interval,
    bootstrap_rmse_interval,
    holm,
    paired_differences,
    paired_rmse_differences,
    verdict_word,
)

PUBLISHED = Path(__file__).parent / "published_numbers.yml"
LABELS = {"hit_rate": "HR", "ndcg": "NDCG", "recall": "Recall", "f1": "F1"}
SMALLER_IS_BETTER = ("rmse", "mae")

Row = dict[str, Any]


def label(metric: str) -> str:
    """``hit_rate@10`` as ``HR@10``."""
    name, at, k = metric.partition("@")
    return LABELS.get(name, name.upper()) + at + k


def ranking_figures(per_user: Sequence[PerUser]) -> dict[str, dict[str, Any]]:
    """Means over users and seeds, with what they depend on.

    Parameters
    ----------
    per_user
        For each seed: metric -> float ``[n]``, the same questions every time.

    Returns
    -------
    dict
        For each metric ``mean``; ``low`` and ``high``, the 95 % interval over users of their means
        over seeds; ``per_seed``; ``sd_over_seeds``, None with one seed.
    """
    figures = {}
    for metric in per_user[0]:
        values = np.stack([seed[metric].astype(np.float64) for seed in per_user])
        interval = bootstrap_interval(values.mean(axis=0))
        figures[metric] = _figure([float(v) for v in values.mean(axis=1)], interval)
    return figures


def rating_figures(errors: Sequence[np.ndarray], users: np.ndarray) -> dict[str, dict[str, Any]]:
    """RMSE and MAE, as ``ranking_figures``.

    Parameters
    ----------
    errors
        For each seed: float ``[rows]``.
    users
        int ``[rows]``: whose rating it is.
    """
    counts = np.bincount(users).astype(np.float64)
    squared = squared_error_sums(errors, users)
    absolute = np.bincount(users, weights=np.mean([np.abs(e) for e in errors], axis=0))
    asked = counts > 0
    counts, squared, absolute = counts[asked], squared[asked], absolute[asked]
    return {
        "rmse": _figure(
            [float(np.sqrt(np.mean(e**2))) for e in errors],
            bootstrap_rmse_interval(squared, counts),
        ),
        "mae": _figure(
            [float(np.mean(np.abs(e))) for e in errors], bootstrap_ratio_interval(absolute, counts)
        ),
    }


def squared_error_sums(errors: Sequence[np.ndarray], users: np.ndarray) -> np.ndarray:
    """float64 ``[users]``: each user's sum of squared errors, mean over seeds."""
    return np.bincount(users, weights=np.mean([e**2 for e in errors], axis=0))


def add_comparisons(
    rows: Sequence[Row],
    values: Mapping[str, np.ndarray],
    metric: str,
    counts: np.ndarray | None = None,
) -> None:
    """Compare every model with the single one that validation chose, user by user.

    Rows get ``compared``: with whom, the difference in the metric, its 95 % interval over users and
    the p-value, corrected for their number by Holm.

    Parameters
    ----------
    rows
        Rows of the table, changed in place.
    values
        Of each model, float ``[users]``: the metric's mean over seeds, or for the RMSE the sums of
        squared errors.
    metric
        Which one.
    counts
        For the RMSE, float ``[users]``: ratings of each user.
    """
    # The ensemble's weights were fitted to what it would be judged by.
    judged = [row for row in rows if row.get("validation") is not None and row["model"] != ENSEMBLE]
    if not judged:
        return
    sign = 1 if metric in SMALLER_IS_BETTER else -1
    chosen = min(judged, key=lambda row: sign * row["validation"])["model"]
    others = [row for row in rows if row["model"] in values and row["model"] != chosen]
    found = []
    for row in others:
        if counts is None:
            found.append(paired_differences(values[row["model"]], values[chosen]))
        else:
            asked = counts > 0
            pair = (values[row["model"]][asked], values[chosen][asked])
            found.append(paired_rmse_differences(*pair, counts[asked]))
    corrected = holm(np.array([difference.p_value for difference in found]))
    for row, difference, p_value in zip(others, found, corrected, strict=True):
        row["compared"] = {
            "with": chosen,
            "difference": difference.difference,
            "low": difference.low,
            "high": difference.high,
            "p_holm": float(p_value),
        }


def verdict(row: Row, metric: str) -> str:
    """What the comparison with the chosen model says, with the numbers it rests on."""
    if "compared" not in row:
        return "-"
    found = row["compared"]
    word = verdict_word(
        found["difference"],
        found["low"],
        found["high"],
        found["p_holm"],
        larger_is_better=metric not in SMALLER_IS_BETTER,
    )
    return f"{found['difference']:+.4f} [{found['low']:+.4f}, {found['high']:+.4f}] {word}"


def _figure(per_seed: list[float], interval: tuple[float, float]) -> dict[str, Any]:
    return {
        "mean": statistics.fmean(per_seed),
        "low": interval[0],
        "high": interval[1],
        "sd_over_seeds": statistics.stdev(per_seed) if len(per_seed) > 1 else None,
        "per_seed": per_seed,
    }


def published_rows(files: Sequence[Mapping[str, Any]], path: Path = PUBLISHED) -> dict[str, Any]:
    """Published results on the first of these files whose SHA-256 is known; empty without any."""
    known = yaml.safe_load(path.read_text())
    for file in files:
        if file["sha256"] in known:
            found: dict[str, Any] = known[file["sha256"]]
            return found
    return {}


def compared(published: Mapping[str, Any], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Each published result beside ours of the same method, where we ran it.

    Returns
    -------
    list of dict
        ``method``, ``source``, ``values``, perhaps a ``note`` and, where ours is known, ``model``,
        ``ours`` and ``difference_percent``, by metric.
    """
    measured = {row["model"]: row["metrics"] for row in rows if "metrics" in row}
    result = []
    for entry in published.get("rows", []):
        line = {key: entry[key] for key in ("method", "source", "note", "values") if key in entry}
        metrics = measured.get(entry.get("model"), {})
        common = [metric for metric in entry["values"] if metric in metrics]
        if common:
            ours = {metric: metrics[metric]["mean"] for metric in common}
            line |= {
                "model": entry["model"],
                "ours": ours,
                "difference_percent": {
                    metric: 100 * (ours[metric] / entry["values"][metric] - 1) for metric in common
                },
            }
        result.append(line)
    return result


def ordered(rows: Sequence[Row], metric: str) -> list[Row]:
    """Best first by a metric; models that failed last."""
    sign = 1 if metric in SMALLER_IS_BETTER else -1

    def place(row: Row) -> tuple[bool, float]:
        return "failed" in row, 0.0 if "failed" in row else sign * row["metrics"][metric]["mean"]

    return sorted(rows, key=place)


def headline(metrics: Sequence[str]) -> list[str]:
    """Metrics that stand in a page with intervals: all; where they are many, those at 10."""
    return list(metrics) if len(metrics) <= 3 else [m for m in metrics if m.endswith("@10")]


def cells_of(row: Row, metrics: Sequence[str]) -> list[str]:
    """What stands in the columns of a model's row."""
    if "failed" in row:
        return [row["model"], *["-" for _ in metrics], "-", "-", "-", row["failed"]]
    cells = [row["model"]]
    for metric in metrics:
        figure = row["metrics"][metric]
        if metric not in headline(metrics):
            cells.append(f"{figure['mean']:.4f}")
            continue
        sd = figure["sd_over_seeds"]
        spread = "" if sd is None else f" sd {sd:.4f}"
        cells.append(f"{figure['mean']:.4f} [{figure['low']:.4f}, {figure['high']:.4f}]{spread}")
    validation = row["validation"]
    return [
        *cells,
        "-" if validation is None else f"{validation:.4f}",
        f"{row['train_seconds']:.1f}",
        f"{row['total_seconds']:.1f}",
        f"{row['peak_memory_mb']:,} MB",
    ]


def headings(metrics: Sequence[str]) -> list[str]:
    """Over the columns of ``cells_of``."""
    return [
        "model",
        *[label(metric) for metric in metrics],
        "validation",
        "training s",
        "total s",
        "peak memory",
    ]


def markdown(record: Mapping[str, Any], described_machine: str) -> str:
    """The page beside the JSON file.

    Parameters
    ----------
    record
        Its content.
    described_machine
        In one line.
    """
    data, rows = record["data"], record["rows"]
    metrics = record["metrics"]
    rows = ordered(rows, record["sorted_by"])
    chosen = next((row["compared"]["with"] for row in rows if "compared" in row), None)
    head = headings(metrics)
    files = "; ".join(f"`{file['name']}` `{file['sha256'][:16]}`" for file in data["files"])
    counts = "; ".join(f"{name} {count:,}" for name, count in data["counts"].items() if count)
    lines = [
        f"# {data['name']}, protocol {record['protocol']}",
        "",
        f"`{record['command']}`",
        "",
        record["protocol_text"],
        "",
        f"- Files (SHA-256): {files}",
        f"- Counts: {counts}",
        f"- Seeds {record['seeds']}; search budget: {record['trials']} setting(s) of each model, "
        "the start included",
        f"- {record['date']}, {described_machine}; {record['wall_seconds']:.0f} s in all",
        "",
        "Brackets: 95 % bootstrap interval over users. `validation`: what settings were chosen by, "
        f"{label(record['sorted_by'])} on the validation part (of the ensemble: on the questions "
        "that its weights were chosen by).",
        "",
        _line(head),
        _line(["---"] * len(head)),
        *[_line(cells_of(row, metrics)) for row in rows],
        "",
    ]
    if chosen is not None:
        lines += [
            f"{label(record['sorted_by'])} user by user against {chosen}, the single model that "
            "validation chose (95 % interval; better or worse only if Holm's correction agrees):",
            "",
            "| model | difference |",
            "| --- | --- |",
        ]
        for row in rows:
            if "compared" in row:
                lines.append(_line([row["model"], verdict(row, record["sorted_by"])]))
        lines.append("")
    for row in rows:
        if row["model"] == ENSEMBLE and "failed" not in row:
            weights = next(iter(row["settings"].values()))
            listed = ", ".join(f"{name} {weight:.3f}" for name, weight in weights.items())
            lines += [f"Weights of the ensemble, chosen on validation: {listed}.", ""]
    if record["published"]:
        lines += _published_lines(record["published"], metrics)
    return "\n".join(lines)


def _published_lines(published: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> list[str]:
    kept = [metric for metric in metrics if any(metric in row["values"] for row in published)]
    head = ["published method", *[label(metric) for metric in kept], "ours", "difference", "source"]
    lines = ["## Published on the same data", "", _line(head), _line(["---"] * len(head))]
    for row in published:
        values = [f"{row['values'][m]:.4f}" if m in row["values"] else "-" for m in kept]
        ours = row.get("ours", {})
        own = " / ".join(f"{ours[m]:.4f}" for m in kept if m in ours)
        percent = row.get("difference_percent", {})
        difference = " / ".join(f"{percent[m]:+.1f} %" for m in kept if m in percent)
        name = f"{row['model']} {own}" if own else "-"
        source = row["source"] + (f". {row['note']}" if "note" in row else "")
        lines.append(_line([row["method"], *values, name, difference or "-", source]))
    return [*lines, ""]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def terminal_table(rows: Sequence[Row], metrics: Sequence[str], by: str, title: str) -> None:
    """Print the rows, best first as given: all means, and the interval of one metric."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("model", no_wrap=True)
    for metric in metrics:
        table.add_column(label(metric), justify="right", no_wrap=True)
    for heading in (f"95 % of {label(by)}", "s"):
        table.add_column(heading, justify="right", no_wrap=True)
    failed = [row for row in rows if "failed" in row]
    for row in rows:
        if "failed" in row:
            continue
        figures = row["metrics"]
        means = [f"{figures[metric]['mean']:.4f}" for metric in metrics]
        interval = f"{figures[by]['low']:.4f} - {figures[by]['high']:.4f}"
        table.add_row(row["model"], *means, interval, f"{row['total_seconds']:.1f}")
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # into a file: nobody is served by cut numbers
    console.print(table)
    for row in failed:
        console.print(f"{row['model']} could not run: {row['failed']}", style="red", markup=False)

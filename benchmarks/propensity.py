"""Chances of a purchase: are they calibrated, and better ordered than by recency and frequency?

    python -m benchmarks.propensity --seeds 0 1 2                          # generated worlds
    python -m benchmarks.propensity --env amazon_us --reviews-path FOLDER --name digital_software

For generated data, each seed is a world of its own. Only the steps that the chances need are run.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.kedro_runs import load_catalog, run_kedro
from benchmarks.record import described, write_result
from product_recommender.machine import describe_machine

CALIBRATION_TARGET = 0.05
OUTPUTS = ("purchase_propensity", "propensity_reliability_figure")
METRICS = {
    "auc": "AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}


def main() -> None:
    """Run, print the page, write `benchmarks/results/propensity_<name>.json` and `.md`."""
    options = _options()
    if options.reviews_path:
        runs = [run_real(options.env, options.reviews_path)]
        command = (
            f"python -m benchmarks.propensity --env {options.env} --reviews-path FOLDER "
            f"--name {options.name}"
        )
    else:
        runs = [run_world(seed, options.reviews) for seed in options.seeds]
        seeds = " ".join(map(str, options.seeds))
        command = f"python -m benchmarks.propensity --seeds {seeds} --reviews {options.reviews}"
        if options.name != "generated":
            command += f" --name {options.name}"
    path = write_result(f"propensity_{options.name}", command, {"runs": runs})
    text = markdown(runs, command)
    path.with_suffix(".md").write_text(text)
    print(text)
    if not options.reviews_path and not all(holds(run) for run in runs):
        raise SystemExit("not every claim holds")


def run_world(seed: int, n_reviews: int) -> dict[str, Any]:
    """Generate a world, learn on it, and read what came out.

    Parameters
    ----------
    seed
        Of world and model.
    n_reviews
        Reviews of the world.
    """
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "01_raw"
        paths = [
            f"data_root={folder}",
            f"reviews_path={raw / 'reviews'}",
            f"product_metadata_path={raw / 'metadata'}",
            f"customers_path={raw / 'customers'}",
        ]
        world = [*paths, f"n_reviews={n_reviews}", f"data_seed={seed}"]
        run_kedro("run", "--pipelines", "synthetic_data", "--params=" + ",".join(world))
        return _run(None, folder, [*paths, f"seed={seed}"]) | {"seed": seed}


def run_real(environment: str, reviews_path: str) -> dict[str, Any]:
    """Learn on real reviews, and read what came out.

    Parameters
    ----------
    environment
        Kedro environment.
    reviews_path
        File, folder or glob of review files.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _run(environment, folder, [f"data_root={folder}", f"reviews_path={reviews_path}"])


def _run(environment: str | None, folder: str, parameters: list[str]) -> dict[str, Any]:
    arguments = [f"--env={environment}"] if environment else []
    arguments.append("--to-outputs=" + ",".join(OUTPUTS))
    run = run_kedro("run", *arguments, "--params=" + ",".join(parameters))
    catalog = load_catalog(environment, data_root=folder)
    metrics = catalog.load("propensity_metrics")
    report = catalog.load("propensity_report")
    return {
        "report": report,
        "metrics": metrics.astype(object).where(metrics.notna(), None).to_dict(orient="records"),
        "chances_answered": catalog.load("purchase_propensity").count().to_pyarrow().as_py(),
        "seconds": run.seconds,
        "peak_memory_mb": run.peak_memory_mb,
    }


def holds(run: dict[str, Any]) -> bool:
    """Whether a run is calibrated to the target and orders better than the baseline.

    Parameters
    ----------
    run
        As returned by ``run_world``.
    """
    model = run["report"]["model"]
    lead = run["report"]["lead_over_baseline"].get("auc")
    errors = [
        row["value"]
        for row in run["metrics"]
        if (row["model"], row["slice"], row["metric"]) == (model, "overall", "calibration_error")
    ]
    return bool(lead and lead["ci_low"] > 0 and errors and errors[0] <= CALIBRATION_TARGET)


def markdown(runs: list[dict[str, Any]], command: str) -> str:
    """The runs as a page.

    Parameters
    ----------
    runs
        One for each world, or one for real data.
    command
        How to make them again.
    """
    first = runs[0]["report"]
    generated = bool(first["data"]["generated"])
    lines = [
        f"# Chances of a purchase, {'generated data' if generated else first['data']['label']}",
        "",
        f"`{command}`",
        "",
        f"The chance that a customer buys in a category within {first['period_days']} days, asked "
        "of everybody with a purchase before, in every category, at the beginning of every whole "
        "period of the test part. 95 % intervals resample customers. The baseline is a logistic "
        "regression on recency and frequency (in the category and overall), learnt and calibrated "
        f"on the same rows. Machine: {described(describe_machine())}.",
    ]
    for run in runs:
        lines += ["", *_section(run)]
    return "\n".join([*lines, ""])


def _section(run: dict[str, Any]) -> list[str]:
    report, table = run["report"], pd.DataFrame(run["metrics"])
    title = f"World of seed {run['seed']}" if "seed" in run else "Result"
    questions, purchases = report["questions"], report["purchases"]
    expected = ", ".join(f"{v:,.0f} ({k})" for k, v in report["expected_purchases"].items())
    lines = [
        f"## {title}: {report['data']['label']}",
        "",
        f"Data SHA-256 `{report['data']['sha256'][:16]}`. Periods "
        + ", ".join(report["periods"])
        + f". {questions:,} chances for {report['customers']:,} customers; {purchases:,} came true "
        f"(base rate {purchases / max(1, questions):.2%}); expected: {expected}. Chosen on `blend`:"
        f" {report['model']}. {run['seconds']:.0f} s from raw files on, "
        f"{run['peak_memory_mb']:,.0f} MB.",
        *(f"Note: {note}" for note in report["notes"]),
        "",
        "| metric | model | recency and frequency | difference |",
        "|---|---|---|---|",
    ]
    overall = table[table["slice"] == "overall"].set_index(["model", "metric"])
    for metric, words in METRICS.items():
        cells = [_interval(overall, name, metric) for name in (report["model"], report["baseline"])]
        lead = report["lead_over_baseline"].get(metric)
        difference = (
            f"{lead['difference']:+.5f} [{lead['ci_low']:+.5f}, {lead['ci_high']:+.5f}]"
            if lead
            else "-"
        )
        lines.append("| " + " | ".join([words, *cells, difference]) + " |")
    lines += ["", "| slice | chances | came true | AUC | AUC of recency and frequency |"]
    lines.append("|---|---|---|---|---|")
    for name in dict.fromkeys(table["slice"]):
        rows = table[table["slice"] == name].set_index(["model", "metric"])
        counts = [f"{int(rows[column].iloc[0]):,}" for column in ("questions", "purchases")]
        cells = [_interval(rows, model, "auc") for model in (report["model"], report["baseline"])]
        lines.append("| " + " | ".join([name, *counts, *cells]) + " |")
    return lines


def _interval(rows: pd.DataFrame, model: str, metric: str) -> str:
    if (model, metric) not in rows.index:
        return "-"
    row = rows.loc[(model, metric)]
    return f"{row['value']:.5f} [{row['ci_low']:.5f}, {row['ci_high']:.5f}]"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default="amazon_us", help="environment of --reviews-path")
    parser.add_argument("--reviews-path", default=None, help="real review files; else generated")
    parser.add_argument("--reviews", type=int, default=15_000, help="reviews of generated worlds")
    parser.add_argument("--name", default=None, help="name of the result")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    options.name = options.name or (options.env if options.reviews_path else "generated")
    return options


if __name__ == "__main__":
    main()

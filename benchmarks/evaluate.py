"""The numbers of the README: the whole job with several seeds and the full tuning budget.

    python -m benchmarks.evaluate --seeds 0 1 2 --trials 10
    python -m benchmarks.evaluate --env amazon_us --reviews-path FOLDER --seeds 0 1 2 --trials 10

The data are processed once; modeling, ensemble and evaluation run once per seed. A number is the
mean over seeds (the RMSE: the root of the mean squared error over seeds). Its interval resamples
customers, each with the mean over these seeds; the spread over seeds stands beside it.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.kedro_runs import load_catalog, run_kedro
from benchmarks.record import described, write_result
from benchmarks.verdicts import BEST_SINGLE, segment_note, verdict_lines, verdicts, with_slices
from product_recommender.code_names import CodeNames
from product_recommender.customer_slices import (
    customer_masks,
    history_lengths,
    segment_names_by_user,
)
from product_recommender.machine import describe_machine
from product_recommender.metrics.bootstrap import (
    bootstrap_interval,
    bootstrap_rmse_interval,
    holm,
    paired_differences,
    verdict_word,
)
from product_recommender.model_inputs import TEST, interaction_arrays

RANKING = ("ndcg@10", "hit_rate@10", "recall@10", "precision@10", "f1@10")
BASELINE = "recent_popularity"
REFERENCE = "global_mean"
"""Predicts the mean of the training stars; ranks nothing."""
PARTS = ("warm", "cold")
HISTORIES = ("0", "1", "2-4", "5+")
BEYOND = ("coverage", "diversity", "novelty", "gini", "tail_share", "fallback_share")
SEED_PIPELINES = "modeling,ensemble,leakage_check,evaluation"


def main() -> None:
    """Run all seeds and write `benchmarks/results/evaluation_<name>.json` and `.md`."""
    options = _options()
    environment = [f"--env={options.env}"] if options.env else []
    paths = [f"reviews_path={options.reviews_path}"] if options.reviews_path else []
    if not options.env:
        run_kedro("run", "--pipelines", "synthetic_data")
    seconds, memory, per_seed = 0.0, 0.0, []
    for number, seed in enumerate(options.seeds):
        parameters = [f"seed={seed}", f"trials={options.trials}", *paths]
        parts = [] if number == 0 else ["--pipelines", SEED_PIPELINES]
        run = run_kedro("run", *environment, *parts, "--params=" + ",".join(parameters))
        seconds, memory = seconds + run.seconds, max(memory, run.peak_memory_mb)
        catalog = load_catalog(options.env)
        per_seed.append(_results_of_run(catalog))
        print(f"seed {seed}: {run.seconds:.0f} s", flush=True)
    table, comparisons = summarise(per_seed)
    catalog = load_catalog(options.env)
    found = verdicts(*verdict_inputs(per_seed, slices_of_customers(catalog)))
    report = catalog.load("evaluation_report")
    arguments = " ".join(sys.argv[1:])
    if options.reviews_path:  # the folder is a matter of this machine
        arguments = arguments.replace(options.reviews_path, "FOLDER")
    command = f"python -m benchmarks.evaluate {arguments}".strip()
    content = {
        "data": report["data"],
        "protocol": report["protocol"],
        "split": catalog.load("data_quality_report")["split"],
        "seeds": options.seeds,
        "trials": options.trials,
        "wall_seconds": round(seconds, 1),
        "peak_memory_mb": memory,
        "table": table.to_dict(orient="records"),
        "compared_with_recent_popularity": comparisons.to_dict(orient="records"),
        "leakage_check": report["leakage_check"],
        "best_single": [result["best_single"] for result in per_seed],
        "verdicts": found,
        "verdict_notes": verdict_notes(per_seed),
    }
    path = write_result(f"evaluation_{options.name}", command, content)
    text = markdown(table, comparisons, content, command)
    path.with_suffix(".md").write_text(text)
    print(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default=None, help="Kedro environment; none is generated data")
    parser.add_argument("--reviews-path", default=None, help="review files of that environment")
    parser.add_argument("--name", default=None, help="name of the result; default from --env")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--trials", type=int, default=10, help="tuning budget of each model")
    options = parser.parse_args()
    options.name = options.name or options.env or "generated"
    return options


def _results_of_run(catalog: Any) -> dict[str, pd.DataFrame]:
    customers = catalog.load("customer_metrics")
    customers = customers.filter(customers.split == "test").to_pandas()
    metrics = catalog.load("metrics")
    models = [m for m in metrics["model"].unique() if m != REFERENCE]
    errors = []
    for model in models:
        predictions = catalog.load(f"{model}.predictions")
        predictions = predictions.filter(predictions.split == "test").to_pandas()
        if len(predictions):
            squared = (predictions["prediction"] - predictions["star_rating"]) ** 2
            sums = squared.groupby(predictions["customer_id"]).agg(["sum", "count"])
            errors.append(sums.assign(model=model).reset_index())
    wanted = ["overall", *PARTS, *(f"history={bucket}" for bucket in HISTORIES)]
    slices = metrics[(metrics["split"] == "test") & metrics["slice"].isin(wanted)]
    report = catalog.load("evaluation_report")
    best = {kind: report["ensemble"][kind]["best_single"] for kind in ("purchase", "rating")}
    per_segment = "ncf_per_segment.config" if "ncf_per_segment" in models else None
    return {
        "customers": customers,
        "errors": pd.concat(errors),
        "slices": slices,
        "best_single": best,
        "per_segment": catalog.load(per_segment) if per_segment else None,
    }


def slices_of_customers(catalog: Any) -> dict[str, list[str]]:
    """Slice to the ids of the customers in it, as of the test cut.

    Parameters
    ----------
    catalog
        After a run.
    """
    customer_ids, product_ids = catalog.load("customer_ids"), catalog.load("product_ids")
    arrays = interaction_arrays(catalog.load("interactions"), customer_ids, product_ids)
    segments = segment_names_by_user(customer_ids, catalog.load("customer_segments"))
    names = CodeNames.read(customer_ids, product_ids).customers
    masks = customer_masks(history_lengths(arrays, TEST), segments)
    return {name: list(names[mask]) for name, mask in masks.items() if name != "overall"}


def verdict_inputs(
    per_seed: list[dict[str, Any]], slices: dict[str, list[str]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means over seeds for each model and customer, with the slices that the customer is in.

    Parameters
    ----------
    per_seed
        What ``_results_of_run`` gives for each seed.
    slices
        Slice to customers.

    Returns
    -------
    customers, errors : pandas.DataFrame
        As ``verdicts`` takes them.
    """
    frames = []
    for key, kind, columns in (
        ("customers", "purchase", ["ndcg@10"]),
        ("errors", "rating", ["sum", "count"]),
    ):
        of_seeds = []
        for result in per_seed:
            frame = result[key][["model", "customer_id", *columns]]
            chosen = frame[frame["model"] == result["best_single"][kind]]
            of_seeds += [frame, chosen.assign(model=BEST_SINGLE)]
        mean = pd.concat(of_seeds).groupby(["model", "customer_id"])[columns].mean()
        frames.append(with_slices(mean.reset_index(), slices))
    return frames[0], frames[1]


def verdict_notes(per_seed: list[dict[str, Any]]) -> list[str]:
    """What has to be known beside the verdicts: the segments' networks, the best single models.

    Parameters
    ----------
    per_seed
        What ``_results_of_run`` gives for each seed.
    """
    configs = [result["per_segment"] for result in per_seed if result["per_segment"]]
    best = [result["best_single"] for result in per_seed]
    notes = [segment_note(configs)] if configs else []
    return [
        *notes,
        "The best single model was chosen on `blend`, in each seed's run: for lists "
        f"{', '.join(one['purchase'] for one in best)}; for stars "
        f"{', '.join(one['rating'] for one in best)}.",
    ]


def summarise(per_seed: list[dict[str, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Average over seeds, interval over customers, compare with the baseline.

    Parameters
    ----------
    per_seed
        What ``_results_of_run`` gives for each seed.

    Returns
    -------
    table : pandas.DataFrame
        One row a model.
    comparisons : pandas.DataFrame
        NDCG@10 of each model minus that of recent popularity, with Holm-adjusted p-values.
    """
    by_customer = (
        pd.concat(result["customers"] for result in per_seed)
        .groupby(["model", "customer_id"])[list(RANKING)]
        .mean()
    )
    by_seed = pd.concat(
        result["customers"].groupby("model")["ndcg@10"].mean().rename(seed)
        for seed, result in enumerate(per_seed)
    ).groupby(level=0)
    errors = (
        pd.concat(result["errors"] for result in per_seed)
        .groupby(["model", "customer_id"])[["sum", "count"]]
        .mean()
    )
    slices = pd.concat(result["slices"] for result in per_seed)
    rows = []
    for model, values in by_customer.groupby(level=0):
        low, high = bootstrap_interval(values["ndcg@10"].to_numpy())
        row: dict[str, Any] = {"model": model, "ndcg@10": values["ndcg@10"].mean()}
        row |= {"ndcg_low": low, "ndcg_high": high}
        row["ndcg_sd_over_seeds"] = by_seed.get_group(model).std(ddof=1)
        row |= {name: values[name].mean() for name in RANKING[1:]}
        of_model = slices[slices["model"] == model]
        for part in (*PARTS, *(f"history={bucket}" for bucket in HISTORIES)):
            here = of_model[of_model["slice"] == part]
            row[f"ndcg@10 {part}"] = here.loc[here["metric"] == "ndcg@10", "value"].mean()
        overall = of_model[of_model["slice"] == "overall"]
        for metric in BEYOND:
            row[f"{metric}@10"] = overall.loc[overall["metric"] == f"{metric}@10", "value"].mean()
        if model in errors.index.get_level_values(0):
            sums, counts = errors.loc[model, "sum"], errors.loc[model, "count"]
            row["rmse"] = float(np.sqrt(sums.sum() / counts.sum()))
            row["rmse_low"], row["rmse_high"] = bootstrap_rmse_interval(
                sums.to_numpy(), counts.to_numpy()
            )
        rows.append(row)
    mean_row = slices[(slices["model"] == REFERENCE) & (slices["slice"] == "overall")]
    rmse = mean_row.loc[mean_row["metric"] == "rmse", "value"]
    if len(rmse):
        rows.append({"model": REFERENCE, "rmse": float(rmse.mean())})
    table = pd.DataFrame(rows).sort_values("ndcg@10", ascending=False, ignore_index=True)
    return table, _comparisons(by_customer["ndcg@10"])


def _comparisons(ndcg: pd.Series) -> pd.DataFrame:
    wide = ndcg.unstack("customer_id")
    baseline = wide.loc[BASELINE].to_numpy()
    rows = []
    for model in wide.index.drop(BASELINE):
        result = paired_differences(wide.loc[model].to_numpy(), baseline)
        rows.append(
            {
                "model": model,
                "difference": result.difference,
                "low": result.low,
                "high": result.high,
                "p": result.p_value,
            }
        )
    table = pd.DataFrame(rows)
    table["p_holm"] = holm(table["p"].to_numpy())
    return table.sort_values("difference", ascending=False, ignore_index=True)


def markdown(
    table: pd.DataFrame, comparisons: pd.DataFrame, content: dict[str, Any], command: str
) -> str:
    """The result as a page: what was run on what, then the table.

    Parameters
    ----------
    table, comparisons
        As made by ``summarise``.
    content
        Data, protocol, seeds, budget, time and memory.
    command
        How to make it again.
    """
    data = content["data"]
    split = content["split"]
    reviews = split["reviews"]
    verdicts = comparisons.set_index("model")
    lines = [
        f"# Evaluation on {data['label']}",
        "",
        f"`{command}`",
        "",
        f"Data SHA-256 `{data['sha256'][:16]}`; seeds {content['seeds']}; {content['trials']} "
        "tuning trials for each model with something to tune (ncf_per_segment: for the global "
        f"network and again for each large persona; 0: stored settings); "
        f"{content['wall_seconds']:.0f} s, {content['peak_memory_mb']:,.0f} MB.",
        "",
        "Test period, ranked against the whole catalogue; 95 % intervals over customers. Training "
        f"until {split['train_until']}, validation until {split['validation_until']}, test until "
        f"{split['last_day']}; reviews in the three: {reviews['train']:,}, "
        f"{reviews['validation']:,}, {reviews['test']:,}. "
        f"Machine: {described(describe_machine())}.",
        "",
        "| model | NDCG@10 | interval | sd over seeds | warm | cold | hit rate@10 | "
        "RMSE | against recent popularity |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in table.to_dict(orient="records"):
        verdict = "-"
        if row["model"] in verdicts.index:
            v = verdicts.loc[row["model"]]
            word = verdict_word(v["difference"], v["low"], v["high"], v["p_holm"])
            verdict = f"{v['difference']:+.4f} [{v['low']:+.4f}, {v['high']:+.4f}] {word}"
        interval = f"{_number(row['ndcg_low'])} - {_number(row['ndcg_high'])}"
        names = ("ndcg_sd_over_seeds", "ndcg@10 warm", "ndcg@10 cold", "hit_rate@10", "rmse")
        cells = [row["model"], _number(row["ndcg@10"]), interval if row["ndcg_low"] >= 0 else "-"]
        cells += [_number(row.get(name, float("nan"))) for name in names]
        lines.append("| " + " | ".join([*cells, verdict]) + " |")
    lines += ["", *_further_lines(table)]
    if "verdicts" in content:
        lines += ["", *verdict_lines(content["verdicts"], content["verdict_notes"])]
    return "\n".join([*lines, ""])


def _further_lines(table: pd.DataFrame) -> list[str]:
    """NDCG by history length, and what the lists are like beside their accuracy."""
    columns = {f"ndcg@10 history={bucket}": f"history {bucket}" for bucket in HISTORIES}
    columns |= {f"{metric}@10": metric.replace("_", " ") for metric in BEYOND}
    lines = [
        "NDCG@10 by the number of purchases before the cut, then the lists themselves: share of "
        "the catalogue shown, share of pairs from different categories, mean surprise in bits, "
        "inequality, share outside the products that hold 80 % of the purchases, share of "
        "customers whom the model could not answer itself.",
        "",
        "| model | " + " | ".join(columns.values()) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for row in table.to_dict(orient="records"):
        if row["model"] != REFERENCE:
            cells = [_number(row.get(name, float("nan"))) for name in columns]
            lines.append("| " + " | ".join([row["model"], *cells]) + " |")
    return lines


def _number(value: float) -> str:
    return f"{value:.4f}" if value == value else "-"


if __name__ == "__main__":
    main()

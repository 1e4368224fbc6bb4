"""How much a number depends on the way the data are divided, for the same models and data.

    python -m benchmarks.splits --seeds 0 1 2
    python -m benchmarks.splits --env amazon_us --reviews-path FOLDER --name digital_software

The data are processed once. Each model is then trained with its stored settings, without features,
on each division; nothing is tuned here. A number is the mean over all customers and seeds; its
interval resamples customers, each with all seeds in which they were asked.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.kedro_runs import load_catalog, run_kedro
from benchmarks.record import described, write_result
from benchmarks.split_questions import (
    K,
    Question,
    describe,
    distinct_pairs,
    few_items_ranking,
    full_ranking,
    global_time,
    per_user_time,
    random_split,
)
from product_recommender.evaluation_cuts import Cut, make_cut
from product_recommender.interactions import Interactions
from product_recommender.machine import describe_machine, peak_memory_mb
from product_recommender.metrics.bootstrap import bootstrap_ratio_interval
from product_recommender.model_inputs import InteractionArrays, all_purchases, interaction_arrays
from product_recommender.recommenders.registry import MODELS, recommender_class

MAIN_MODELS = (
    "random",
    "popularity",
    "recent_popularity",
    "item_knn",
    "ease",
    "als",
    "ncf_negative_sampling",
    "transformer",
)
PIPELINES = "data_processing,feature_engineering"
Values = dict[tuple[str, str, str], list[pd.Series]]


def main() -> None:
    """Measure all splits and write `benchmarks/results/splits_<name>.json` and `.md`."""
    options = _options()
    missing = [name for name in options.models if name not in MODELS]
    models = [name for name in options.models if name in MODELS]
    started = time.perf_counter()
    catalog = _processed(options)
    data = _Data.read(catalog)
    result = measure(data, models, options.seeds, lambda name: _settings(catalog, name))
    arguments = " ".join(sys.argv[1:])
    for path in filter(None, (options.reviews_path, options.data_root)):
        arguments = arguments.replace(path, "FOLDER")
    command = f"python -m benchmarks.splits {arguments}".strip()
    content = {
        "data": catalog.load("data_quality_report")["data"],
        "split": catalog.load("data_quality_report")["split"],
        "seeds": options.seeds,
        "trials": 0,
        "models_not_registered": missing,
        "wall_seconds": round(time.perf_counter() - started, 1),
        "peak_memory_mb": peak_memory_mb(),
        **result,
    }
    path = write_result(f"splits_{options.name}", command, content)
    text = markdown(content, command)
    path.with_suffix(".md").write_text(text)
    print(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default=None, help="Kedro environment; none is generated data")
    parser.add_argument("--reviews-path", default=None, help="review files of that environment")
    parser.add_argument(
        "--data-root", default=None, help="an already processed data folder: nothing is run"
    )
    parser.add_argument("--name", default=None, help="name of the result; default from --env")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--models", type=lambda text: text.split(","), default=list(MAIN_MODELS), help="a,b,c"
    )
    options = parser.parse_args()
    options.name = options.name or options.env or "generated"
    unknown = set(options.models) - set(MODELS) - set(MAIN_MODELS)
    if unknown:
        parser.error(f"there is no model {', '.join(sorted(unknown))}; known: {', '.join(MODELS)}")
    return options


def _processed(options: argparse.Namespace) -> Any:
    if options.data_root:
        return load_catalog(options.env, data_root=options.data_root)
    environment = [f"--env={options.env}"] if options.env else []
    paths = [f"--params=reviews_path={options.reviews_path}"] if options.reviews_path else []
    if not options.env:
        run_kedro("run", "--pipelines", "synthetic_data")
    run_kedro("run", *environment, "--pipelines", PIPELINES, *paths)
    return load_catalog(options.env)


def _settings(catalog: Any, name: str) -> dict[str, Any]:
    """The stored settings, without product features: those know one split only."""
    key = f"params:modeling.models.{name}"
    stored = dict(catalog.load(key)) if key in catalog else {}
    return stored | ({"feature_components": 0} if "feature_components" in stored else {})


class _Data:
    """All purchases, as one world and with their parts."""

    def __init__(self, world: Interactions, arrays: InteractionArrays, cut: Cut) -> None:
        self.world, self.arrays, self.cut = world, arrays, cut

    @classmethod
    def read(cls, catalog: Any) -> _Data:
        product_ids = catalog.load("product_ids")
        arrays = interaction_arrays(
            catalog.load("interactions"), catalog.load("customer_ids"), product_ids
        )
        categories = product_ids.order_by("item").to_pandas()["product_category"]
        world = all_purchases(arrays, categories)
        return cls(world, arrays, make_cut(arrays, product_ids, "test"))

    def questions(self, seed: int) -> list[Question]:
        pairs = distinct_pairs(self.world)
        return [
            global_time(self.world, self.arrays, self.cut),
            per_user_time(pairs, seed),
            random_split(pairs, seed),
        ]


def measure(
    data: _Data, models: Sequence[str], seeds: Sequence[int], settings_of: Any
) -> dict[str, Any]:
    """Train and ask every model on every split with every seed.

    Parameters
    ----------
    data
        The purchases.
    models
        Names in the registry.
    seeds
        Of splits and models.
    settings_of
        Model name to the stored keyword arguments of its ``Config``.

    Returns
    -------
    dict
        ``table``: one row for each protocol and model; ``splits``: counts, of the first seed;
        ``train_seconds`` by split and model, of the first seed.
    """
    values: Values = {}
    counts: dict[str, Any] = {}
    seconds: dict[str, dict[str, float]] = {}
    for seed in seeds:
        for question in data.questions(seed):
            counts.setdefault(question.name, describe(question))
            for name in models:
                started = time.perf_counter()
                model_class = recommender_class(name)
                config = model_class.Config(**(settings_of(name) | {"seed": seed}))
                model = model_class(config).fit(question.train, question.validation)
                seconds.setdefault(question.name, {}).setdefault(
                    name, round(time.perf_counter() - started, 2)
                )
                for key, of_customers in _answers(model, question, seed).items():
                    values.setdefault((*key, name), []).append(of_customers)
                print(f"seed {seed}, {question.name}, {name}", file=sys.stderr, flush=True)
    rows = [
        {"protocol": protocol, "metric": metric, "model": name, **_figure(per_seed)}
        for (protocol, metric, name), per_seed in values.items()
    ]
    return {"table": rows, "splits": counts, "train_seconds": seconds}


def _answers(model: Any, question: Question, seed: int) -> dict[tuple[str, str], pd.Series]:
    """Protocol and metric: the value of each customer who was asked."""
    index = pd.Index(question.customers, name="customer")
    found = {}
    for metric, values in full_ranking(model, question).items():
        series = pd.Series(values, index=index)
        found[question.name, metric] = series
        if question.name == "global time":
            warm = np.diff(question.seen.indptr) > 0
            found["global time, customers with a history", metric] = series[warm]
    if question.name == "random":
        few = few_items_ranking(model, question, seed)
        several = np.diff(question.targets.indptr) > 1
        for gain, values in few.items():
            known = np.isfinite(values)
            found["few items", gain] = pd.Series(values[known], index=index[known])
            both = known & several
            if both.any():
                found["few items, two or more", gain] = pd.Series(values[both], index=index[both])
    return found


def _figure(per_seed: Sequence[pd.Series]) -> dict[str, Any]:
    # By lot, a customer is asked in some seeds and not in others: a mean of sums over counts.
    by_customer = pd.concat(per_seed).groupby(level=0).agg(["sum", "count"])
    sums, counts = by_customer["sum"].to_numpy(), by_customer["count"].to_numpy(dtype=float)
    means = np.array([series.mean() for series in per_seed])
    low, high = bootstrap_ratio_interval(sums, counts)
    return {
        "value": float(sums.sum() / counts.sum()),
        "low": low,
        "high": high,
        "sd_over_seeds": float(means.std(ddof=1)) if len(means) > 1 else None,
        "customers": int(np.mean([len(series) for series in per_seed])),
    }


COLUMNS = {
    ("global time", "ndcg"): "global time",
    ("global time, customers with a history", "ndcg"): "global time, with a history",
    ("per-user time", "ndcg"): "per-user time",
    ("random", "ndcg"): "random",
}
FEW = {
    ("few items", "liked"): "relevant: 4 or 5 stars",
    ("few items", "graded"): "gain: the stars",
    ("few items, two or more", "liked"): "4 or 5 stars, customers with two or more",
}


WHAT_DIFFERS = """\
**global time** is the headline of this project: one day ends training, what follows after a second
day is asked. **per-user time** (leave the last one out) and **random** let a model learn from
purchases that other customers made after the one it is asked about: it knows what will sell. They
also change who is asked: only customers with a purchase before it (per-user time: two or more in
all), while under global time new customers are asked as well. per-user time takes two purchases of
each customer out of training, too: where most have few, little is left of what is bought together.
A number of one column says nothing about another, and an order of models in one column need not
hold in the next."""

FEW_ITEMS = """\
The same models and the same random split, but each customer's list holds nothing but the few
products that they have in the test set, in the order of the model. There is hardly anything to get
wrong: a customer with one such product has NDCG 1 whatever the model says."""


def markdown(content: Mapping[str, Any], command: str) -> str:
    """The result as a page that explains itself.

    Parameters
    ----------
    content
        What ``measure`` gave, with data, seeds, time and memory.
    command
        How to make it again.
    """
    table = {(row["protocol"], row["metric"], row["model"]): row for row in content["table"]}
    models = list(dict.fromkeys(row["model"] for row in content["table"]))
    data, random = content["data"], table.get(("few items", "graded", "random"))
    lines = [
        f"# The same models, divided differently: {data['label']}",
        "",
        f"`{command}`",
        "",
        f"Data SHA-256 `{data['sha256'][:16]}`; seeds {content['seeds']} of splits and models; "
        f"{content['trials']} tuning trials (stored settings, no features); "
        f"{content['wall_seconds']:.0f} s, {content['peak_memory_mb']:,.0f} MB. "
        f"Machine: {described(describe_machine())}.",
        "",
        f"NDCG@{K}, all products on sale ranked, what the customer already has left out. 95 % "
        "intervals over customers.",
        "",
        *_table_lines(table, models, COLUMNS),
        "",
        *_population_lines(content["splits"]),
        "",
        WHAT_DIFFERS,
        "",
        "## Where NDCG .97 comes from",
        "",
        FEW_ITEMS,
        "",
        *_table_lines(table, models, FEW),
    ]
    if random is not None:
        share = content["splits"]["random"]["customers_with_one_target"]
        asked = content["splits"]["random"]["customers_asked"]
        lines += [
            "",
            f"Chance alone scores {random['value']:.4f} where the stars are the gain: {share:,} of "
            f"{asked:,} customers have a single product in the test set. (Customers without a "
            "product of four stars or more are left out where that is what counts.) Such a number "
            "cannot tell a model from a lottery, and this project reports none.",
        ]
    if content["models_not_registered"]:
        lines += [
            "",
            f"Not measured: {', '.join(content['models_not_registered'])} (no such model).",
        ]
    return "\n".join([*lines, ""])


def _table_lines(
    table: Mapping[tuple[str, str, str], Mapping[str, Any]],
    models: Sequence[str],
    columns: Mapping[tuple[str, str], str],
) -> list[str]:
    shown = {
        key: title for key, title in columns.items() if any((*key, m) in table for m in models)
    }
    lines = [
        "| model | " + " | ".join(shown.values()) + " |",
        "|---" * (len(shown) + 1) + "|",
    ]
    for model in models:
        cells = []
        for key in shown:
            row = table.get((*key, model))
            cells.append(
                f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]" if row else "-"
            )
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    asked = [
        next((table[*key, m]["customers"] for m in models if (*key, m) in table), 0)
        for key in shown
    ]
    lines.append("| *customers* | " + " | ".join(f"{n:,}" for n in asked) + " |")
    return lines


def _population_lines(splits: Mapping[str, Mapping[str, int]]) -> list[str]:
    titles = {
        "training_purchases": "training purchases",
        "customers_asked": "customers asked",
        "with_history": "of them with a history",
        "targets": "targets",
        "left_out_targets": "left out (*)",
        "candidates": "products ranked",
        "customers_with_one_target": "customers with one target",
    }
    lines = [
        "| split (first seed) | " + " | ".join(titles.values()) + " |",
        "|---" * (len(titles) + 1) + "|",
    ]
    for name, counts in splits.items():
        lines.append(f"| {name} | " + " | ".join(f"{counts[key]:,}" for key in titles) + " |")
    note = (
        "(*) Purchases after the division that nobody is asked about: of products without a "
        "training purchase (global time: not yet on sale, or repeats), or of customers without one."
    )
    return [*lines, "", note]


if __name__ == "__main__":
    main()

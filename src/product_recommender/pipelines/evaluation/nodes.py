"""Measure every model at both cuts, compare with the baselines, report."""

from collections.abc import Sequence
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.code_names import CodeNames
from product_recommender.customer_slices import history_lengths, segment_names_by_user
from product_recommender.evaluation_cuts import Cut, make_cut
from product_recommender.leakage.findings import refuse_leaks, summary
from product_recommender.machine import describe_machine, peak_memory_mb
from product_recommender.model_inputs import TEST, TRAIN, VALIDATION, InteractionArrays
from product_recommender.model_inputs import interaction_arrays as read_interactions
from product_recommender.pipelines.evaluation import ranking, rating
from product_recommender.pipelines.evaluation.comparison import compare_rankings, compare_ratings
from product_recommender.pipelines.evaluation.parameters import EvaluationParameters
from product_recommender.pipelines.evaluation.protocol import protocol_text
from product_recommender.recommendation_lists import Lists, read_lists

Json = dict[str, Any]

EQUAL = "ensemble_equal"
"""Has lists and predictions but no configuration: there is nothing to configure."""

GLOBAL_MEAN = "global_mean"


def measure_customers(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    leakage_report: pd.DataFrame,
    parameters: EvaluationParameters,
    *configs_and_recommendations: Any,
) -> pd.DataFrame:
    """Compute the ranking metrics of every model for every customer with a target.

    Parameters
    ----------
    interactions, customer_ids, product_ids
        The datasets of those names.
    leakage_report
        The dataset of that name; unless it is clean, nothing is measured.
    parameters
        Settings of the pipeline.
    *configs_and_recommendations
        ``<model>.config`` of every model and of ``ensemble``, then ``<model>.recommendations`` in
        the same order and of ``ensemble_equal``.

    Returns
    -------
    pandas.DataFrame
        The dataset `customer_metrics`.

    Raises
    ------
    LeakageError
        If something that answers the test knows the future.
    """
    refuse_leaks(leakage_report)
    configs, tables = _configs_and_tables(configs_and_recommendations)
    arrays = read_interactions(interactions, customer_ids, product_ids)
    customers = CodeNames.read(customer_ids, product_ids).customers
    k = parameters.list_length
    frames = []
    for cut in _cuts(arrays, product_ids):
        lists = _all_lists(configs, tables, customer_ids, product_ids, cut, k)
        frames.append(ranking.customer_table(cut, lists, customers, k))
    return pd.concat(frames, ignore_index=True)


def measure_models(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    customer_segments: ibis.Table,
    leakage_report: pd.DataFrame,
    parameters: EvaluationParameters,
    *configs_recommendations_predictions: Any,
) -> pd.DataFrame:
    """Average the metrics over customers, overall and by slice, with bootstrap intervals.

    Parameters
    ----------
    interactions, customer_ids, product_ids, customer_segments
        The datasets of those names.
    leakage_report
        The dataset of that name; unless it is clean, nothing is measured.
    parameters
        Settings of the pipeline.
    *configs_recommendations_predictions
        As in ``measure_customers``, then ``<model>.predictions`` in the order of the lists.

    Returns
    -------
    pandas.DataFrame
        The dataset `metrics`. Intervals are missing where a number is no mean over customers.

    Raises
    ------
    LeakageError
        If something that answers the test knows the future.
    """
    refuse_leaks(leakage_report)
    configs, tables = _configs_and_tables(configs_recommendations_predictions, kinds=2)
    lists, predictions = tables[: len(configs) + 1], tables[len(configs) + 1 :]
    arrays = read_interactions(interactions, customer_ids, product_ids)
    segments = segment_names_by_user(customer_ids, customer_segments)
    catalogue = _catalogue(arrays, product_ids)
    rows: list[dict[str, object]] = []
    for cut in _cuts(arrays, product_ids):
        of_models = _all_lists(
            configs, lists, customer_ids, product_ids, cut, parameters.list_length
        )
        rows += ranking.ranking_rows(cut, of_models, segments[cut.users], catalogue, parameters)
        rows += rating.rating_rows(
            cut.name,
            _all_ratings(configs, predictions, customer_ids, product_ids, arrays, cut.name),
            history_lengths(arrays, VALIDATION if cut.name == "validation" else TEST),
            segments,
            catalogue.categories,
            catalogue.category_names,
            parameters,
        )
    return pd.DataFrame(rows)


def rank_models(
    metrics: pd.DataFrame,
    data_quality_report: Json,
    parameters: EvaluationParameters,
    *configs: Any,
) -> pd.DataFrame:
    """Put the models in order of their test NDCG, with the main numbers beside it.

    Parameters
    ----------
    metrics
        The dataset of that name.
    data_quality_report
        For the label of the data.
    parameters
        Settings of the pipeline.
    *configs
        ``<model>.config`` of every model and of ``ensemble``.

    Returns
    -------
    pandas.DataFrame
        The dataset `leaderboard`, one row a model.
    """
    k = parameters.list_length
    test = metrics[metrics["split"] == "test"]
    by_model = test.pivot_table(
        index="model", columns=["metric", "slice"], values="value", sort=False
    )
    wanted = {
        f"ndcg@{k}": (f"ndcg@{k}", "overall"),
        f"ndcg@{k} warm": (f"ndcg@{k}", "warm"),
        f"ndcg@{k} cold": (f"ndcg@{k}", "cold"),
        f"ndcg@{k} cold products": (f"ndcg@{k}", ranking.COLD_PRODUCTS),
        f"recall@{k}": (f"recall@{k}", "overall"),
        f"hit_rate@{k}": (f"hit_rate@{k}", "overall"),
        f"coverage@{k}": (f"coverage@{k}", "overall"),
        "rmse": ("rmse", "overall"),
        "rmse warm": ("rmse", "warm"),
        "rmse cold": ("rmse", "cold"),
    }
    board = pd.DataFrame(
        {title: by_model.get(column, np.nan) for title, column in wanted.items()},
        index=by_model.index,
    )
    described = {config["model"]: config for config in configs}
    described[EQUAL] = described.get("ensemble", {})
    board["predicts"] = [_of(described, name, "predicts") for name in board.index]
    board["ranks_by"] = [_of(described, name, "ranks_by") for name in board.index]
    board["data"] = data_quality_report["data"]["label"]
    board = board.sort_values(f"ndcg@{k}", ascending=False, na_position="last", kind="stable")
    return board.rename_axis("model").reset_index()


def report_evaluation(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    customer_metrics: ibis.Table,
    metrics: pd.DataFrame,
    data_quality_report: Json,
    leakage_report: pd.DataFrame,
    parameters: EvaluationParameters,
    *configs_and_predictions: Any,
) -> Json:
    """Compare with the baselines, and say on what, how and where the numbers were made.

    Parameters
    ----------
    interactions, customer_ids, product_ids, customer_metrics, metrics
        The datasets of those names.
    data_quality_report, leakage_report
        The datasets of those names.
    parameters
        Settings of the pipeline.
    *configs_and_predictions
        ``<model>.config`` of every model and of ``ensemble``, then ``<model>.predictions`` in the
        same order and of ``ensemble_equal``.

    Returns
    -------
    dict
        The dataset `evaluation_report`.
    """
    configs, predictions = _configs_and_tables(configs_and_predictions)
    arrays = read_interactions(interactions, customer_ids, product_ids)
    validation, test = _cuts(arrays, product_ids)
    catalogue = _catalogue(arrays, product_ids)
    stars = _all_ratings(configs, predictions, customer_ids, product_ids, arrays, "test")
    rating.require_same_pairs(stars)
    counts, squared, _ = rating.customer_errors(stars)
    metric = f"ndcg@{parameters.list_length}"
    report = data_quality_report
    return {
        "data": report["data"]
        | {"reviews": report["accepted"], "customers": report["customers"]}
        | {"products": report["products"], "split": report["split"]},
        "protocol": protocol_text(parameters, any(c.get("refit_on_validation") for c in configs)),
        "cuts": {cut.name: _describe_cut(cut, catalogue) for cut in (validation, test)},
        "cold_products": _cold_products(metrics),
        "seeds": sorted({config["seed"] for config in configs if "seed" in config}),
        "trials": sorted({config["trials"] for config in configs if "trials" in config}),
        "models": {
            config["model"]: {
                key: config.get(key)
                for key in ("predicts", "ranks_by", "seconds", "tuning_seconds", "seed", "trials")
            }
            for config in configs
        },
        "ensemble": {
            kind: {
                key: config[kind][key]
                for key in ("chosen", "best_single", "conditional_members")
                if key in config[kind]
            }
            for config in configs
            if config["model"] == "ensemble"
            for kind in ("rating", "purchase")
        },
        "comparisons": compare_rankings(_test_values(customer_metrics, metric), parameters)
        + compare_ratings(counts, squared, parameters),
        "leakage_check": summary(leakage_report),
        "machine": describe_machine(),
        "peak_memory_mb": peak_memory_mb(),
    }


def draw_rankings(metrics: pd.DataFrame, data_quality_report: Json) -> Any:
    """Draw test NDCG of every model with intervals: overall, warm and cold."""
    from product_recommender.figures.evaluation import ranking_figure

    return ranking_figure(metrics, data_quality_report)


def draw_ratings(metrics: pd.DataFrame, data_quality_report: Json) -> Any:
    """Draw test RMSE of every model that predicts stars, with intervals."""
    from product_recommender.figures.evaluation import rating_figure

    return rating_figure(metrics, data_quality_report)


def draw_segments(metrics: pd.DataFrame, data_quality_report: Json) -> Any:
    """Draw test NDCG of every model in every segment."""
    from product_recommender.figures.evaluation import segments_figure

    return segments_figure(metrics, data_quality_report)


def draw_cold_products(metrics: pd.DataFrame, data_quality_report: Json) -> Any:
    """Draw test NDCG of every model on products that it has and has not seen a purchase of."""
    from product_recommender.figures.evaluation import cold_products_figure

    return cold_products_figure(metrics, data_quality_report)


def draw_history(metrics: pd.DataFrame, data_quality_report: Json) -> Any:
    """Draw test NDCG against the number of purchases before the cut."""
    from product_recommender.figures.evaluation import history_figure

    return history_figure(metrics, data_quality_report)


def _configs_and_tables(inputs: Sequence[Any], kinds: int = 1) -> tuple[list[Json], list[Any]]:
    """Divide the variable inputs of a node: each kind of table has one more than the configs."""
    n = (len(inputs) - kinds) // (1 + kinds)
    return list(inputs[:n]), list(inputs[n:])


def _names(configs: Sequence[Json]) -> list[str]:
    return [config["model"] for config in configs] + [EQUAL]


def _cuts(arrays: InteractionArrays, product_ids: ibis.Table) -> tuple[Cut, Cut]:
    validation = make_cut(arrays, product_ids, "validation", half="blend")
    test = make_cut(arrays, product_ids, "test")
    for cut, part in ((validation, "the `blend` half of validation"), (test, "the test")):
        if len(cut.users) == 0:
            raise ValueError(
                f"Nobody has a target in {part}: {cut.excluded_not_on_sale} purchases were of "
                f"products not yet on sale before it, {cut.excluded_repeats} were repeats. "
                "There is nothing to measure; move data_processing.split.train_share and "
                "validation_share (or train_until and validation_until)."
            )
    return validation, test


def _all_lists(
    configs: Sequence[Json],
    tables: Sequence[ibis.Table],
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    cut: Cut,
    k: int,
) -> dict[str, Lists]:
    return {
        name: read_lists(table, customer_ids, product_ids, cut, k, name)
        for name, table in zip(_names(configs), tables, strict=True)
    }


def _all_ratings(
    configs: Sequence[Json],
    tables: Sequence[ibis.Table],
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    arrays: InteractionArrays,
    split: str,
) -> dict[str, rating.Ratings]:
    """Ratings of the models that predict stars, and of the mean of the training stars."""
    predicts = {config["model"]: config["predicts"] for config in configs} | {EQUAL: "stars"}
    found = {
        name: rating.read_ratings(table, customer_ids, product_ids, split)
        for name, table in zip(_names(configs), tables, strict=True)
        if predicts[name] == "stars"
    }
    first = next(iter(found.values()))
    mean = float(arrays.stars[arrays.parts == TRAIN].mean())
    constant = rating.Ratings(
        first.users, first.items, first.stars, np.full(len(first.stars), mean)
    )
    return {GLOBAL_MEAN: constant} | found


def _catalogue(arrays: InteractionArrays, product_ids: ibis.Table) -> ranking.Catalogue:
    table = product_ids.select("item", "product_category").order_by("item").to_pyarrow()
    names, codes = np.unique(
        table["product_category"].fill_null("Unknown").to_numpy(zero_copy_only=False).astype(str),
        return_inverse=True,
    )
    bought = arrays.items[arrays.parts == TRAIN]
    return ranking.Catalogue(
        categories=codes,
        category_names=tuple(str(name) for name in names),
        purchase_counts=np.bincount(bought, minlength=arrays.n_items_listed),
    )


def _test_values(customer_metrics: ibis.Table, metric: str) -> dict[str, np.ndarray]:
    test = customer_metrics.filter(customer_metrics["split"] == "test")
    frame = test.select("model", "customer_id", metric).to_pandas()
    by_customer = frame.pivot_table(index="customer_id", columns="model", values=metric)
    return {str(name): by_customer[name].to_numpy() for name in by_customer}


def _describe_cut(cut: Cut, catalogue: ranking.Catalogue) -> Json:
    cold = ranking.targets_among(cut, catalogue.is_cold)
    return {
        "customers": len(cut.users),
        "warm": int(cut.is_warm.sum()),
        "cold": int((~cut.is_warm).sum()),
        "targets": int(cut.targets.nnz),
        "candidates": len(cut.candidates),
        "cold_candidates": int(catalogue.is_cold[cut.candidates].sum()),
        "cold_targets": int(cold.nnz),
        "customers_with_cold_target": int((np.diff(cold.indptr) > 0).sum()),
        "excluded_not_on_sale": cut.excluded_not_on_sale,
        "excluded_repeats": cut.excluded_repeats,
    }


def _cold_products(metrics: pd.DataFrame) -> list[Json]:
    """What each model makes of targets that no training purchase speaks of, at the test."""
    rows = metrics[(metrics["split"] == "test") & (metrics["slice"] == ranking.COLD_PRODUCTS)]
    wanted = rows[rows["metric"].str.startswith(("ndcg@", "hit_rate@"))]
    columns = ["model", "metric", "value", "ci_low", "ci_high", "n_users"]
    return [
        {str(key): value for key, value in row.items()}
        for row in wanted[columns].to_dict(orient="records")
    ]


def _of(described: dict[str, Json], name: str, key: str) -> str:
    return str(described.get(name, {}).get(key) or "")

"""The steps of the propensity pipeline."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from product_recommender.code_names import CodeNames
from product_recommender.days import date_of
from product_recommender.model_inputs import TRAIN, VALIDATION, InteractionArrays
from product_recommender.model_inputs import interaction_arrays as read_interactions
from product_recommender.pipelines.propensity.parameters import PropensityParameters
from product_recommender.propensity import judging
from product_recommender.propensity.learning import BASE_RATE, Propensity, learn
from product_recommender.propensity.models import arrays_under
from product_recommender.propensity.periods import (
    Questions,
    Schedule,
    all_questions,
    joined,
    schedule_periods,
)
from product_recommender.propensity.purchase_log import PurchaseLog

logger = logging.getLogger(__name__)

Json = dict[str, Any]

BASELINE = "recency_frequency"
_BATCH_CUSTOMERS = 50_000
_OUTPUT = pa.schema(
    [
        ("customer_id", pa.string()),
        ("category", pa.string()),
        ("period", pa.string()),
        ("probability", pa.float64()),
    ]
)


def fit_propensity(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    parameters: PropensityParameters,
) -> tuple[dict[str, Any], Json]:
    """Learn chances of a purchase on past periods, calibrate and choose on validation periods.

    Parameters
    ----------
    interactions, customer_ids, product_ids
        The datasets of those names.
    parameters
        Settings of the pipeline.

    Returns
    -------
    weights : dict of str to torch.Tensor
        The model and the baseline.
    config : dict
        What they are, what they were learnt from, and how the candidates compared.
    """
    arrays = read_interactions(interactions, customer_ids, product_ids)
    log, _ = _purchase_log(arrays, product_ids)
    schedule = _schedule(arrays, log, parameters.period_days, parameters.training_periods)
    in_tune = _tune_customers(arrays, parameters.seed)
    learnt = learn(log, schedule, in_tune, parameters)
    notes = list(schedule.notes)
    if learnt.chosen.name == BASE_RATE:
        notes.append(
            f"Too few purchases by known customers ({learnt.report['purchases']}; "
            f"propensity.min_purchases is {parameters.min_purchases}): everybody in a category "
            "gets the category's rate."
        )
    for note in notes:
        logger.warning("Propensity: %s", note)
    config = {
        "chosen": learnt.chosen.described(),
        "baseline": learnt.baseline.described(),
        "parameters": parameters.model_dump(mode="json"),
        "cuts": {
            part: [date_of(cut).isoformat() for cut in getattr(schedule, part)]
            for part in ("training", "validation")
        },
        "learning": learnt.report,
        "notes": notes,
    }
    return _to_tensors(learnt.chosen, learnt.baseline), config


def estimate_propensity(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    weights: dict[str, Any],
    config: Json,
) -> pa.RecordBatchReader:
    """Answer for every customer and category, for the period that begins after the data end.

    Parameters
    ----------
    interactions, customer_ids, product_ids
        The datasets of those names.
    weights, config
        As made by ``fit_propensity``.

    Returns
    -------
    pyarrow.RecordBatchReader
        The dataset `purchase_propensity`, ordered by customer code and category name.
    """
    arrays = read_interactions(interactions, customer_ids, product_ids)
    log, categories = _purchase_log(arrays, product_ids)
    model = _from_tensors(weights, config)[0]
    names = CodeNames.read(customer_ids, product_ids).customers
    return pa.RecordBatchReader.from_batches(
        _OUTPUT, _answers(log, model, names, np.array(categories, dtype=object))
    )


def measure_propensity(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    weights: dict[str, Any],
    config: Json,
    data_quality_report: Json,
    parameters: PropensityParameters,
) -> tuple[pd.DataFrame, pd.DataFrame, Json]:
    """Judge the chances on the periods of the test part, against recency and frequency.

    Parameters
    ----------
    interactions, customer_ids, product_ids, data_quality_report
        The datasets of those names.
    weights, config
        As made by ``fit_propensity``.
    parameters
        Settings of the pipeline.

    Returns
    -------
    metrics : pandas.DataFrame
        The dataset `propensity_metrics`; empty where the test part holds no period.
    reliability : pandas.DataFrame
        The dataset `propensity_reliability_table`.
    report : dict
        The dataset `propensity_report`.
    """
    arrays = read_interactions(interactions, customer_ids, product_ids)
    log, categories = _purchase_log(arrays, product_ids)
    model, baseline = _from_tensors(weights, config)
    schedule = _schedule(arrays, log, model.period_days, parameters.training_periods)
    report = {
        "data": data_quality_report["data"],
        "model": model.name,
        "baseline": BASELINE,
        "period_days": model.period_days,
        "periods": [_period(cut, model.period_days) for cut in schedule.test],
        "learning": config["learning"],
        "notes": list(dict.fromkeys([*config["notes"], *schedule.notes])),
    }
    asked = _asked(log, schedule, model.period_days)
    chances = {
        name: answering.probabilities(log, asked.users, asked.categories, asked.days)
        for name, answering in ((model.name, model), (BASELINE, baseline))
    }
    rows, lead = _metric_rows(log, asked, chances, categories, parameters)
    if len(asked) and not asked.outcomes.any():
        report["notes"].append(
            "No known customer bought anything in the test periods: there is no order to judge."
        )
    report |= {
        "questions": len(asked),
        "purchases": int(asked.outcomes.sum()),
        "customers": len(np.unique(asked.users)),
        "expected_purchases": {name: float(of.sum()) for name, of in chances.items()},
        "lead_over_baseline": {
            metric: {"difference": judged.value, "ci_low": judged.low, "ci_high": judged.high}
            for metric, judged in lead.items()
        },
    }
    bins = [
        pd.DataFrame(
            judging.reliability(of, asked.outcomes, parameters.bins, parameters.level)
        ).assign(model=name)
        for name, of in chances.items()
        if len(asked)
    ]
    return _metric_frame(rows), _reliability_frame(bins), report


def draw_reliability(
    propensity_reliability_table: pd.DataFrame,
    propensity_metrics: pd.DataFrame,
    propensity_report: Json,
    data_quality_report: Json,
    parameters: PropensityParameters,
) -> Any:
    """Draw promised chances against what came of them, with the counts in each bin."""
    from product_recommender.figures.propensity import reliability_figure

    return reliability_figure(
        propensity_reliability_table,
        propensity_metrics,
        propensity_report,
        data_quality_report,
        parameters.level,
    )


def _purchase_log(
    arrays: InteractionArrays, product_ids: ibis.Table
) -> tuple[PurchaseLog, list[str]]:
    """Purchases without repeats (a review of a product again is no new purchase), and the names of
    the categories that their codes stand for."""
    table = product_ids.select("item", "product_category").order_by("item").to_pyarrow()
    listed = table["product_category"].to_numpy(zero_copy_only=False).astype(str)
    names, codes = np.unique(listed, return_inverse=True)
    rows = ~arrays.is_repeat
    log = PurchaseLog.of(
        arrays.users[rows],
        codes[arrays.items[rows]],
        arrays.days[rows],
        arrays.stars[rows],
        arrays.n_users_listed,
        len(names),
    )
    return log, [str(name) for name in names]


def _schedule(
    arrays: InteractionArrays, log: PurchaseLog, period_days: int, training_periods: int
) -> Schedule:
    ends = [int(arrays.days[arrays.parts <= part].max()) for part in (TRAIN, VALIDATION)]
    return schedule_periods(
        log.first_day, ends[0], ends[1], log.last_day, period_days, training_periods
    )


def _tune_customers(arrays: InteractionArrays, seed: int) -> np.ndarray:
    """bool ``[n_users_listed]``: the half of validation customers that the other models tune on.

    Customers without a validation purchase have no half; they are drawn in the proportion of
    those with one, so that both halves hold the same share of buyers.
    """
    halves = np.unique(arrays.users[arrays.in_tune]), np.unique(arrays.users[arrays.in_blend])
    n_tune, n_blend = (len(half) for half in halves)
    share = n_tune / (n_tune + n_blend) if n_tune + n_blend else 0.5
    in_tune: np.ndarray = np.random.default_rng(seed).random(arrays.n_users_listed) < share
    in_tune[halves[0]], in_tune[halves[1]] = True, False
    return in_tune


def _asked(log: PurchaseLog, schedule: Schedule, period_days: int) -> Questions:
    if not schedule.test:
        none = np.zeros(0, dtype=np.int64)
        return Questions(none, none, none, none.astype(bool), none.astype(np.float64))
    return joined([all_questions(log, cut, period_days) for cut in schedule.test])


def _answers(
    log: PurchaseLog, model: Propensity, names: np.ndarray, categories: np.ndarray
) -> Iterator[pa.RecordBatch]:
    known = log.known(log.last_day)
    period = _period(log.last_day, model.period_days)
    for begin in range(0, len(known), _BATCH_CUSTOMERS):
        part = known[begin : begin + _BATCH_CUSTOMERS]
        users = np.repeat(part, len(categories))
        codes = np.tile(np.arange(len(categories)), len(part))
        chances = model.probabilities(log, users, codes, np.full(len(users), log.last_day))
        columns = [names[users], categories[codes], np.full(len(users), period), chances]
        yield pa.RecordBatch.from_arrays(
            [pa.array(of, type=field.type) for of, field in zip(columns, _OUTPUT, strict=True)],
            schema=_OUTPUT,
        )


def _metric_rows(
    log: PurchaseLog,
    asked: Questions,
    chances: Mapping[str, np.ndarray],
    categories: list[str],
    parameters: PropensityParameters,
) -> tuple[list[Json], dict[str, judging.Judged]]:
    """Rows of `propensity_metrics`, and the overall lead over the baseline."""
    rows: list[Json] = []
    overall: dict[str, judging.Judged] = {}
    if not len(asked):
        return rows, overall
    history = log.purchases(asked.users, asked.days)
    for name, mask in judging.slices(asked.categories, categories, history).items():
        here = asked.take(mask)
        of_models = {model: of[mask] for model, of in chances.items()}
        by_model, lead = judging.judge(
            of_models,
            here.outcomes,
            here.users,
            parameters.n_resamples,
            parameters.level,
            parameters.seed,
            parameters.bins,
            parameters.max_interval_customers,
        )
        overall = overall or lead
        counts = {"questions": len(here), "purchases": int(here.outcomes.sum())}
        for model, of in of_models.items():
            of_model = dict(by_model.get(model, {}))
            of_model["mean_probability"] = judging.Judged(float(of.mean()), np.nan, np.nan)
            share = float(here.outcomes.mean())
            of_model["purchase_share"] = judging.Judged(share, np.nan, np.nan)
            rows += [
                {"model": model, "slice": name, "metric": metric, "value": judged.value}
                | {"ci_low": judged.low, "ci_high": judged.high}
                | counts
                for metric, judged in of_model.items()
            ]
    return rows, overall


def _metric_frame(rows: list[Json]) -> pd.DataFrame:
    columns = ["model", "slice", "metric", "value", "ci_low", "ci_high", "questions", "purchases"]
    return pd.DataFrame(rows, columns=columns)


def _reliability_frame(bins: list[pd.DataFrame]) -> pd.DataFrame:
    columns = ["model", "bin", "lowest", "highest", "mean_probability", "purchase_share"]
    columns += ["low", "high", "questions", "purchases"]
    if not bins:
        return pd.DataFrame(columns=columns)
    numbered = [table.assign(bin=np.arange(1, len(table) + 1)) for table in bins]
    return pd.concat(numbered, ignore_index=True)[columns]


def _to_tensors(chosen: Propensity, baseline: Propensity) -> dict[str, Any]:
    """Each a copy: the format refuses tensors that share memory, as two base rates would."""
    import torch

    return {
        f"{role}.{name}": torch.from_numpy(np.array(array, order="C"))
        for role, model in (("chosen", chosen), ("baseline", baseline))
        for name, array in model.arrays().items()
    }


def _from_tensors(weights: Mapping[str, Any], config: Json) -> tuple[Propensity, Propensity]:
    arrays = {name: tensor.numpy() for name, tensor in weights.items()}
    chosen, baseline = (
        Propensity.from_arrays(config[role], arrays_under(arrays, f"{role}."))
        for role in ("chosen", "baseline")
    )
    return chosen, baseline


def _period(cut: int, period_days: int) -> str:
    """First and last day of the period after a cut, as an ISO 8601 interval."""
    return f"{date_of(cut + 1).isoformat()}/{date_of(cut + period_days).isoformat()}"

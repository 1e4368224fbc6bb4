"""Blend what the models say, choose on `blend` what is served, and serve it."""

import logging
import time
from collections.abc import Sequence
from typing import Any, Literal

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa

from product_recommender.code_names import CodeNames
from product_recommender.customer_slices import segment_names_by_user, segments_listed
from product_recommender.days import date_of
from product_recommender.evaluation_cuts import make_cut, purchases_before, purchases_so_far
from product_recommender.metrics.rating import rmse
from product_recommender.model_inputs import InteractionArrays, interaction_arrays
from product_recommender.pipelines.ensemble import entry, purchases, ratings
from product_recommender.pipelines.ensemble.parameters import EnsembleParameters
from product_recommender.pipelines.ensemble.serving import SCHEMA, served_batches
from product_recommender.recommendation_lists import read_lists
from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.ensemble import OVERALL, BlendConfig, BlendedRecommender
from product_recommender.recommenders.stages import REFIT_PREFIX, Stage, load_stage

logger = logging.getLogger(__name__)

Json = dict[str, Any]

BLENDED, EQUAL = "ensemble", "ensemble_equal"


def blend_ratings(
    customer_segments: ibis.Table, parameters: EnsembleParameters, *configs_and_predictions: Any
) -> tuple[pd.DataFrame, pd.DataFrame, Json]:
    """Regress the stars on the models that predict stars; weights per segment, on the simplex.

    Parameters
    ----------
    customer_segments
        The dataset of that name.
    parameters
        Settings of the pipeline.
    *configs_and_predictions
        ``<model>.config`` of every member, then ``<model>.predictions`` in the same order.

    Returns
    -------
    blended, equal : pandas.DataFrame
        As ``<model>.predictions``, for `blend` (each row with weights learnt on other customers)
        and the test.
    learnt : dict
        Weights, pairs, RMSE on `blend`, and the choice.
    """
    started = time.perf_counter()
    configs, tables = _shares(configs_and_predictions, 2)
    stars = {
        config["model"]: table
        for config, table in zip(configs, tables, strict=True)
        if config["predicts"] == "stars"
    }
    if not stars:
        raise ValueError("none of the models predicts stars; there is nothing to blend")
    rows = ratings.join_predictions(stars, customer_segments)
    blend = rows[rows["validation_part"] == "blend"]
    test = rows[rows["split"] == "test"]
    if blend.empty:
        raise ValueError(_nothing_in_blend("rating"))
    segments = segments_listed(customer_segments)
    models, fitted, decisions = entry.admit_to_ratings(blend, stars, segments, parameters)
    entry.log_decisions("rating", decisions)
    settings = parameters.rating.model_dump()
    weights = ratings.learn_rating_weights(blend, models, segments, **settings)
    answered = pd.concat([blend, test], ignore_index=True)
    blended = np.concatenate([fitted, ratings.blend_rows(test, weights)])
    equal = ratings.model_columns(answered, models).mean(axis=1)
    outcome = blend["star_rating"].to_numpy(dtype=np.float64)
    errors = {name: rmse(blend[f"prediction/{name}"].to_numpy(), outcome) for name in stars}
    best_single = min(errors, key=lambda name: errors[name])
    errors |= {EQUAL: rmse(equal[: len(blend)], outcome), BLENDED: rmse(fitted, outcome)}
    learnt = {
        "weights": weights.by_name(),
        "pairs": weights.pairs | {OVERALL: weights.overall_pairs},
        "blend_rmse": errors,
        "best_single": best_single,
        "chosen": min((best_single, EQUAL, BLENDED), key=lambda name: errors[name]),
        "conditional_members": decisions,
        "seconds": round(time.perf_counter() - started, 3),
    }
    return (
        ratings.prediction_table(answered, blended),
        ratings.prediction_table(answered, equal),
        learnt,
    )


def blend_purchases(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    customer_segments: ibis.Table,
    parameters: EnsembleParameters,
    *configs_weights_and_lists: Any,
) -> tuple[pd.DataFrame, pd.DataFrame, Json]:
    """Regress bought or not on calibrated scores over the whole catalogue; weights per segment.

    Parameters
    ----------
    interactions, customer_ids, product_ids, customer_segments
        The datasets of those names.
    parameters
        Settings of the pipeline.
    *configs_weights_and_lists
        ``<model>.config`` of every member, then ``<model>.weights``, then
        ``<model>.recommendations``, in the same order.

    Returns
    -------
    blended, equal : pandas.DataFrame
        As ``<model>.recommendations``: `blend` customers are answered with weights that were learnt
        on others, test customers with those learnt on all of `blend`.
    learnt : dict
        Weights, calibrations, NDCG on `blend`, and the choice.
    """
    started = time.perf_counter()
    configs, weights, lists = _shares(configs_weights_and_lists, 3)
    arrays = interaction_arrays(interactions, customer_ids, product_ids)
    names = CodeNames.read(customer_ids, product_ids)
    segment_of = segment_names_by_user(customer_ids, customer_segments)
    tune, blend = (make_cut(arrays, product_ids, "validation", half) for half in ("tune", "blend"))
    test = make_cut(arrays, product_ids, "test")
    if len(blend.users) == 0:
        raise ValueError(_nothing_in_blend("purchase of a product on sale before validation"))
    members = _load_members(configs, weights, "validation")
    # Without a refit the models that answer at validation answer the test as well.
    refitted = any(key.startswith(REFIT_PREFIX) for state in weights for key in state)
    at_test = _load_members(configs, weights, "test") if refitted else members
    at_test = _following(at_test, arrays, "test")
    everyone = purchases.PurchaseBlend.gather(members, tune, blend, segment_of, parameters)
    admitted = entry.admit_to_purchases(everyone, blend, names)
    entry.log_decisions("ranking", admitted.decisions)
    learner, answers = admitted.learner, list(admitted.answers)
    k, final = parameters.list_length, learner.learn()
    purchases.warn_of_equal_weights(final, parameters.purchase.min_purchases)
    answers.append(purchases.recommend_at(learner.model(final, at_test), test, k, names))
    equal_answers = [
        purchases.recommend_at(learner.model(None), blend, k, names),
        purchases.recommend_at(learner.model(None, at_test), test, k, names),
    ]
    ndcg = {
        config["model"]: float(
            purchases.ndcg(
                read_lists(table, customer_ids, product_ids, blend, k, config["model"]).items,
                blend,
                k,
            ).mean()
        )
        for config, table in zip(configs, lists, strict=True)
    }
    best_single = max(ndcg, key=lambda name: ndcg[name])
    ndcg[EQUAL] = float(equal_answers[0].ndcg.mean())
    ndcg[BLENDED] = float(np.concatenate([answer.ndcg for answer in answers[:-1]]).mean())
    learnt = {
        "blend": learner.configured(final).model_dump(mode="json"),
        "equal_blend": learner.configured(None).model_dump(mode="json"),
        "purchases": purchases.purchases_by_segment(final),
        f"blend_ndcg@{k}": ndcg,
        "best_single": best_single,
        "chosen": max((best_single, EQUAL, BLENDED), key=lambda name: ndcg[name]),
        "conditional_members": admitted.decisions,
        "seconds": round(time.perf_counter() - started, 3),
    }
    return _joined(answers), _joined(equal_answers), learnt


def describe_blends(rating: Json, purchase: Json) -> tuple[Json, pd.DataFrame]:
    """Join both blends into one configuration, and their weights into one table.

    Parameters
    ----------
    rating, purchase
        What ``blend_ratings`` and ``blend_purchases`` learnt.

    Returns
    -------
    config : dict
        The dataset ``ensemble.config``.
    weights : pandas.DataFrame
        ``kind, segment, model, weight, n``; n counts the ratings or purchases of `blend` that the
        segment's weights were learnt from: 0 where it uses everybody's, or equal ones.
    """
    rows = [
        {"kind": kind, "segment": segment, "model": model, "weight": weight, "n": counts[segment]}
        for kind, weights, counts in (
            ("rating", rating["weights"], rating["pairs"]),
            ("purchase", purchase["blend"]["weights"], purchase["purchases"]),
        )
        for segment, of_models in weights.items()
        for model, weight in of_models.items()
    ]
    for kind, learnt in (("rating", rating), ("ranking", purchase)):
        logger.info(
            "%s: %s won on `blend` (best model: %s)", kind, learnt["chosen"], learnt["best_single"]
        )
    config = {
        "model": BLENDED,
        "predicts": "stars",
        "ranks_by": BlendedRecommender.ranks_by,
        "seconds": rating["seconds"] + purchase["seconds"],
        "served": purchase["chosen"],
        "rating": rating,
        "purchase": purchase,
    }
    return config, pd.DataFrame(rows)


def recommend_to_everyone(
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    customer_segments: ibis.Table,
    ensemble_config: Json,
    parameters: EnsembleParameters,
    *configs_and_weights: Any,
) -> pa.RecordBatchReader:
    """Make the served list: for every customer, as of the last day of the data.

    Nothing that the customer has bought in any part, and nothing that was not on sale by the last
    day. Who answers was chosen on `blend`.

    Parameters
    ----------
    interactions, customer_ids, product_ids, customer_segments
        The datasets of those names.
    ensemble_config
        The dataset ``ensemble.config``.
    parameters
        Settings of the pipeline.
    *configs_and_weights
        ``<model>.config`` of every member, then ``<model>.weights`` in the same order.

    Returns
    -------
    pyarrow.RecordBatchReader
        The dataset ``recommendations``, made while it is written.
    """
    configs, weights = _shares(configs_and_weights, 2)
    arrays = interaction_arrays(interactions, customer_ids, product_ids)
    chosen = ensemble_config["served"]
    model: Recommender
    if chosen in (BLENDED, EQUAL):
        kept = ensemble_config["purchase"]["blend" if chosen == BLENDED else "equal_blend"]
        blend = BlendConfig(**kept)
        mine = [place for place, c in enumerate(configs) if c["model"] in blend.members]
        members = _load_members([configs[i] for i in mine], [weights[i] for i in mine], "test")
        model = BlendedRecommender.of_members(
            _following(members, arrays, "end"),
            blend,
            segment_names_by_user(customer_ids, customer_segments),
        )
    else:
        position = [config["model"] for config in configs].index(chosen)
        model = load_stage(weights[position], configs[position], "test")
        model = model.follow(*purchases_before(arrays, "end"))
    last_day = date_of(arrays.days.max())
    on_sale = product_ids.filter(product_ids["first_review_date"] <= ibis.literal(last_day))
    batches = served_batches(
        model,
        chosen,
        purchases_so_far(arrays, np.arange(arrays.n_users_listed)),
        np.sort(on_sale.select("item").to_pyarrow()["item"].to_numpy()),
        CodeNames.read(customer_ids, product_ids),
        parameters.list_length,
    )
    return pa.RecordBatchReader.from_batches(SCHEMA, batches)


def _joined(answers: Sequence[purchases.Answer]) -> pd.DataFrame:
    return pd.concat([answer.table for answer in answers], ignore_index=True)


def _shares(inputs: Sequence[Any], n: int) -> list[list[Any]]:
    """Cut the variable inputs of a node into their ``n`` equally long groups."""
    size = len(inputs) // n
    return [list(inputs[start * size : (start + 1) * size]) for start in range(n)]


def _load_members(
    configs: Sequence[Json], weights: Sequence[dict[str, Any]], stage: Stage
) -> dict[str, Recommender]:
    return {
        config["model"]: load_stage(state, config, stage)
        for config, state in zip(configs, weights, strict=True)
    }


def _following(
    members: dict[str, Recommender], arrays: InteractionArrays, cut: Literal["test", "end"]
) -> dict[str, Recommender]:
    """The members, told what customers had bought by the cut."""
    purchases = purchases_before(arrays, cut)
    return {name: member.follow(*purchases) for name, member in members.items()}


def _nothing_in_blend(what: str) -> str:
    return (
        f"No validation customer of the half `blend` has a {what}, so there is nothing to learn "
        "the ensemble's weights from. Give validation more days: "
        "data_processing.split.validation_share (or train_until and validation_until)."
    )

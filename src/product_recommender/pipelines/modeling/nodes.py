"""Train one model, let it answer at both cuts. The same three steps for every model."""

import logging
import time
from collections.abc import Callable
from typing import Any

import ibis
import numpy as np
import pandas as pd

from product_recommender.code_names import CodeNames, list_table
from product_recommender.evaluation_cuts import make_cut, purchases_before
from product_recommender.interactions import Interactions
from product_recommender.model_inputs import (
    PARTS,
    TEST,
    VALIDATION,
    InteractionArrays,
    interaction_arrays,
    rows_like,
    training_interactions,
)
from product_recommender.pipelines.modeling.parameters import ModelingSettings
from product_recommender.recommenders.base import Recommender, RecommenderConfig
from product_recommender.recommenders.registry import recommender_class

logger = logging.getLogger(__name__)

Weights = dict[str, Any]
Json = dict[str, Any]


def make_train_function(name: str) -> Callable[..., tuple[Weights, Json]]:
    """Make the training node of one model, typed with that model's own settings.

    Kedro validates ``params:`` against the annotations of a node, so every model needs a function
    whose annotation is its own ``Config``.

    Parameters
    ----------
    name
        A name in ``recommenders/registry.py``.
    """

    def train(
        interactions: ibis.Table,
        customer_ids: ibis.Table,
        product_ids: ibis.Table,
        customer_features: ibis.Table,
        product_features: ibis.Table,
        customer_segments: ibis.Table,
        settings: ModelingSettings,
        parameters: RecommenderConfig,
        text_embeddings: ibis.Table | None = None,
        image_embeddings: ibis.Table | None = None,
    ) -> tuple[Weights, Json]:
        arrays = interaction_arrays(interactions, customer_ids, product_ids)
        world = training_interactions(
            arrays,
            customer_ids,
            product_ids,
            customer_features,
            product_features,
            customer_segments,
            text_embeddings,
            image_embeddings,
        )
        return train_model(name, arrays, world, settings, parameters)

    train.__name__ = f"train_{name}"
    train.__doc__ = f"Train `{name}` on the training purchases; early stopping on `tune`."
    train.__annotations__["parameters"] = recommender_class(name).Config
    return train


def train_model(
    name: str,
    arrays: InteractionArrays,
    train: Interactions,
    settings: ModelingSettings,
    parameters: RecommenderConfig,
) -> tuple[Weights, Json]:
    """Tune (where asked), train, and where asked refit one model.

    Parameters
    ----------
    name
        A name in ``recommenders/registry.py``.
    arrays
        All coded interactions.
    train
        The training part with features and segments.
    settings
        Shared settings.
    parameters
        The model's own settings.

    Returns
    -------
    weights : dict[str, torch.Tensor]
        Flat state, for safetensors.
    config : dict
        Everything else that is needed to load the model and to understand it, for json.
    """
    from product_recommender.recommenders.stages import (
        join_stages,
        refit_config,
        refit_interactions,
    )
    from product_recommender.recommenders.tuning import tune, tune_fallback

    model_class = recommender_class(name)
    tune_part = rows_like(train, arrays, arrays.in_tune & ~arrays.is_repeat)
    started = time.perf_counter()
    stored = parameters.model_dump() | {"seed": settings.seed}
    if settings.trials:
        half_life = tune_fallback(train, tune_part, parameters.fallback_half_life_days)
        stored["fallback_half_life_days"] = half_life
    chosen, trials = tune(
        model_class,
        stored,
        train,
        tune_part,
        trials=settings.trials,
        seed=settings.seed,
    )
    tuned_after = time.perf_counter()
    model = model_class(model_class.Config(**chosen)).fit(train, tune_part)
    trained_after = time.perf_counter()
    refitted: Recommender | None = None
    if settings.refit_on_validation:
        validation = rows_like(train, arrays, (arrays.parts == VALIDATION) & ~arrays.is_repeat)
        refitted = model_class(refit_config(model.config, model.fit_report)).fit(
            refit_interactions(train, validation)
        )
    logger.info(
        "%s: trained on %s purchases of %s customers in %.1f s",
        name,
        f"{len(train):,}",
        f"{train.n_users:,}",
        trained_after - tuned_after,
    )
    config = {
        "model": name,
        "parameters": model.config.model_dump(mode="json"),
        "refit_parameters": refitted.config.model_dump(mode="json") if refitted else None,
        "refit_on_validation": settings.refit_on_validation,
        "predicts": model.predicts,
        "ranks_by": model.ranks_by,
        "seed": settings.seed,
        "trials": settings.trials,
        "tuning": trials,
        "tuning_seconds": round(tuned_after - started, 3),
        "seconds": round(trained_after - tuned_after, 3),
        "fit_report": model.fit_report,
    }
    return join_stages(model, refitted), config


def recommend_at_cuts(
    weights: Weights,
    config: Json,
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    settings: ModelingSettings,
) -> pd.DataFrame:
    """Recommend to the customers with a target: the `blend` half of validation, and the test.

    Parameters
    ----------
    weights, config
        The trained model.
    interactions, customer_ids, product_ids
        The datasets of those names.
    settings
        Shared settings.

    Returns
    -------
    pandas.DataFrame
        ``customer_id, split, rank, product_id, score, is_fallback``.
    """
    from product_recommender.recommenders.stages import load_stage

    arrays = interaction_arrays(interactions, customer_ids, product_ids)
    names = CodeNames.read(customer_ids, product_ids)
    parts = []
    for cut in (
        make_cut(arrays, product_ids, "validation", half="blend"),
        make_cut(arrays, product_ids, "test"),
    ):
        model = load_stage(weights, config, cut.name).follow(*purchases_before(arrays, cut.name))
        items, scores = model.recommend(
            cut.users,
            settings.list_length,
            exclude_seen=False,  # cut.seen holds the training purchases and what came after
            candidates=cut.candidates,
            seen=cut.seen,
        )
        parts.append(list_table(cut, items, scores, model.uses_fallback(cut.users), names))
    return pd.concat(parts, ignore_index=True)


def predict_ratings(
    weights: Weights,
    config: Json,
    interactions: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
) -> pd.DataFrame:
    """Predict the stars of every validation and test purchase that is not a repeat.

    Parameters
    ----------
    weights, config
        The trained model.
    interactions, customer_ids, product_ids
        The datasets of those names.

    Returns
    -------
    pandas.DataFrame
        ``customer_id, product_id, split, validation_part, star_rating, prediction, is_fallback``;
        no rows for a model that does not predict stars.
    """
    from product_recommender.recommenders.stages import load_stage

    arrays = interaction_arrays(interactions, customer_ids, product_ids)
    names = CodeNames.read(customer_ids, product_ids)
    parts = []
    for part in (VALIDATION, TEST):
        rows = np.flatnonzero((arrays.parts == part) & ~arrays.is_repeat)
        if config["predicts"] != "stars":
            rows = rows[:0]
        users, items = arrays.users[rows], arrays.items[rows]
        model = load_stage(weights, config, "validation" if part == VALIDATION else "test")
        predictions = model.predict(users, items) if len(rows) else np.empty(0, dtype=np.float32)
        halves = np.where(arrays.in_tune[rows], "tune", "blend").astype(object)
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": names.customers[users],
                    "product_id": names.products[items],
                    "split": PARTS[part],
                    "validation_part": halves if part == VALIDATION else None,
                    "star_rating": arrays.stars[rows].astype(np.int8),
                    "prediction": predictions,
                    "is_fallback": ~(model.is_known(users) & (items < model.n_items_scored)),
                }
            ).astype({"customer_id": "str", "product_id": "str", "validation_part": "str"})
        )
    return pd.concat(parts, ignore_index=True)

"""Load a trained model and ask it for one customer, as of the last day of the data."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import ibis
import numpy as np

from product_recommender.answers.catalog import Catalog, NotMadeYetError
from product_recommender.customer_slices import segment_names_by_user
from product_recommender.days import date_of
from product_recommender.evaluation_cuts import purchases_before, purchases_so_far
from product_recommender.interactions import UNKNOWN
from product_recommender.model_inputs import InteractionArrays, interaction_arrays
from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.explanation import Explanation
from product_recommender.recommenders.registry import MODELS, recommender_class

BLENDS = {"ensemble": "blend", "ensemble_equal": "equal_blend"}
"""Name of a blend -> where its weights stand in ``ensemble.config``."""


@dataclass(frozen=True)
class Listed:
    """A list for one customer.

    Attributes
    ----------
    model
        Who answered.
    items
        int ``[n]`` item codes, best first.
    scores
        float32 ``[n]``.
    is_fallback
        The list is not the model's own answer.
    explanations
        Item code -> what the model says of it; empty where it cannot tell.
    """

    model: str
    items: np.ndarray
    scores: np.ndarray
    is_fallback: bool
    explanations: dict[int, Explanation] = field(default_factory=dict)


def ask_now(catalog: Catalog, name: str, user: int, k: int, run: str) -> Listed:
    """The best products on sale on the last day that the customer has not bought yet.

    Parameters
    ----------
    catalog
        Holds the model and the tables it is asked about.
    name
        A model of the registry, ``ensemble`` or ``ensemble_equal``.
    user
        The customer's code; -1 for somebody who is not in the data.
    k
        Length of the list; shorter where fewer products are left.
    run
        How this environment is run, for messages.

    Raises
    ------
    ValueError
        If there is no such model, or it was trained on other data.
    NotMadeYetError
        If it was not trained.
    """
    model, arrays, product_ids = _told_model(catalog, name, run)
    asked = np.array([user])
    items, scores = model.recommend(
        asked,
        k,
        exclude_seen=False,  # `seen` holds everything bought, the training purchases included
        candidates=products_on_sale(product_ids, int(arrays.days.max())),
        seen=purchases_so_far(arrays, asked),
    )
    kept = items[0] >= 0
    listed = items[0][kept]
    is_fallback = bool(model.uses_fallback(asked)[0])
    told = {} if is_fallback else _explanations(model, user, listed)
    return Listed(name, listed, scores[0][kept], is_fallback, told)


def explain_served(catalog: Catalog, listed: Listed, user: int, run: str) -> Listed:
    """A served list with what its model says of each product, if the model can tell.

    The model is loaded only where its kind can tell at all.

    Parameters
    ----------
    catalog
        Holds the model.
    listed
        Its list for the customer.
    user
        The customer's code; -1 for somebody who is not in the data.
    run
        How this environment is run, for messages.
    """
    if listed.model not in MODELS or listed.is_fallback or user == UNKNOWN:
        return listed
    if recommender_class(listed.model).explain is Recommender.explain:
        return listed
    model, _, _ = _told_model(catalog, listed.model, run)
    return replace(listed, explanations=_explanations(model, user, listed.items))


def _explanations(model: Recommender, user: int, items: np.ndarray) -> dict[int, Explanation]:
    if user == UNKNOWN:
        return {}
    told = {int(item): model.explain(user, int(item)) for item in items}
    return {item: explanation for item, explanation in told.items() if explanation is not None}


def _told_model(
    catalog: Catalog, name: str, run: str
) -> tuple[Recommender, InteractionArrays, ibis.Table]:
    """The model, told of every purchase, with the data that it was told of."""
    interactions, customer_ids, product_ids = (
        catalog.load(table) for table in ("interactions", "customer_ids", "product_ids")
    )
    arrays = interaction_arrays(interactions, customer_ids, product_ids)
    model = load_model(catalog, name, run)
    if model.n_users > arrays.n_users_listed or model.n_items > arrays.n_items_listed:
        raise ValueError(
            f"{name} was trained on other data than this environment holds now: it knows "
            f"{model.n_users:,} customers and {model.n_items:,} products, there are "
            f"{arrays.n_users_listed:,} and {arrays.n_items_listed:,}. Train it again: {run}"
        )
    return model.follow(*purchases_before(arrays, "end")), arrays, product_ids


def products_on_sale(product_ids: ibis.Table, last_day: int) -> np.ndarray:
    """Item codes, ascending, of the products on sale on a day.

    Parameters
    ----------
    product_ids
        The dataset of that name.
    last_day
        Days since 1970-01-01.
    """
    on_sale = product_ids.filter(
        product_ids["first_review_date"] <= ibis.literal(date_of(last_day))
    )
    return np.sort(on_sale.select("item").to_pyarrow()["item"].to_numpy())


def load_model(catalog: Catalog, name: str, run: str) -> Recommender:
    """A trained model, or a blend of them, as it answers after the last cut.

    Parameters
    ----------
    catalog
        Holds ``<model>.weights`` and ``<model>.config``, and ``ensemble.config`` for a blend.
    name
        A model of the registry, ``ensemble`` or ``ensemble_equal``.
    run
        How this environment is run, for messages.

    Raises
    ------
    ValueError
        If there is no such model.
    NotMadeYetError
        If it was not trained.
    """
    from product_recommender.recommenders.ensemble import BlendConfig, BlendedRecommender
    from product_recommender.recommenders.stages import load_stage

    check_name(name)
    if name not in BLENDS:
        return load_stage(*_kept(catalog, name, run), "test")
    if not catalog.exists("ensemble.config"):
        raise NotMadeYetError(f"{name} was not learnt yet. Learn it: {run} --pipelines=ensemble")
    blend = BlendConfig(**catalog.load("ensemble.config")["purchase"][BLENDS[name]])
    members = {member: load_stage(*_kept(catalog, member, run), "test") for member in blend.members}
    segments = segment_names_by_user(
        catalog.load("customer_ids"), catalog.load("customer_segments")
    )
    return BlendedRecommender.of_members(members, blend, segments)


def check_name(name: str) -> None:
    """Stop where no model has this name.

    Raises
    ------
    ValueError
        With the names there are, the nearest first.
    """
    import difflib

    known = (*MODELS, *BLENDS)
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(f"There is no model named {name!r}.{hint} Known: {', '.join(known)}.")


def _kept(catalog: Catalog, name: str, run: str) -> tuple[Any, Any]:
    items = f"{name}.weights", f"{name}.config"
    if not all(catalog.exists(item) for item in items):
        raise NotMadeYetError(f"{name} was not trained here yet. Train it: {run} --tags={name}")
    weights, config = (catalog.load(item) for item in items)
    return weights, config

"""Which recommenders exist, and where. Nothing heavy is imported before a model is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from product_recommender.recommenders.base import Recommender

_PACKAGE = "product_recommender.recommenders"

MODELS: dict[str, str] = {
    "random": f"{_PACKAGE}.random:Random",
    "popularity": f"{_PACKAGE}.popularity:Popularity",
    "recent_popularity": f"{_PACKAGE}.popularity:RecentPopularity",
    "bias": f"{_PACKAGE}.bias:Bias",
    "matrix_factorization": f"{_PACKAGE}.matrix_factorization:MatrixFactorization",
    "bayesian_mf": f"{_PACKAGE}.bayesian_mf:BayesianMF",
    "ncf_random": f"{_PACKAGE}.ncf:NCFRandom",
    "ncf_custom": f"{_PACKAGE}.ncf:NCFCustom",
    "ncf_hybrid": f"{_PACKAGE}.ncf:NCFHybrid",
    "ncf_negative_sampling": f"{_PACKAGE}.ncf_negative_sampling:NCFNegativeSampling",
    "ncf_per_segment": f"{_PACKAGE}.ncf_per_segment:NCFPerSegment",
    "item_knn": f"{_PACKAGE}.item_knn:ItemKNN",
    "ease": f"{_PACKAGE}.ease:EASE",
    "als": f"{_PACKAGE}.als:ALS",
    "graph_filter": f"{_PACKAGE}.graph_filter:GraphFilter",
    "lstm": f"{_PACKAGE}.lstm:LSTM",
    "lstm_custom": f"{_PACKAGE}.lstm:LSTMCustom",
    "transformer": f"{_PACKAGE}.transformer:Transformer",
    "reranker": f"{_PACKAGE}.reranker:Reranker",
    "multimodal": f"{_PACKAGE}.multimodal:Multimodal",
}
"""Name in the catalog -> ``module:Class``."""


def recommender_class(name: str) -> type[Recommender]:
    """The class behind a model's name.

    Parameters
    ----------
    name
        A key of ``MODELS``.

    Returns
    -------
    type
        The subclass of ``Recommender``.

    Raises
    ------
    ValueError
        If there is no such model; the message lists those there are.
    """
    try:
        module, class_name = MODELS[name].split(":")
    except KeyError:
        raise ValueError(
            f"There is no recommender named {name!r}. Known names: {', '.join(MODELS)}. "
            "A new one is added to MODELS in recommenders/registry.py."
        ) from None
    found: type[Recommender] = getattr(import_module(module), class_name)
    return found


def load_recommender(state: dict[str, Tensor], config: dict[str, Any]) -> Recommender:
    """Rebuild a model from what the catalog keeps of it.

    Parameters
    ----------
    state
        ``<model>.weights``: as returned by ``Recommender.state()``.
    config
        ``<model>.config``; of its keys ``model`` and ``parameters`` are read.

    Raises
    ------
    ValueError
        If one of the two keys is missing or the model is unknown.
    """
    missing = [key for key in ("model", "parameters") if key not in config]
    if missing:
        raise ValueError(
            f"The model configuration lacks {', '.join(map(repr, missing))} (it has "
            f"{', '.join(map(repr, config)) or 'nothing'}). Train the model again: "
            "kedro run --pipeline=modeling"
        )
    return recommender_class(config["model"]).from_state(state, config["parameters"])

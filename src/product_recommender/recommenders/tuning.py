"""Hyperparameters by Optuna's tree-structured Parzen estimator, seeded and in memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from product_recommender.interactions import Interactions
from product_recommender.metrics.ranking import ranking_metrics
from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.training import TrainingDivergedError

logger = logging.getLogger(__name__)

Objective = Literal["ndcg@10", "rmse"]
Parameters = dict[str, Any]
History = list[dict[str, Any]]
Space = Callable[[Any], Parameters]

LIST_LENGTH = 10

MIN_SEGMENT_CUSTOMERS = 30
"""Tune customers below which the choice of a segment's settings would be a coin toss."""

FALLBACK_HALF_LIVES = (7.0, 14.0, 30.0, 60.0, 90.0, 180.0, 365.0)


def tune(
    model_class: type[Recommender],
    parameters: Parameters,
    train: Interactions,
    tune_part: Interactions,
    trials: int,
    seed: int = 0,
    objective: Objective | None = None,
) -> tuple[Parameters, History]:
    """Search a model's own space for better settings than the stored ones.

    The stored settings are the first trial, so the result is never worse on `tune` than they are.
    ``ncf_per_segment`` is tuned by ``tune_segments``.

    Parameters
    ----------
    model_class
        The model; its ``search_space`` says what is tried.
    parameters
        Stored settings: keyword arguments of ``model_class.Config``.
    train, tune_part
        Training purchases, and those of the `tune` customers after the cut.
    trials
        How many settings are tried; 0 returns ``parameters`` untouched.
    seed
        Seeds the sampler. Trainings are seeded by their own ``seed`` setting.
    objective
        NDCG@10 over the whole catalogue, training purchases left out, or the RMSE of the stars;
        None takes the RMSE for models that rank by predicted stars and NDCG@10 for the others.

    Returns
    -------
    parameters : dict
        The best settings found.
    history : list of dict
        json-serialisable, one entry a trial: ``trial``, ``parameters`` (overrides), ``objective``,
        ``value`` (None without one), ``state`` (``complete``, ``diverged``, or ``failed`` with a
        ``reason``).

    Raises
    ------
    TrainingDivergedError
        If every trial diverged.
    """
    if trials == 0 or not _has_space(model_class.search_space):
        return parameters, []
    from product_recommender.recommenders.ncf_per_segment import NCFPerSegment

    if issubclass(model_class, NCFPerSegment):
        return tune_segments(parameters, train, tune_part, trials, seed, objective)
    chosen_objective = objective or _natural_objective(model_class, parameters)
    if _nothing_to_measure(tune_part, chosen_objective):
        logger.warning("%s: no tune customer to measure on; stored values stay", model_class.name)
        return parameters, []

    def evaluate(overrides: Parameters) -> float:
        model = model_class(model_class.Config(**merged(parameters, overrides)))
        return measure(model.fit(train, tune_part), tune_part, chosen_objective)

    best, history = search(
        model_class.name,
        model_class.search_space,
        evaluate,
        trials,
        seed,
        chosen_objective,
        minimise=chosen_objective == "rmse",
    )
    return merged(parameters, best), history


def tune_segments(
    parameters: Parameters,
    train: Interactions,
    tune_part: Interactions,
    trials: int,
    seed: int = 0,
    objective: Objective | None = None,
) -> tuple[Parameters, History]:
    """Tune ``ncf_per_segment``: first the global network, then each segment on its own customers.

    Parameters
    ----------
    parameters
        Stored settings of ``ncf_per_segment``.
    train, tune_part
        As in ``tune``; with segments.
    trials
        Trials of the global network, and again of each segment that is large enough.
    seed, objective
        As in ``tune``.

    Returns
    -------
    parameters : dict
        Settings with tuned values under ``segments``.
    history : list of dict
        As in ``tune``, with ``segment`` beside it (None for the global network).
    """
    from product_recommender.recommenders.ncf import NCFRandom
    from product_recommender.recommenders.ncf_per_segment import (
        PerSegmentConfig,
        fit_segment,
        large_segments,
        segment_search_space,
        segment_world,
    )

    if trials == 0:
        return parameters, []
    shared_parameters = PerSegmentConfig(**parameters).for_segment(None).model_dump()
    tuned, history = tune(NCFRandom, shared_parameters, train, tune_part, trials, seed, objective)
    parameters = parameters | tuned
    history = [{"segment": None} | entry for entry in history]
    config = PerSegmentConfig(**parameters)
    shared = NCFRandom(config.for_segment(None)).fit(train, tune_part)
    chosen_objective = objective or _natural_objective(NCFRandom, tuned)
    segments = dict(config.segments)
    for number, name in large_segments(train, config.min_purchases):
        part, members = segment_world(train, train.user_segments, number)
        held_out, _ = segment_world(tune_part, train.user_segments, number)
        if len(np.unique(held_out.users)) < MIN_SEGMENT_CUSTOMERS:
            logger.info(
                "ncf_per_segment: %s has fewer than %d tune customers; its settings stay",
                name,
                MIN_SEGMENT_CUSTOMERS,
            )
            continue

        def evaluate(
            overrides: Parameters,
            name: str = name,
            part: Interactions = part,
            held_out: Interactions = held_out,
            members: np.ndarray = members,
        ) -> float:
            own = {name: merged(segments.get(name, {}), overrides)}
            trial_config = config.model_copy(update={"segments": own})
            network = fit_segment(trial_config, name, shared, members, part, held_out)
            return measure(network, held_out, chosen_objective)

        label = f"ncf_per_segment, {name}"
        best, tried = search(
            label,
            segment_search_space,
            evaluate,
            trials,
            seed,
            chosen_objective,
            minimise=chosen_objective == "rmse",
        )
        segments[name] = merged(segments.get(name, {}), best)
        history += [{"segment": name} | entry for entry in tried]
    return parameters | {"segments": segments}, history


def measure(model: Recommender, held_out: Interactions, objective: Objective) -> float:
    """One number for a fitted model.

    Parameters
    ----------
    model
        A fitted model.
    held_out
        Purchases after the cut. Only customers known to the model count for NDCG@10: all models
        answer the others in the same way.
    objective
        ``ndcg@10`` (binary gain, log2 discount, ideal cut at ten) or ``rmse``.

    Returns
    -------
    float
    """
    if objective == "rmse":
        error = model.predict(held_out.users, held_out.items) - held_out.stars
        return float(np.sqrt(np.mean(error.astype(np.float64) ** 2)))
    return _ndcg(model, held_out.take(model.is_known(held_out.users)))


def tune_fallback(train: Interactions, tune_part: Interactions, stored: float) -> float:
    """Half-life of the recent popularity that answers for strangers, the same for every model.

    Tried are ``FALLBACK_HALF_LIVES`` and the stored value, on the `tune` customers without a
    training purchase (on all of them where everybody has one).

    Parameters
    ----------
    train, tune_part
        As in ``tune``.
    stored
        Value to keep where there is nothing to measure on, and on ties.

    Returns
    -------
    float
        Half-life in days.
    """
    from product_recommender.recommenders.popularity import RecentPopularity, RecentPopularityConfig

    strangers = tune_part.take(tune_part.users >= train.n_users)
    rows = strangers if len(strangers) else tune_part
    if len(rows) == 0:
        return stored
    best, best_value = stored, -1.0
    for half_life in (stored, *FALLBACK_HALF_LIVES):
        settings = RecentPopularityConfig(half_life_days=half_life, exponent=0.0)
        value = _ndcg(RecentPopularity(settings).fit(train), rows)
        if value > best_value:
            best, best_value = half_life, value
    return best


def _ndcg(model: Recommender, held_out: Interactions) -> float:
    """Mean NDCG@10 over the customers of these purchases, training purchases left out."""
    import scipy.sparse

    held_out = held_out.take(held_out.items < model.n_items)  # the others were not on sale yet
    if len(held_out) == 0:
        return 0.0
    users, row_of = np.unique(held_out.users, return_inverse=True)
    lists, _ = model.recommend(users, LIST_LENGTH)
    targets = scipy.sparse.csr_matrix(
        (np.ones(len(held_out), dtype=np.float32), (row_of, held_out.items)),
        shape=(len(users), model.n_items),
    )
    return float(ranking_metrics(lists, targets, LIST_LENGTH)[f"ndcg@{LIST_LENGTH}"].mean())


def merged(parameters: Parameters, overrides: Parameters) -> Parameters:
    """``parameters`` with ``overrides``, mappings within mappings included; inputs unchanged."""
    result = dict(parameters)
    for key, value in overrides.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def search(
    label: str,
    space: Space,
    evaluate: Callable[[Parameters], float],
    trials: int,
    seed: int = 0,
    objective: str = "ndcg@10",
    minimise: bool = False,
) -> tuple[Parameters, History]:
    """Try the stored settings (no overrides), then ``trials - 1`` drawn by Optuna.

    Parameters
    ----------
    label
        What is searched, for messages.
    space
        Asks an Optuna trial for overrides; one that asks for nothing is not searched.
    evaluate
        The objective's value for some overrides.
    trials
        How many settings are tried, the stored ones included.
    seed
        Seeds the sampler.
    objective
        Name of what ``evaluate`` returns.
    minimise
        Whether smaller is better.

    Returns
    -------
    overrides : dict
        The best ones; empty where nothing was better than the stored settings.
    history : list of dict
        As of ``tune``.

    Raises
    ------
    TrainingDivergedError
        If every trial diverged.
    """
    import optuna

    history: History = []
    last_error: list[TrainingDivergedError] = []

    def attempt(overrides: Parameters) -> float | None:
        entry: dict[str, Any] = {"trial": len(history), "parameters": overrides}
        entry["objective"] = objective
        history.append(entry)
        try:
            entry["value"] = evaluate(overrides)
            entry["state"] = "complete"
        except TrainingDivergedError as error:
            entry["value"], entry["state"] = None, "diverged"
            last_error.append(error)
        except (ValueError, MemoryError, RuntimeError) as error:
            if entry["trial"] == 0:
                raise  # the stored settings themselves cannot be used
            entry["value"], entry["state"], entry["reason"] = None, "failed", str(error)
            logger.warning("%s: trial %d failed: %s", label, entry["trial"], error)
        return entry["value"]

    def objective_of(trial: Any) -> float:
        value = attempt(space(trial))
        if value is None:
            raise optuna.TrialPruned
        return value

    attempt({})
    if trials > 1 and _has_space(space):
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            study = optuna.create_study(
                direction="minimize" if minimise else "maximize",
                sampler=optuna.samplers.TPESampler(seed=seed),
            )
            study.optimize(objective_of, n_trials=trials - 1)
        finally:
            optuna.logging.set_verbosity(verbosity)
    complete = [entry for entry in history if entry["state"] == "complete"]
    if not complete:
        raise last_error[-1]
    choose = min if minimise else max
    best = choose(complete, key=lambda entry: entry["value"])
    logger.info(
        "%s: best %s of %d trials is %.4f (stored settings: %s)",
        label,
        objective,
        len(history),
        best["value"],
        "diverged" if history[0]["value"] is None else f"{history[0]['value']:.4f}",
    )
    return best["parameters"], history


def _has_space(space: Space) -> bool:
    """Whether a search space asks for anything at all."""
    import optuna

    try:
        return bool(space(optuna.trial.FixedTrial({})))
    except ValueError:  # a fixed trial without values refuses the first question
        return True


def _natural_objective(model_class: type[Recommender], parameters: Parameters) -> Objective:
    model = model_class(model_class.Config(**parameters))
    return "rmse" if model.ranks_by == "predicted stars" else "ndcg@10"


def _nothing_to_measure(rows: Interactions, objective: Objective) -> bool:
    known_user = (rows.users >= 0) & (rows.users < rows.n_users)
    return len(rows) == 0 or (objective != "rmse" and not known_user.any())

"""One model, or the ensemble of several, under the protocol that predicts stars."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.protocols.blends import blend_stars
from benchmarks.protocols.ratings import HIGHEST, LOWEST, RatingFold, RatingsFile, folds
from benchmarks.protocols.settings import ModelSettings
from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.registry import recommender_class
from product_recommender.recommenders.stages import refit_config
from product_recommender.recommenders.tuning import merged, search


@dataclass
class RatingOutcome:
    """What one row of the table is made from.

    Attributes
    ----------
    errors
        For each seed, float64 ``[rows of the file]``: predicted minus given, in the file's units.
    validation
        RMSE on the validation parts with the chosen settings, mean over folds and seeds.
    settings
        Chosen settings; where folds chose differently, those of each.
    history
        Every trial, with its seed and fold.
    train_seconds
        Training the final models of one seed, mean over seeds.
    """

    errors: list[np.ndarray]
    validation: float | None
    settings: dict[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    train_seconds: float = 0.0


@dataclass
class StarMembers:
    """Predictions of the models that ran before, for the ensemble.

    Attributes
    ----------
    held_out, tested
        For each seed and fold: name -> float32 predictions of the validation and the test rows, in
        stars.
    """

    held_out: dict[tuple[int, int], dict[str, np.ndarray]] = field(default_factory=dict)
    tested: dict[tuple[int, int], dict[str, np.ndarray]] = field(default_factory=dict)


def run_star_model(
    name: str,
    file: RatingsFile,
    settings: ModelSettings,
    seeds: Sequence[int],
    trials: int,
    members: StarMembers | None = None,
) -> RatingOutcome:
    """Cross-validate a model; settings are chosen inside each fold.

    Parameters
    ----------
    name
        In the registry.
    file
        The ratings.
    settings
        Start and search space.
    seeds
        Each draws folds of its own, and seeds the models.
    trials
        Settings tried in each fold, the start included.
    members
        Where to leave predictions for an ensemble; None keeps nothing.
    """
    outcome = RatingOutcome([], None, {})
    values: list[float] = []
    chosen: list[dict[str, Any]] = []
    seconds = 0.0
    for seed in seeds:
        errors = np.zeros(len(file.rows))
        for number, fold in enumerate(folds(file, seed)):
            tuned = _tuned(name, fold, settings, seed, trials, members is not None)
            outcome.history += [{"seed": seed, "fold": number} | entry for entry in tuned.history]
            if tuned.value is not None:
                values.append(tuned.value * fold.unit)
            chosen.append(tuned.final.config.model_dump(mode="json", exclude={"seed"}))
            seconds += tuned.seconds
            predicted = tuned.final.predict(fold.test.users, fold.test.items)
            errors[fold.rows] = (predicted - fold.test.stars).astype(np.float64) * fold.unit
            if members is not None and tuned.value is not None:
                place = (seed, number)
                members.held_out.setdefault(place, {})[name] = tuned.held_out
                members.tested.setdefault(place, {})[name] = predicted
        if np.isnan(errors).any():
            raise ValueError(f"{name}: a predicted rating is NaN; the training has diverged")
        outcome.errors.append(errors)
    outcome.validation = float(np.mean(values)) if values else None
    same = all(entry == chosen[0] for entry in chosen)
    outcome.settings = chosen[0] if same else {"of_each_fold": chosen}
    outcome.train_seconds = seconds / len(seeds)
    return outcome


@dataclass
class _Tuned:
    """The final model of a fold, and how it came about."""

    final: Recommender
    value: float | None
    history: list[dict[str, Any]]
    held_out: np.ndarray
    seconds: float


def _tuned(
    name: str,
    fold: RatingFold,
    settings: ModelSettings,
    seed: int,
    trials: int,
    is_member: bool,
) -> _Tuned:
    model_class = recommender_class(name)
    kept: list[tuple[float, Recommender, np.ndarray]] = []

    def config_of(overrides: dict[str, Any]) -> Any:
        return model_class.Config(**merged(merged(settings.start, overrides), {"seed": seed}))

    def evaluate(overrides: dict[str, Any]) -> float:
        assert fold.validation is not None
        model = model_class(config_of(overrides)).fit(fold.train, fold.validation)
        predicted = model.predict(fold.validation.users, fold.validation.items)
        error = (predicted - fold.validation.stars).astype(np.float64)
        value = float(np.sqrt(np.mean(error**2)))
        if not kept or value < kept[0][0]:
            kept[:] = [(value, model, predicted)]
        return value

    best: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    # One setting, no number of epochs and no ensemble: nothing is to be chosen on validation.
    stops_early = hasattr(config_of({}), "training")
    if fold.validation is not None and (trials > 1 or stops_early or is_member):
        best, history = search(name, settings.space, evaluate, trials, seed, "rmse", minimise=True)
    config = config_of(best)
    if kept:
        config = refit_config(config, kept[0][1].fit_report)
    started = time.perf_counter()
    final = model_class(config).fit(fold.full)
    seconds = time.perf_counter() - started
    if not kept:
        return _Tuned(final, None, history, np.empty(0), seconds)
    return _Tuned(final, kept[0][0], history, kept[0][2], seconds)


def run_star_ensemble(
    file: RatingsFile, members: StarMembers, seeds: Sequence[int]
) -> RatingOutcome:
    """Blend the members' predictions, weighted in each fold on its validation rows.

    Parameters
    ----------
    file
        The ratings.
    members
        What the models left.
    seeds
        Those that they ran with.

    Raises
    ------
    ValueError
        If there are fewer than two members, or nothing to choose weights by.
    """
    everywhere = list(members.held_out.values())
    # A model that failed in a later fold is none.
    names = [name for name in (everywhere or [{}])[0] if all(name in fold for fold in everywhere)]
    if len(names) < 2:
        raise ValueError(
            f"an ensemble needs two models with validation predictions, there are {len(names)}"
        )
    outcome = RatingOutcome([], None, {})
    shares: list[dict[str, float]] = []
    values: list[float] = []
    for seed in seeds:
        errors = np.zeros(len(file.rows))
        for number, fold in enumerate(folds(file, seed)):
            assert fold.validation is not None
            held_out = {name: members.held_out[seed, number][name] for name in names}
            weights, intercept = blend_stars(held_out, fold.validation.stars)
            shares.append(weights)
            fitted = _mixed(held_out, weights, intercept) - fold.validation.stars
            values.append(float(np.sqrt(np.mean(fitted.astype(np.float64) ** 2))) * fold.unit)
            tested = {name: members.tested[seed, number][name] for name in names}
            predicted = _mixed(tested, weights, intercept)
            errors[fold.rows] = (predicted - fold.test.stars).astype(np.float64) * fold.unit
        outcome.errors.append(errors)
    outcome.validation = float(np.mean(values))
    mean = {name: float(np.mean([share[name] for share in shares])) for name in names}
    outcome.settings = {"mean weights over folds": mean}
    return outcome


def _mixed(
    predictions: dict[str, np.ndarray], weights: dict[str, float], intercept: float
) -> np.ndarray:
    total = sum(weight * predictions[name] for name, weight in weights.items())
    return np.clip(total + intercept, LOWEST, HIGHEST)

"""Learn on past periods, calibrate on the next ones, choose among candidates, answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from product_recommender.propensity.features import FEATURES, feature_matrix
from product_recommender.propensity.models import (
    MODELS,
    Arrays,
    LinearModel,
    LogOddsModel,
    arrays_under,
    fit_candidates,
)
from product_recommender.propensity.periods import (
    Questions,
    Schedule,
    drawn_questions,
    joined,
)
from product_recommender.propensity.purchase_log import PurchaseLog
from product_recommender.propensity.settings import PropensitySettings

_BLOCK_ROWS = 1 << 17
_HELD_OUT_FACTOR = 25
"""Calibrating and choosing take this many times the rows that a period is learnt from, at most:
they are asked once, and a line through few rows would be the weakest part of all."""
BASE_RATE = "base_rate"
"""What answers where there is too little to learn from: the category's own rate of purchases."""


@dataclass(frozen=True)
class Propensity:
    """A model and the line that turns its log odds into calibrated ones (Platt, 1999).

    Attributes
    ----------
    name
        Of the candidate.
    model
        Answers with log odds.
    slope, constant
        The calibrated log odds are ``slope * log_odds + constant``.
    period_days
        The period that the chance speaks of.
    """

    name: str
    model: LogOddsModel
    slope: float
    constant: float
    period_days: int

    def probabilities(
        self, log: PurchaseLog, users: np.ndarray, categories: np.ndarray, days: np.ndarray
    ) -> np.ndarray:
        """Chance of a purchase in the period after each day.

        Parameters
        ----------
        log
            All purchases; those after the days are not looked at.
        users, categories, days
            int64 ``[n]``; every customer has a purchase by the day.

        Returns
        -------
        numpy.ndarray
            float64 ``[n]``, strictly between 0 and 1.
        """
        result = np.empty(len(users))
        for begin in range(0, len(users), _BLOCK_ROWS):
            rows = slice(begin, begin + _BLOCK_ROWS)
            features = feature_matrix(
                log, users[rows], categories[rows], days[rows], self.period_days
            )
            result[rows] = sigmoid(self.slope * self.model.log_odds(features) + self.constant)
        return result

    def arrays(self) -> Arrays:
        """Everything but the name and the sort of model, which ``described`` holds."""
        line = np.array([self.slope, self.constant])
        return {"calibration": line} | {
            f"model.{name}": array for name, array in self.model.arrays().items()
        }

    def described(self) -> dict[str, Any]:
        """What ``from_arrays`` needs beside the arrays; json-serialisable."""
        return {"name": self.name, "kind": self.model.kind, "period_days": self.period_days}

    @classmethod
    def from_arrays(cls, described: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """The inverse of ``described`` and ``arrays``."""
        model = MODELS[described["kind"]].from_arrays(arrays_under(arrays, "model."))
        slope, constant = (float(value) for value in arrays["calibration"])
        return cls(described["name"], model, slope, constant, int(described["period_days"]))


@dataclass(frozen=True)
class Learnt:
    """What learning gives.

    Attributes
    ----------
    chosen
        What answers.
    baseline
        Recency and frequency, learnt and calibrated on the same rows.
    report
        Rows, purchases and the log loss of every candidate; json-serialisable.
    """

    chosen: Propensity
    baseline: Propensity
    report: dict[str, Any]


def learn(
    log: PurchaseLog, schedule: Schedule, in_tune: np.ndarray, settings: PropensitySettings
) -> Learnt:
    """Fit every candidate and the baseline, calibrate on `tune`, choose on `blend`.

    Parameters
    ----------
    log
        Purchases; only those up to the end of the validation periods are looked at.
    schedule
        The cuts.
    in_tune
        bool ``[n_users]``: customers of the half that calibrates; the others choose.
    settings
        What is learnt, and from how much.

    Returns
    -------
    Learnt
        With the base rate in place of both models where there are too few purchases.
    """
    rng = np.random.default_rng(settings.seed)
    period = settings.period_days
    past = [
        drawn_questions(log, cut, period, settings.negatives_per_period, rng)
        for cut in schedule.training
    ]
    learnt = joined(past) if past else None
    most = _HELD_OUT_FACTOR * settings.negatives_per_period
    held_out = [drawn_questions(log, cut, period, most, rng) for cut in schedule.validation]
    validation = joined(held_out) if held_out else None
    tune = validation.take(in_tune[validation.users]) if validation else None
    blend = validation.take(~in_tune[validation.users]) if validation else None
    report: dict[str, Any] = {
        "rows": len(learnt) if learnt else 0,
        "purchases": {
            part: int(questions.outcomes.sum()) if questions else 0
            for part, questions in (("training", learnt), ("tune", tune), ("blend", blend))
        },
    }
    if not (learnt and tune and blend) or (
        min(report["purchases"].values()) < settings.min_purchases
        or min(int((~q.outcomes).sum()) for q in (learnt, tune, blend)) < settings.min_purchases
    ):
        rate = _base_rate(log, learnt, period)
        return Learnt(rate, rate, report | {"chosen": BASE_RATE, "log_loss": {}})
    features = _features(log, learnt, period)
    fitted = fit_candidates(
        settings.candidates,
        features,
        learnt.outcomes,
        learnt.weights,
        settings.splines,
        settings.trees,
        settings.seed,
    )
    baseline = LinearModel.fit(features, learnt.outcomes, learnt.weights)
    tune_features, blend_features = (_features(log, part, period) for part in (tune, blend))
    answers, losses = {}, {}
    for name, model in (*fitted.items(), ("recency_frequency", baseline)):
        slope, constant = calibration_line(
            model.log_odds(tune_features), tune.outcomes, tune.weights
        )
        answers[name] = Propensity(name, model, slope, constant, period)
        losses[name] = log_loss(
            slope * model.log_odds(blend_features) + constant, blend.outcomes, blend.weights
        )
    chosen = min(fitted, key=lambda name: losses[name])
    report |= {"chosen": chosen, "log_loss": losses}
    return Learnt(answers[chosen], answers["recency_frequency"], report)


def calibration_line(
    log_odds: np.ndarray, outcomes: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """Slope and constant of the logistic regression of outcomes on log odds (Platt, 1999).

    Outcomes are pulled away from 0 and 1 by Platt's own prior, so that the line exists even where
    log odds divide the outcomes perfectly. A slope below zero, which a model without any skill can
    get by chance, becomes zero: no calibration may turn the order around.

    Parameters
    ----------
    log_odds
        float ``[n]``.
    outcomes
        bool ``[n]``.
    weights
        float ``[n]``: how many rows each stands for.
    """
    n_positive, n_negative = float(weights[outcomes].sum()), float(weights[~outcomes].sum())
    targets = np.where(outcomes, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    design = np.stack([log_odds, np.ones(len(log_odds))], axis=1)
    line = np.array([1.0, 0.0])
    loss = log_loss(design @ line, targets, weights)
    for _ in range(50):
        chance = sigmoid(design @ line)
        gradient = design.T @ (weights * (chance - targets))
        bend = (weights * chance * (1 - chance))[:, None]
        curvature = (design * bend).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while (new_loss := log_loss(design @ (line - step), targets, weights)) > loss + 1e-12:
            step = step / 2  # a full Newton step may overshoot where chances are near 0 or 1
            if np.abs(step).max() < 1e-10:
                break
        line, loss = line - step, min(loss, new_loss)
        if np.abs(step).max() < 1e-9:
            break
    if line[0] < 0:
        share = np.average(targets, weights=weights)
        return 0.0, float(np.log(share / (1 - share)))
    return float(line[0]), float(line[1])


def log_loss(log_odds: np.ndarray, outcomes: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean of the negative log likelihood in nats; outcomes may be shares."""
    return float(np.average(np.logaddexp(0.0, log_odds) - outcomes * log_odds, weights=weights))


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Chances of log odds, without overflow: float64."""
    result: np.ndarray = 0.5 * (1.0 + np.tanh(0.5 * np.clip(log_odds, -30.0, 30.0)))
    return result


def _features(log: PurchaseLog, questions: Questions, period_days: int) -> np.ndarray:
    return feature_matrix(log, questions.users, questions.categories, questions.days, period_days)


def _base_rate(log: PurchaseLog, learnt: Questions | None, period_days: int) -> Propensity:
    """Odds in proportion to the category's purchases of late, right on average in the past."""
    column = np.array([FEATURES.index("category_rate")])
    constant = 0.0
    if learnt:
        rate = np.exp(_features(log, learnt, period_days)[:, column[0]].astype(np.float64))
        bought = float((learnt.weights * learnt.outcomes).sum())
        constant = float(np.log((bought + 0.5) / (float((learnt.weights * rate).sum()) + 0.5)))
    model = LinearModel(column, np.array([1.0, constant]))
    return Propensity(BASE_RATE, model, 1.0, 0.0, period_days)

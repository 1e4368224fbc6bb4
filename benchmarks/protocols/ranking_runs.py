"""One model, or the ensemble of several, under a protocol that ranks: search, seeds, metrics."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.protocols.blends import blended, choose_weights, judging_sample, kept_scores
from benchmarks.protocols.questions import PerUser, Question, RankingTask
from benchmarks.protocols.settings import ModelSettings
from product_recommender.recommenders.base import Recommender, RecommenderConfig
from product_recommender.recommenders.registry import recommender_class
from product_recommender.recommenders.stages import refit_config
from product_recommender.recommenders.tuning import merged, search


@dataclass
class Outcome:
    """What one row of the table is made from.

    Attributes
    ----------
    per_user
        For each seed the metrics of every question: name -> float ``[n]``.
    validation
        The objective on the validation part with the chosen settings.
    settings
        Chosen settings, or weights; JSON-serialisable.
    history
        Every trial.
    train_seconds
        Training the final model, mean over seeds.
    """

    per_user: list[PerUser]
    validation: float | None
    settings: dict[str, Any]
    history: list[dict[str, Any]] = field(default_factory=list)
    train_seconds: float = 0.0


@dataclass
class Members:
    """What the ensemble needs of the models that ran before it.

    Attributes
    ----------
    sample
        Validation questions that weights are chosen on; None where there are none.
    scores
        Of each member: what ``kept_scores`` made of them.
    models
        For each seed: name -> final model.
    """

    sample: Question | None
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    models: list[dict[str, Recommender]] = field(default_factory=list)

    @classmethod
    def of(cls, task: RankingTask, seeds: Sequence[int]) -> Members:
        """Nobody yet."""
        sample = None if task.chosen_by is None else judging_sample(task.chosen_by, seeds[0])
        return cls(sample, models=[{} for _ in seeds])


@dataclass
class _Kept:
    """The best trial so far, with its trained model."""

    value: float | None = None
    model: Recommender | None = None
    seconds: float = 0.0


def run_model(
    name: str,
    task: RankingTask,
    settings: ModelSettings,
    seeds: Sequence[int],
    trials: int,
    members: Members | None = None,
) -> Outcome:
    """Choose settings on validation with the first seed, then train and measure with each seed.

    Parameters
    ----------
    name
        In the registry.
    task
        What is asked.
    settings
        Start and search space.
    seeds
        Seeds of the final models; the first one also of the search.
    trials
        Settings tried, the start included.
    members
        Where to leave what an ensemble needs; None keeps nothing.
    """
    model_class = recommender_class(name)
    kept = _Kept()

    def config_of(overrides: dict[str, Any], seed: int) -> RecommenderConfig:
        return model_class.Config(**merged(merged(settings.start, overrides), {"seed": seed}))

    def evaluate(overrides: dict[str, Any]) -> float:
        started = time.perf_counter()
        model = model_class(config_of(overrides, seeds[0])).fit(task.train, task.validation)
        spent = time.perf_counter() - started
        assert task.chosen_by is not None
        value = float(np.mean(task.chosen_by.measure(model)[task.objective]))
        if kept.value is None or value > kept.value:
            kept.value, kept.model, kept.seconds = value, model, spent
        return value

    best: dict[str, Any] = {}
    history: list[dict[str, Any]] = []
    if task.chosen_by is not None:
        best, history = search(name, settings.space, evaluate, trials, seeds[0], task.objective)
        if members is not None and members.sample is not None and kept.model is not None:
            members.scores[name] = kept_scores(kept.model, members.sample)
    per_user, seconds = [], []
    for number, seed in enumerate(seeds):
        started = time.perf_counter()
        is_first = seed == seeds[0]
        model = _final_model(model_class, config_of(best, seed), task, kept, is_first)
        spent = time.perf_counter() - started
        is_kept = kept.model is not None and is_first and not task.refits
        seconds.append(kept.seconds if is_kept else spent)
        per_user.append(task.asked.measure(model))
        if members is not None:
            members.models[number][name] = model
    chosen = config_of(best, seeds[0])
    if task.refits and kept.model is not None:
        chosen = refit_config(chosen, kept.model.fit_report)
    return Outcome(
        per_user,
        kept.value,
        chosen.model_dump(mode="json", exclude={"seed"}),
        history,
        float(np.mean(seconds)),
    )


def _final_model(
    model_class: type[Recommender],
    config: RecommenderConfig,
    task: RankingTask,
    kept: _Kept,
    is_first: bool,
) -> Recommender:
    """The model that answers the test: trained again, or told what happened since."""
    if kept.model is None:  # nothing could be put aside to choose by
        model = model_class(config).fit(task.full)
    elif task.refits:
        model = model_class(refit_config(config, kept.model.fit_report)).fit(task.full)
    elif is_first:
        model = kept.model
    else:
        model = model_class(config).fit(task.train, task.validation)
    if task.followed is not None:
        model = model.follow(task.followed.users, task.followed.items, task.followed.days)
    return model


def run_ensemble(task: RankingTask, members: Members, seeds: Sequence[int]) -> Outcome:
    """Blend the models that ran before, with the weights that were best on validation.

    Weights are chosen once, with the members of the first seed.

    Parameters
    ----------
    task
        What is asked.
    members
        What they left.
    seeds
        Those that they ran with.

    Raises
    ------
    ValueError
        If there are fewer than two members.
    """
    # A model that failed with a later seed is none.
    names = [name for name in members.models[0] if all(name in m for m in members.models)]
    if len(names) < 2:
        raise ValueError(f"an ensemble needs two trained models, there are {len(names)}")
    weights, value = dict.fromkeys(names, 1 / len(names)), None
    if members.sample is not None:
        scores = {name: members.scores[name] for name in names}
        weights, value = choose_weights(scores, members.sample.relevant(), task.objective)
    heard = {name: weight for name, weight in weights.items() if weight > 0}
    per_user = [
        task.asked.measure(blended({name: models[name] for name in heard}, heard, seed))
        for models, seed in zip(members.models, seeds, strict=True)
    ]
    return Outcome(per_user, value, {"weights": weights})

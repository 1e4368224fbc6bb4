"""Two stages of one model in one weights file: as trained, and refitted on validation.

By default there is one stage: the model learns from the training part and answers at both cuts.
With ``refit_on_validation`` it is trained a second time, on training and validation purchases, for
the number of epochs that early stopping chose the first time; that second stage answers at the test
cut only. Its tensors carry the prefix ``refit/``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from product_recommender.interactions import NEW, Interactions
from product_recommender.recommenders.base import Recommender, RecommenderConfig
from product_recommender.recommenders.tuning import merged

if TYPE_CHECKING:
    from torch import Tensor

REFIT_PREFIX = "refit/"

Stage = Literal["validation", "test"]


def join_stages(first: Recommender, refitted: Recommender | None) -> dict[str, Tensor]:
    """State of both stages in one flat dictionary."""
    state = first.state()
    if refitted is not None:
        state |= {REFIT_PREFIX + key: value for key, value in refitted.state().items()}
    return state


def load_stage(weights: dict[str, Tensor], config: dict[str, Any], stage: Stage) -> Recommender:
    """Rebuild the model that answers at a cut.

    Parameters
    ----------
    weights
        The catalog item ``<model>.weights``.
    config
        The catalog item ``<model>.config``.
    stage
        ``validation`` (and every choice made there) or ``test`` (and what is served).

    Returns
    -------
    Recommender
        The refitted model for ``test`` where there is one, the model as trained otherwise.
    """
    from product_recommender.recommenders.registry import load_recommender

    refitted = {
        key.removeprefix(REFIT_PREFIX): value
        for key, value in weights.items()
        if key.startswith(REFIT_PREFIX)
    }
    if stage == "test" and refitted:
        return load_recommender(refitted, config | {"parameters": config["refit_parameters"]})
    first = {key: value for key, value in weights.items() if not key.startswith(REFIT_PREFIX)}
    return load_recommender(first, config)


def refit_config(config: RecommenderConfig, fit_report: dict[str, Any]) -> RecommenderConfig:
    """Settings for the second training: as many epochs as early stopping kept, and no more.

    Parameters
    ----------
    config
        Settings of the first training.
    fit_report
        What the first training reported.
    """
    training = getattr(config, "training", None)
    best_epoch = fit_report.get("best_epoch")
    if training is None or best_epoch is None:
        return config
    changes: dict[str, Any] = {"training": training.model_copy(update={"epochs": int(best_epoch)})}
    before = fit_report.get("pretraining")
    if before is not None:
        pretraining = config.model_dump()["pretraining"] | {"epochs": int(before["best_epoch"])}
        changes["pretraining"] = type(training)(**pretraining)
    changes |= _scale_of(fit_report)
    segments = fit_report.get("segments")
    if segments is not None:
        stored = config.model_dump()["segments"]
        changes["segments"] = stored | {
            name: merged(stored.get(name, {}), _as_long_as_before(report))
            for name, report in ({NEW: "global"} | segments).items()
        }
    return config.model_copy(update=changes)


def _scale_of(fit_report: dict[str, Any]) -> dict[str, float]:
    head = fit_report.get("stars_head")
    return {} if head is None else {"stars_head_scale": head["scale"]}


def _as_long_as_before(report: dict[str, Any] | str) -> dict[str, Any]:
    """Settings of a segment's second network; no epoch leaves it the global one."""
    if not isinstance(report, dict):
        return {"training": {"epochs": 0}}
    return {"training": {"epochs": report["best_epoch"]}, **_scale_of(report)}


def refit_interactions(train: Interactions, validation: Interactions) -> Interactions:
    """Training and validation purchases as one training part.

    Codes are ordered by first appearance, so the customers and products that validation adds
    extend the prefixes; their features are the mean and their segment is ``New``.

    Parameters
    ----------
    train
        The training part.
    validation
        All validation purchases, both halves, without repeats.
    """
    joined = train.concatenate(validation)
    n_users = int(joined.users.max()) + 1
    n_items = int(joined.items.max()) + 1
    added = n_users - train.n_users
    features, segments, names = train.user_features, train.user_segments, train.segments
    if features is not None:
        features = np.pad(features, ((0, added), (0, 0)))
    if segments is not None and added:
        names = names if NEW in names else (*names, NEW)
        segments = np.pad(segments, (0, added), constant_values=names.index(NEW))
    return replace(
        joined,
        n_users=n_users,
        n_items=n_items,
        user_features=features,
        user_segments=segments,
        segments=names,
    )

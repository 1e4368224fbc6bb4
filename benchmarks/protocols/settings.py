"""Starting settings and search spaces of models under each protocol: ``settings.yml``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.registry import recommender_class
from product_recommender.recommenders.tuning import merged

SETTINGS = Path(__file__).parent / "settings.yml"

Space = Callable[[Any], dict[str, Any]]
Ranges = Mapping[str, Mapping[str, Any]]

_RANGE_KEYS = {"low", "high", "log", "int"}


class SettingsError(ValueError):
    """An entry of ``settings.yml`` cannot be used; the message names it."""


@dataclass(frozen=True)
class ModelSettings:
    """Where a model's search starts and what it may try.

    Attributes
    ----------
    start
        Keyword arguments of the model's ``Config``; the first trial.
    space
        What further trials ask an Optuna trial for.
    """

    start: dict[str, Any]
    space: Space


def load_settings(protocol: str, models: list[str], path: Path = SETTINGS) -> dict[str, Any]:
    """Starting settings and search spaces of these models.

    A model without an entry starts at the defaults of its ``Config``; one without ``search`` has
    its own ``search_space``.

    Parameters
    ----------
    protocol
        ``ncf``, ``sequential``, ``topn`` or ``ratings``.
    models
        Names in the registry.
    path
        The file.

    Returns
    -------
    dict of str to ModelSettings

    Raises
    ------
    SettingsError
        If an entry is malformed, or the model does not take the settings.
    """
    content = (yaml.safe_load(path.read_text()) or {}).get(protocol) or {}
    result = {}
    for name in models:
        entry = content.get(name) or {}
        where = f"{path.name}: {protocol}.{name}"
        if not isinstance(entry, dict) or set(entry) - {"start", "search"}:
            raise SettingsError(f"{where} takes the keys `start` and `search`, not {entry!r}")
        model_class = recommender_class(name)
        start = entry.get("start") or {}
        _require_accepted(model_class, start, f"{where}.start")
        space: Space = model_class.search_space
        if "search" in entry:
            ranges = entry["search"] or {}
            for key, spec in ranges.items():
                _check_range(model_class, start, key, spec, f"{where}.search.{key}")
            space = _space_of(ranges)
        result[name] = ModelSettings(start, space)
    return result


def _space_of(ranges: Ranges) -> Space:
    def space(trial: Any) -> dict[str, Any]:
        overrides: dict[str, Any] = {}
        for key, spec in ranges.items():
            overrides = merged(overrides, nested(key, _suggested(trial, key, spec)))
        return overrides

    return space


def _suggested(trial: Any, key: str, spec: Mapping[str, Any]) -> Any:
    if "choices" in spec:
        choices = list(spec["choices"])
        # By number, because Optuna takes no lists, and layers are lists.
        return choices[trial.suggest_categorical(key, range(len(choices)))]
    log = bool(spec.get("log", False))
    if spec.get("int", False):
        return trial.suggest_int(key, spec["low"], spec["high"], log=log)
    return trial.suggest_float(key, spec["low"], spec["high"], log=log)


def nested(dotted: str, value: Any) -> dict[str, Any]:
    """``a.b: v`` as ``{"a": {"b": v}}``."""
    for part in reversed(dotted.split(".")):
        value = {part: value}
    result: dict[str, Any] = value
    return result


def _check_range(
    model_class: type[Recommender], start: dict[str, Any], key: str, spec: Any, where: str
) -> None:
    if not isinstance(spec, dict):
        raise SettingsError(f"{where}: give {{low, high, log, int}} or {{choices}}, not {spec!r}")
    if "choices" in spec:
        if set(spec) != {"choices"} or not isinstance(spec["choices"], list) or not spec["choices"]:
            raise SettingsError(f"{where}: `choices` is a list and stands alone")
        values = spec["choices"]
    else:
        low, high = spec.get("low", float("nan")), spec.get("high", float("nan"))
        if set(spec) - _RANGE_KEYS or not (_is_number(low) and _is_number(high) and low < high):
            raise SettingsError(f"{where}: `low` must be a number below `high`, not {spec!r}")
        if spec.get("log") and low <= 0:
            raise SettingsError(f"{where}: with `log`, `low` must be above 0")
        values = [low, high]
    for value in values:
        _require_accepted(model_class, merged(start, nested(key, value)), where)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require_accepted(model_class: type[Recommender], settings: Any, where: str) -> None:
    try:
        model_class.Config(**settings)
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors()
        )
        raise SettingsError(f"{where}: {model_class.name} does not take it: {reasons}") from error
    except TypeError as error:
        raise SettingsError(f"{where} must be a mapping of settings, not {settings!r}") from error

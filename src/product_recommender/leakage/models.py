"""What trained models carry with them, and what they put on their lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np

from product_recommender.leakage.findings import Finding
from product_recommender.leakage.reviews import Cuts
from product_recommender.model_inputs import TRAIN, VALIDATION, InteractionArrays
from product_recommender.recommenders.stages import REFIT_PREFIX

if TYPE_CHECKING:
    from torch import Tensor

PURCHASE_COUNTS = {"popularity": "counts"}
"""Model: the tensor of its own that counts purchases, one entry a product."""

DECAYED_COUNTS = {"recent_popularity": ("recent", "half_life_days")}
"""Model: the tensor that counts purchases by their age, and the setting that says how."""

FURTHER_PAIRS = {"multimodal": ("stars/indptr", "stars/items")}
"""Model: rows and columns of its own of what customers bought, beside those of the base class."""

OWN_VECTORS = {"multimodal": ("customers", "own_vector_from")}
"""Model: the rows of the customers who have a vector of their own, -1 for the others, and the
setting that says from how many purchases on they have one."""

TOLERANCE = 1e-4
"""Relative difference up to which float32 sums of decayed purchases are the same."""

_NEEDED = ("base/size", "base/seen_indptr", "base/seen_indices", "base/fallback")
_HISTORY = ("history/indptr", "history/items", "history/days")


@dataclass(frozen=True)
class KnownPurchases:
    """What a model may have seen.

    Attributes
    ----------
    users, items, days
        int ``[n]``.
    pairs
        int64, sorted and unique: ``user * width + item``.
    later
        int64, sorted and unique: the pairs of all other parts.
    width
        Products listed.
    """

    users: np.ndarray
    items: np.ndarray
    days: np.ndarray
    pairs: np.ndarray
    later: np.ndarray
    width: int

    @classmethod
    def until_training(cls, arrays: InteractionArrays) -> KnownPurchases:
        """The training part."""
        return cls._of(arrays, arrays.parts == TRAIN)

    @classmethod
    def until_validation(cls, arrays: InteractionArrays) -> KnownPurchases:
        """Training and validation without its repeats: what a model is refitted on."""
        new = (arrays.parts == VALIDATION) & ~arrays.is_repeat
        return cls._of(arrays, (arrays.parts == TRAIN) | new)

    @classmethod
    def _of(cls, arrays: InteractionArrays, known: np.ndarray) -> KnownPurchases:
        width = arrays.n_items_listed
        codes = arrays.users.astype(np.int64) * width + arrays.items
        return cls(
            arrays.users[known],
            arrays.items[known],
            arrays.days[known],
            np.unique(codes[known]),
            np.unique(codes[~known]),
            width,
        )


def check_weights(
    name: str,
    weights: Mapping[str, Tensor],
    config: Mapping[str, Any],
    trained: KnownPurchases,
    refitted: KnownPurchases,
) -> list[Finding]:
    """What one model has seen: purchases of its own part, counted as in its own part.

    Parameters
    ----------
    name
        The model.
    weights, config
        Its datasets of those names.
    trained, refitted
        What the stage that was trained, and the one that was refitted, may have seen.

    Returns
    -------
    list of Finding
        For each stage: size, purchases seen, recent popularity, and histories where it has any.
    """
    findings = []
    for stage, state in _stages(weights):
        key = "refit_parameters" if stage == "refit" else "parameters"
        findings += _check_stage(
            f"{name}.weights" + (" (refitted)" if stage == "refit" else ""),
            name,
            {part: tensor.numpy() for part, tensor in state.items()},
            config.get(key) or {},
            refitted if stage == "refit" else trained,
        )
    return findings


def check_lists(lists: Mapping[str, ibis.Table], reviews: ibis.Table, cuts: Cuts) -> list[Finding]:
    """No list holds a product whose first review is after the cut.

    Parameters
    ----------
    lists
        Model to its dataset ``recommendations``.
    reviews
        The dataset of that name: the first review of a product says since when it is on sale.
    cuts
        The two days.
    """
    first = reviews.group_by("product_id").aggregate(on_sale=reviews.review_date.min())
    findings = []
    for name, table in lists.items():
        last_day = ibis.cases(
            (table.split == "validation", ibis.date(cuts.train_until)),
            (table.split == "test", ibis.date(cuts.validation_until)),
        )
        listed = table.select("customer_id", "product_id", "split", last_day=last_day)
        dated = listed.left_join(first, "product_id").drop("product_id_right")
        early = ~(dated.on_sale <= dated.last_day).fill_null(False)
        number = dated.aggregate(rows=dated.count(), early=early.cast("int64").sum())
        counts = {key: int(n or 0) for key, n in number.to_pyarrow().to_pylist()[0].items()}
        detail = ""
        if counts["early"]:
            row = dated.filter(early).order_by("customer_id", "product_id").limit(1)
            found = row.to_pyarrow().to_pylist()[0]
            detail = (
                f"{counts['early']} of {counts['rows']} places, for example product "
                f"{found['product_id']} for customer {found['customer_id']}: first review "
                f"{found['on_sale']}, {found['split']} asked on {found['last_day']}."
            )
        findings.append(
            Finding(
                "not_on_sale",
                f"{name}.recommendations",
                "first review date of each listed product, not after the cut",
                counts["rows"],
                counts["early"],
                detail,
            )
        )
    return findings


def _stages(weights: Mapping[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    refit = {
        key.removeprefix(REFIT_PREFIX): tensor
        for key, tensor in weights.items()
        if key.startswith(REFIT_PREFIX)
    }
    yield "first", {k: t for k, t in weights.items() if not k.startswith(REFIT_PREFIX)}
    if refit:
        yield "refit", refit


def _check_stage(
    dataset: str,
    name: str,
    state: Mapping[str, np.ndarray],
    parameters: Mapping[str, Any],
    known: KnownPurchases,
) -> list[Finding]:
    missing = [key for key in _NEEDED if key not in state]
    if missing:
        raise ValueError(
            f"{dataset} lacks {', '.join(missing)}, so nobody can tell what the model has seen: "
            f"train it again (kedro run --pipelines modeling --tags {name})."
        )
    age = (known.days.max() - known.days).astype(np.float64)
    counted = {"base/fallback": np.exp2(-age / parameters["fallback_half_life_days"])}
    if name in PURCHASE_COUNTS:
        counted[PURCHASE_COUNTS[name]] = np.ones(len(age))
    if name in DECAYED_COUNTS:
        tensor, setting = DECAYED_COUNTS[name]
        counted[tensor] = np.exp2(-age / parameters[setting])
    findings = [_check_size(dataset, state, known), _check_pairs(dataset, state, known)]
    if name in FURTHER_PAIRS:
        findings.append(_check_pairs(dataset, state, known, FURTHER_PAIRS[name]))
    if name in OWN_VECTORS:
        tensor, setting = OWN_VECTORS[name]
        findings.append(_check_own_vectors(dataset, tensor, state, parameters[setting], known))
    findings += [
        _check_counts(dataset, key, state[key], known.items, weights)
        for key, weights in counted.items()
    ]
    if any(key in state for key in _HISTORY):
        findings.append(_check_histories(dataset, state, known))
    return findings


def _check_size(dataset: str, state: Mapping[str, np.ndarray], known: KnownPurchases) -> Finding:
    expected = [int(known.users.max()) + 1, int(known.items.max()) + 1]
    found = [int(n) for n in state["base/size"]]
    different = sum(a != b for a, b in zip(found, expected, strict=True))
    return Finding(
        "id_map",
        dataset,
        "base/size with the customers and products of the training part",
        len(found),
        different,
        f"It is sized for {found[0]} customers and {found[1]} products; the part that it may have "
        f"seen has {expected[0]} and {expected[1]}."
        if different
        else "",
    )


def _check_pairs(
    dataset: str,
    state: Mapping[str, np.ndarray],
    known: KnownPurchases,
    keys: tuple[str, str] = ("base/seen_indptr", "base/seen_indices"),
) -> Finding:
    indptr, indices = (state[key] for key in keys)
    rows = np.repeat(np.arange(len(indptr) - 1, dtype=np.int64), np.diff(indptr))
    seen = np.unique(rows * known.width + indices)
    different, detail = 0, ""
    if not np.array_equal(seen, known.pairs):
        extra = np.setdiff1d(seen, known.pairs, assume_unique=True)
        missing = len(np.setdiff1d(known.pairs, seen, assume_unique=True))
        different = len(extra) + missing
        later = int(np.isin(extra, known.later).sum())
        detail = (
            f"{len(extra)} purchases too many, {later} of them from after the cut, and {missing} "
            "missing."
        )
        if len(extra):
            user, item = divmod(int(extra[0]), known.width)
            detail += f" The first: customer code {user}, product code {item}."
    return Finding(
        "test_pairs",
        dataset,
        f"{keys[1].removesuffix('_indices')} with the pairs of the training part",
        len(seen),
        different,
        detail,
    )


def _check_own_vectors(
    dataset: str,
    key: str,
    state: Mapping[str, np.ndarray],
    purchases: int,
    known: KnownPurchases,
) -> Finding:
    """Who has a vector of their own follows from how much they bought by the cut."""
    rows = state[key]
    bought = np.bincount(known.users, minlength=len(rows))[: len(rows)]
    wrong = np.flatnonzero((rows >= 0) != (bought >= purchases))
    detail = ""
    if len(wrong):
        user = int(wrong[0])
        detail = (
            f"{len(wrong)} customers have a vector without {purchases} purchases or lack one in "
            f"spite of them, the first with code {user}: {int(bought[user])} purchases by the cut."
        )
    return Finding(
        "test_pairs",
        dataset,
        f"{key} with the customers of {purchases} training purchases or more",
        len(rows),
        len(wrong),
        detail,
    )


def _check_counts(
    dataset: str, key: str, found: np.ndarray, items: np.ndarray, weights: np.ndarray
) -> Finding:
    expected = np.bincount(items, weights=weights, minlength=len(found))
    width = min(len(found), len(expected))
    close = np.isclose(found[:width], expected[:width], rtol=TOLERANCE, atol=TOLERANCE / 10)
    different = int((~close).sum()) + abs(len(found) - len(expected))
    detail = ""
    if different:
        worst = int(np.argmax(np.abs(found[:width] - expected[:width])))
        detail = (
            f"{key} differs for {different} of {len(found)} products, most for product code "
            f"{worst}: {found[worst]:.4g} instead of {expected[worst]:.4g}."
        )
    return Finding(
        "popularity",
        dataset,
        f"{key} with purchases counted in the training part",
        len(found),
        different,
        detail,
    )


def _check_histories(
    dataset: str, state: Mapping[str, np.ndarray], known: KnownPurchases
) -> Finding:
    indptr, items, days = (state[key] for key in _HISTORY)
    users = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    found = _in_order(users, items, days)
    expected = _in_order(known.users, known.items, known.days)
    different, detail = 0, ""
    if found.shape != expected.shape or not np.array_equal(found, expected):
        same_length = found.shape == expected.shape
        different = int((found != expected).any(axis=1).sum()) if same_length else 0
        different = different or abs(len(found) - len(expected))
        detail = (
            f"{len(found)} purchases, of which {int((found[:, 2] > known.days.max()).sum())} are "
            f"from after the cut, instead of {len(expected)}: the model was told what came later "
            "before it was saved."
        )
    return Finding(
        "test_pairs",
        dataset,
        "history with the purchases of the training part",
        len(found),
        different,
        detail,
    )


def _in_order(users: np.ndarray, items: np.ndarray, days: np.ndarray) -> np.ndarray:
    """int64 ``[n, 3]``: user, item and day, sorted by them."""
    rows = np.stack([users, items, days], axis=1).astype(np.int64)
    return rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]

"""What lists are like apart from being right: broad, varied, new, fair to the tail.

Every function takes ``recommended``: int ``[n, w]`` item codes, best first, -1 where there was
nothing to recommend, of which the first ``k`` columns are judged (None: all of them).
"""

from __future__ import annotations

import numpy as np

_BLOCK_VALUES = 1 << 22


def beyond_accuracy_metrics(
    recommended: np.ndarray,
    k: int,
    *,
    n_catalogue: int,
    purchase_counts: np.ndarray,
    item_categories: np.ndarray,
    item_features: np.ndarray | None = None,
) -> dict[str, float]:
    """All of them at once, per-user values averaged over the users that have one.

    Parameters
    ----------
    recommended
        int ``[n, w]``.
    k
        Length of the lists.
    n_catalogue
        Number of products that could have been recommended.
    purchase_counts
        int ``[n_items]``: training purchases by item code; items beyond it were never bought.
    item_categories
        int ``[n_items_listed]`` category codes by item code.
    item_features
        float ``[>= largest code + 1, g]`` or None.

    Returns
    -------
    dict of str to float
        ``coverage@k``, ``gini@k``, ``diversity@k``, ``novelty@k``, ``tail_share@k`` and, where
        features are given, ``feature_diversity@k``. NaN where no list has a value.
    """
    per_user = {
        f"diversity@{k}": category_diversity(recommended, item_categories, k),
        f"novelty@{k}": novelty(recommended, purchase_counts, k),
        f"tail_share@{k}": tail_share(recommended, purchase_counts, k),
    }
    if item_features is not None:
        per_user[f"feature_diversity@{k}"] = feature_diversity(recommended, item_features, k)
    return {
        f"coverage@{k}": catalogue_coverage(recommended, n_catalogue, k),
        f"gini@{k}": gini_of_exposure(recommended, n_catalogue, k),
    } | {name: _mean_of_defined(values) for name, values in per_user.items()}


def catalogue_coverage(recommended: np.ndarray, n_catalogue: int, k: int | None = None) -> float:
    """Share of the catalogue that stands in at least one list, 0 to 1.

    Raises
    ------
    ValueError
        If more products are recommended than the catalogue holds, or it holds none.
    """
    return len(_exposures(recommended, n_catalogue, k)) / n_catalogue


def gini_of_exposure(recommended: np.ndarray, n_catalogue: int, k: int | None = None) -> float:
    """Gini coefficient of how often each product of the catalogue is recommended.

    0 where all are shown equally often, ``1 - 1 / n_catalogue`` where one gets everything; NaN
    where nothing is recommended. Errors as of ``catalogue_coverage``.
    """
    shown = np.sort(_exposures(recommended, n_catalogue, k)).astype(np.float64)
    if len(shown) == 0:
        return float("nan")
    # The products that are never shown stand before these and add nothing to the sum.
    rank = np.arange(n_catalogue - len(shown) + 1, n_catalogue + 1)
    weighted = ((2 * rank - n_catalogue - 1) * shown).sum()
    return float(weighted / (n_catalogue * shown.sum()))


def category_diversity(
    recommended: np.ndarray, item_categories: np.ndarray, k: int | None = None
) -> np.ndarray:
    """Share of the pairs in each list whose categories differ.

    Returns
    -------
    numpy.ndarray
        float32 ``[n]``; NaN for lists of fewer than two items.
    """
    lists = _cut(recommended, k)
    _require_rows(lists, len(item_categories), "item_categories")
    given = lists >= 0
    category = np.asarray(item_categories)[np.where(given, lists, 0)]
    pairs = np.zeros(len(lists))
    differing = np.zeros(len(lists))
    for shift in range(1, lists.shape[1]):
        both = given[:, shift:] & given[:, :-shift]
        pairs += both.sum(axis=1)
        differing += (both & (category[:, shift:] != category[:, :-shift])).sum(axis=1)
    return _ratio(differing, pairs)


def feature_diversity(
    recommended: np.ndarray, item_features: np.ndarray, k: int | None = None
) -> np.ndarray:
    """Mean over the pairs in each list of 1 - cosine of the items' features, 0 to 2.

    An item whose features are all zero has the cosine 0 with every other.

    Returns
    -------
    numpy.ndarray
        float32 ``[n]``; NaN for lists of fewer than two items.
    """
    lists = _cut(recommended, k)
    _require_rows(lists, len(item_features), "item_features")
    features = np.asarray(item_features, dtype=np.float64)
    length = np.linalg.norm(features, axis=1, keepdims=True)
    unit = np.divide(features, length, out=np.zeros_like(features), where=length > 0)
    similarity = np.zeros(len(lists))
    block = max(1, _BLOCK_VALUES // max(1, lists.shape[1] * unit.shape[1]))
    for start in range(0, len(lists), block):
        part = lists[start : start + block]
        vectors = np.where((part >= 0)[..., None], unit[np.where(part >= 0, part, 0)], 0.0)
        # |sum of vectors|^2 holds every pair twice, and each vector with itself once.
        total = (vectors.sum(axis=1) ** 2).sum(axis=1)
        similarity[start : start + block] = (total - (vectors**2).sum(axis=(1, 2))) / 2
    n = (lists >= 0).sum(axis=1)
    pairs = n * (n - 1) / 2
    return _ratio(pairs - similarity, pairs)


def novelty(
    recommended: np.ndarray, purchase_counts: np.ndarray, k: int | None = None
) -> np.ndarray:
    """Mean over each list of -log2 of the product's share of all training purchases, in bits.

    A product that was never bought counts as bought once, or one of them would make a list
    infinitely novel.

    Returns
    -------
    numpy.ndarray
        float32 ``[n]``; NaN for empty lists.

    Raises
    ------
    ValueError
        If there is no purchase at all.
    """
    lists = _cut(recommended, k)
    counts = _counts_for(lists, purchase_counts)
    bits = np.log2(counts.sum()) - np.log2(np.maximum(counts, 1))
    given = lists >= 0
    surprise = np.where(given, bits[np.where(given, lists, 0)], 0.0).sum(axis=1)
    return _ratio(surprise, given.sum(axis=1))


def head_items(purchase_counts: np.ndarray, head_share: float = 0.8) -> np.ndarray:
    """The most popular items that together hold ``head_share`` of the purchases.

    Items as popular as the last one needed belong to the head too, so that the answer does not
    depend on the order of the codes.

    Returns
    -------
    numpy.ndarray
        bool ``[n_items]``.

    Raises
    ------
    ValueError
        If there is no purchase at all or ``head_share`` is not between 0 and 1.
    """
    if not 0 < head_share < 1:
        raise ValueError(f"head_share is {head_share}; it is a share between 0 and 1")
    counts = np.asarray(purchase_counts, dtype=np.float64)
    if counts.sum() <= 0:
        raise ValueError("there is no purchase, so no product is more popular than another")
    ordered = np.sort(counts)[::-1]
    # A hair below, so that 0.8 of 10 purchases is reached by 8 of them.
    needed = np.searchsorted(np.cumsum(ordered), head_share * counts.sum() * (1 - 1e-12))
    return np.asarray(counts >= ordered[needed])


def tail_share(
    recommended: np.ndarray,
    purchase_counts: np.ndarray,
    k: int | None = None,
    head_share: float = 0.8,
) -> np.ndarray:
    """Share of each list outside the head, see ``head_items``.

    Returns
    -------
    numpy.ndarray
        float32 ``[n]``; NaN for empty lists.
    """
    lists = _cut(recommended, k)
    in_head = head_items(_counts_for(lists, purchase_counts), head_share)
    given = lists >= 0
    tail = given & ~in_head[np.where(given, lists, 0)]
    return _ratio(tail.sum(axis=1), given.sum(axis=1))


def _cut(recommended: np.ndarray, k: int | None) -> np.ndarray:
    recommended = np.asarray(recommended)
    if recommended.ndim != 2:
        raise ValueError(f"recommended must be [users, places], not {recommended.shape}")
    return recommended if k is None else recommended[:, :k]


def _exposures(recommended: np.ndarray, n_catalogue: int, k: int | None) -> np.ndarray:
    """How often each item that occurs at all is recommended."""
    lists = _cut(recommended, k)
    _, exposures = np.unique(lists[lists >= 0], return_counts=True)
    if n_catalogue < max(1, len(exposures)):
        raise ValueError(
            f"{len(exposures)} different products are recommended from a catalogue of {n_catalogue}"
        )
    return exposures


def _require_rows(lists: np.ndarray, n_rows: int, name: str) -> None:
    largest = int(lists.max(initial=-1))
    if largest >= n_rows:
        raise ValueError(f"item {largest} is recommended, but {name} ends at item {n_rows - 1}")


def _counts_for(lists: np.ndarray, purchase_counts: np.ndarray) -> np.ndarray:
    """Purchase counts that reach to the largest recommended code: new items have none."""
    counts = np.asarray(purchase_counts, dtype=np.float64)
    if counts.sum() <= 0:
        raise ValueError("there is no purchase, so no product is more popular than another")
    missing = int(lists.max(initial=0)) + 1 - len(counts)
    return np.pad(counts, (0, max(0, missing)))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    values = np.full(len(numerator), np.nan)
    np.divide(numerator, denominator, out=values, where=denominator > 0)
    return values.astype(np.float32)


def _mean_of_defined(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean(dtype=np.float64)) if len(defined) else float("nan")

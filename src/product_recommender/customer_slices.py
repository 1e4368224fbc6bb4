"""What customers are grouped by when numbers are reported or learnt per group."""

from __future__ import annotations

import ibis
import numpy as np

from product_recommender.evaluation_cuts import HISTORY_BUCKETS
from product_recommender.interactions import NEW
from product_recommender.model_inputs import InteractionArrays


def segments_listed(customer_segments: ibis.Table) -> tuple[str, ...]:
    """Names of all segments that some customer is in, sorted."""
    names = customer_segments.select("segment").distinct().to_pyarrow()["segment"].to_pylist()
    return tuple(sorted(str(name) for name in names if name is not None))


def segment_names_by_user(customer_ids: ibis.Table, customer_segments: ibis.Table) -> np.ndarray:
    """Object array ``[n_users_listed]``: each customer's segment, ``New`` where there is none."""
    joined = customer_ids.select("customer_id", "user").left_join(
        customer_segments.select("customer_id", "segment"), "customer_id"
    )
    names = joined.select("user", segment=joined["segment"].fill_null(NEW)).order_by("user")
    return names.to_pyarrow()["segment"].to_numpy(zero_copy_only=False).astype(object)


def history_lengths(arrays: InteractionArrays, part: int) -> np.ndarray:
    """Products that each customer bought before a part: int64 ``[n_users_listed]``.

    Parameters
    ----------
    arrays
        All coded interactions.
    part
        ``VALIDATION`` or ``TEST``: what is bought in earlier parts counts, each product once.
    """
    before = arrays.parts < part
    pairs = np.unique(
        arrays.users[before].astype(np.int64) * arrays.n_items_listed + arrays.items[before]
    )
    return np.bincount(pairs // arrays.n_items_listed, minlength=arrays.n_users_listed)


def customer_masks(history: np.ndarray, segments: np.ndarray) -> dict[str, np.ndarray]:
    """The slices that a table reports by customer, in the order of the table.

    Parameters
    ----------
    history
        int ``[n]``: products bought before the cut.
    segments
        Object array ``[n]`` of segment names.

    Returns
    -------
    dict of str to numpy.ndarray
        Slice name to bool ``[n]``. Slices without customers are left out.
    """
    bucket = np.digitize(history, [1, 2, 5])
    masks = {
        "overall": np.ones(len(history), dtype=bool),
        "warm": history > 0,
        "cold": history == 0,
    }
    masks |= {f"history={name}": bucket == code for code, name in enumerate(HISTORY_BUCKETS)}
    masks |= {f"segment={name}": segments == name for name in sorted({str(s) for s in segments})}
    return {name: mask for name, mask in masks.items() if mask.any()}

"""From catalog tables to arrays: what the models train on and are asked about.

The tables of layers 04 and 05 come in as Ibis tables; only integer codes and numbers leave. This is
the one place where columns of feature tables become model inputs, so it is also the one place that
keeps columns out which a model must not see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from product_recommender.interactions import NEW, Interactions, ItemContent

TRAIN, VALIDATION, TEST = 0, 1, 2
PARTS = ("train", "validation", "test")

OUTCOME_FEATURES = ("star_mean", "star_std", "sentiment_mean")
"""Features computed from the stars and texts themselves. For the customer or product with a single
review they *are* the training target, so a model given them would learn to copy, not to predict.

What else is known of a customer with one purchase (its category, month, price) describes that
purchase as well. Models that read features see the product bought beside features that already
contain it, and rely on them more than they should; `ncf_custom` pays for it."""


@dataclass(frozen=True)
class InteractionArrays:
    """The table `interactions` as aligned numpy arrays, all parts together.

    Attributes
    ----------
    users, items
        int32 ``[n]`` codes.
    stars
        float32 ``[n]``.
    days
        int32 ``[n]``, days since 1970-01-01.
    parts
        int8 ``[n]``: ``TRAIN``, ``VALIDATION`` or ``TEST``.
    in_tune, in_blend
        bool ``[n]``: validation rows of the two halves of the validation customers.
    is_repeat
        bool ``[n]``: pairs bought in an earlier part.
    n_users, n_items
        Training prefixes.
    n_users_listed, n_items_listed
        All customers and products.
    """

    users: np.ndarray
    items: np.ndarray
    stars: np.ndarray
    days: np.ndarray
    parts: np.ndarray
    in_tune: np.ndarray
    in_blend: np.ndarray
    is_repeat: np.ndarray
    n_users: int
    n_items: int
    n_users_listed: int
    n_items_listed: int


def interaction_arrays(
    interactions: ibis.Table, customer_ids: ibis.Table, product_ids: ibis.Table
) -> InteractionArrays:
    """Read the coded interactions and the sizes of the two id maps.

    Parameters
    ----------
    interactions, customer_ids, product_ids
        The datasets of those names (docs/data_dictionary.md).

    Returns
    -------
    InteractionArrays
        Sorted by user, item, day, so that the same data gives the same arrays on every engine.
    """
    columns = interactions.select(
        "user", "item", "star_rating", "day", "split", "validation_part", "is_repeat"
    ).order_by("user", "item", "day")
    table = columns.to_pyarrow()
    split = table["split"].to_numpy(zero_copy_only=False)
    half = table["validation_part"].to_numpy(zero_copy_only=False)
    parts = np.full(len(split), TRAIN, dtype=np.int8)
    parts[split == PARTS[VALIDATION]] = VALIDATION
    parts[split == PARTS[TEST]] = TEST
    sizes = [
        ids.aggregate(listed=ids.count(), known=ids.in_training.cast("int64").sum())
        .to_pyarrow()
        .to_pylist()[0]
        for ids in (customer_ids, product_ids)
    ]
    return InteractionArrays(
        users=table["user"].to_numpy().astype(np.int32),
        items=table["item"].to_numpy().astype(np.int32),
        stars=table["star_rating"].to_numpy().astype(np.float32),
        days=table["day"].to_numpy().astype(np.int32),
        parts=parts,
        in_tune=(parts == VALIDATION) & (half == "tune"),
        in_blend=(parts == VALIDATION) & (half == "blend"),
        is_repeat=table["is_repeat"].to_numpy(zero_copy_only=False).astype(bool),
        n_users=int(sizes[0]["known"] or 0),
        n_items=int(sizes[1]["known"] or 0),
        n_users_listed=int(sizes[0]["listed"]),
        n_items_listed=int(sizes[1]["listed"]),
    )


def training_interactions(
    arrays: InteractionArrays,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    customer_features: ibis.Table,
    product_features: ibis.Table,
    customer_segments: ibis.Table,
    text_embeddings: ibis.Table | None = None,
    image_embeddings: ibis.Table | None = None,
) -> Interactions:
    """Training purchases with features, segments and contents beside them.

    Parameters
    ----------
    arrays
        As read by ``interaction_arrays``.
    customer_ids, product_ids, customer_features, product_features, customer_segments
        The datasets of those names.
    text_embeddings, image_embeddings
        The datasets of those names, for models that read contents; they may be empty.

    Returns
    -------
    Interactions
        The training part. Features are standardised on the training customers (products), skewed
        ones after log(1 + x); unknown values are the mean. ``OUTCOME_FEATURES`` stay out.

    Raises
    ------
    ValueError
        If an embedding table mixes encoders or lengths, or holds a number that is not finite.
    """
    known_customers = customer_ids.filter(customer_ids.in_training)
    segment = customer_segments.select("customer_id", "segment")
    users = _in_code_order(known_customers, [customer_features, segment], "customer_id", "user")
    features = product_features.drop("product_category")
    items = _in_code_order(product_ids, [features], "product_id", "item")
    categories, item_categories = _codes(items["product_category"].fillna("Unknown"))
    segments, user_segments = _codes(users["segment"].fillna(NEW))
    ids = ("user", "item", "customer_id", "product_id", "product_parent")
    kept_out = (*ids, "in_training", "segment")
    user_columns = users.drop(columns=[c for c in users if c in (*kept_out, *OUTCOME_FEATURES)])
    item_columns = items.drop(columns=[c for c in items if c in (*kept_out, *OUTCOME_FEATURES)])
    user_names, user_features = _feature_matrix(user_columns, fit_rows=len(users))
    item_names, item_features = _feature_matrix(item_columns, fit_rows=arrays.n_items)
    rows = arrays.parts == TRAIN
    return Interactions(
        users=arrays.users[rows],
        items=arrays.items[rows],
        stars=arrays.stars[rows],
        days=arrays.days[rows],
        n_users=arrays.n_users,
        n_items=arrays.n_items,
        item_categories=item_categories.astype(np.int16),
        categories=categories,
        user_features=user_features,
        item_features=item_features,
        user_feature_names=user_names,
        item_feature_names=item_names,
        user_segments=user_segments.astype(np.int16),
        segments=segments,
        contents={
            kind: item_content(table, product_ids, f"{kind}_embeddings")
            for kind, table in (("text", text_embeddings), ("image", image_embeddings))
            if table is not None
        },
    )


def item_content(embeddings: ibis.Table, product_ids: ibis.Table, name: str) -> ItemContent:
    """One kind of content in the order of the product codes.

    Parameters
    ----------
    embeddings
        ``product_id, model, vector``; a product without that content has no row. May be empty.
    product_ids
        The dataset of that name.
    name
        Name of the embedding table, for messages.

    Raises
    ------
    product_recommender.content.vectors.EmbeddingError
        If the vectors differ in length, come from different encoders or are not finite, or a
        product has two.
    """
    from product_recommender.content.vectors import place_embeddings

    ids = product_ids.select("product_id", "item").order_by("item").to_pyarrow()["product_id"]
    table = embeddings.select("product_id", "model", "vector").to_pyarrow()
    listed = ids.to_numpy(zero_copy_only=False)
    return ItemContent(*place_embeddings(table, listed, name))


def all_purchases(
    arrays: InteractionArrays,
    item_categories: pd.Series,
    contents: Mapping[str, ItemContent] | None = None,
) -> Interactions:
    """Every purchase as one world, without features and segments, to be divided by the caller.

    Parameters
    ----------
    arrays
        All coded interactions.
    item_categories
        ``[n_items_listed]``: the category of each product, in the order of the codes.
    contents
        As in ``Interactions``.
    """
    categories, codes = _codes(item_categories.fillna("Unknown"))
    return Interactions(
        users=arrays.users,
        items=arrays.items,
        stars=arrays.stars,
        days=arrays.days,
        n_users=arrays.n_users,
        n_items=arrays.n_items,
        item_categories=codes.astype(np.int16),
        categories=categories,
        contents=dict(contents or {}),
    )


def rows_like(train: Interactions, arrays: InteractionArrays, rows: np.ndarray) -> Interactions:
    """Other rows of the data in the training world, for example the `tune` purchases.

    Parameters
    ----------
    train
        The training world.
    arrays
        All interactions.
    rows
        bool ``[n]`` into ``arrays``.
    """
    from dataclasses import replace

    return replace(
        train,
        users=arrays.users[rows],
        items=arrays.items[rows],
        stars=arrays.stars[rows],
        days=arrays.days[rows],
    )


def _in_code_order(ids: ibis.Table, tables: list[ibis.Table], key: str, code: str) -> pd.DataFrame:
    """The id map with columns of other tables beside it, one row per code, in order."""
    for table in tables:
        ids = ids.left_join(table, key).drop(f"{key}_right")
    return ids.order_by(code).to_pandas()


def _codes(values: pd.Series) -> tuple[tuple[str, ...], np.ndarray]:
    names, codes = np.unique(
        values.astype(str).to_numpy(dtype=object).astype(str), return_inverse=True
    )
    return tuple(str(name) for name in names), codes


def _feature_matrix(columns: pd.DataFrame, fit_rows: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Numbers standardised on the first ``fit_rows`` rows, texts of few values one-hot."""
    names: list[str] = []
    blocks: list[np.ndarray] = []
    for name in columns:
        column = columns[name]
        if pd.api.types.is_datetime64_any_dtype(column) or name == "first_review_date":
            continue
        if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
            standardised = _standardise(
                column.to_numpy(dtype=np.float64, na_value=np.nan), fit_rows
            )
            if standardised is not None:
                names.append(str(name))
                blocks.append(standardised)
        elif column.iloc[:fit_rows].nunique() <= 64:
            for value in sorted(column.iloc[:fit_rows].dropna().unique()):
                names.append(f"{name}={value}")
                blocks.append((column == value).to_numpy(dtype=np.float64, na_value=False))
    if not blocks:
        return (), np.zeros((len(columns), 0), dtype=np.float32)
    return tuple(names), np.stack(blocks, axis=1).astype(np.float32)


def _standardise(values: np.ndarray, fit_rows: int) -> np.ndarray | None:
    known = values[:fit_rows][np.isfinite(values[:fit_rows])]
    if len(known) == 0 or np.ptp(known) == 0:
        return None
    if known.min() >= 0 and known.mean() > 0 and np.median(known) < 0.5 * known.mean():
        values, known = np.log1p(np.maximum(values, 0)), np.log1p(known)  # a heavy right tail
    spread = known.std()
    if not spread > 0:
        return None
    return np.clip(np.nan_to_num((values - known.mean()) / spread, nan=0.0), -5, 5)

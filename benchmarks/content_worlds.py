"""Worlds for the measurements of what content is worth: generated ones, and real categories.

A world is made by the project's own pipelines (source, data_processing, feature_engineering,
content) in a folder of its own, which is kept: a second run finds its products encoded. Models get
purchases, categories and contents, but no feature tables: those of products are counted from
training purchases, so a product that is hidden from training would be known by them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.kedro_runs import load_catalog, run_kedro
from product_recommender.evaluation_cuts import Cut, make_cut, purchases_before
from product_recommender.interactions import Interactions, ItemContent
from product_recommender.model_inputs import (
    TRAIN,
    InteractionArrays,
    all_purchases,
    interaction_arrays,
    item_content,
    rows_like,
)

KINDS = ("text", "image")
PIPELINES = "data_processing,feature_engineering,content"
UNKNOWN_BAND = -1
Purchases = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Shelf:
    """What a shop knows of a product before it is sold, by item code.

    Attributes
    ----------
    brands
        int ``[n_items_listed]``: one code a brand; where no metadata name one, see ``brand_of``.
    price_bands
        int ``[n_items_listed]``: quartile of the list price in its category, ``UNKNOWN_BAND``
        where there is no price.
    """

    brands: np.ndarray
    price_bands: np.ndarray

    def reordered(self, order: np.ndarray) -> Shelf:
        """The same for new codes: row i is the old row ``order[i]``."""
        return Shelf(self.brands[order], self.price_bands[order])


@dataclass(frozen=True)
class ContentWorld:
    """One data set as models see it, and the question at the test cut.

    Attributes
    ----------
    name, label, sha256
        Of the data.
    train, tune
        Training purchases, and those of the `tune` half of validation, with contents.
    arrays
        All purchases with their parts.
    cut
        The test cut.
    shelf
        Brands and price bands.
    settings
        Stored settings of each model by name.
    """

    name: str
    label: str
    sha256: str
    train: Interactions
    tune: Interactions
    arrays: InteractionArrays
    cut: Cut
    shelf: Shelf
    settings: Mapping[str, Mapping[str, Any]]

    @property
    def known(self) -> Purchases:
        """Users, items and days of every purchase before the test."""
        return purchases_before(self.arrays, "test")

    def with_contents(self, contents: Mapping[str, ItemContent]) -> ContentWorld:
        """The same purchases with other contents."""
        return replace(
            self,
            train=replace(self.train, contents=dict(contents)),
            tune=replace(self.tune, contents=dict(contents)),
        )


def read_world(catalog: Any, name: str, models: tuple[str, ...]) -> ContentWorld:
    """Read a world from the catalog of a finished run.

    Parameters
    ----------
    catalog
        After the pipelines of ``PIPELINES``.
    name
        What the world is called in tables.
    models
        Models whose stored settings are wanted.
    """
    product_ids = catalog.load("product_ids")
    arrays = interaction_arrays(
        catalog.load("interactions"), catalog.load("customer_ids"), product_ids
    )
    known = product_ids.select("product_id", "item")
    products = catalog.load("products").join(known, "product_id").order_by("item").to_pandas()
    contents = {
        kind: item_content(catalog.load(f"{kind}_embeddings"), product_ids, kind)
        for kind in KINDS
        if catalog.exists(f"{kind}_embeddings")
    }
    everything = all_purchases(arrays, products["product_category"], contents)
    data = catalog.load("data_quality_report")["data"]
    stored = {model: f"params:modeling.models.{model}" for model in models}
    return ContentWorld(
        name=name,
        label=data["label"],
        sha256=data["sha256"],
        train=everything.take(arrays.parts == TRAIN),
        tune=rows_like(everything, arrays, arrays.in_tune & ~arrays.is_repeat),
        arrays=arrays,
        cut=make_cut(arrays, product_ids, "test"),
        shelf=shelf_of(products, arrays.n_items),
        settings={
            model: _plain(catalog.load(key)) if key in catalog else {}
            for model, key in stored.items()
        },
    )


def _plain(settings: Any) -> dict[str, Any]:
    """As json has it, whether or not Kedro has made a pydantic model of it already."""
    kept = settings.model_dump(mode="json") if hasattr(settings, "model_dump") else settings
    return dict(kept)


def shelf_of(products: pd.DataFrame, n_items: int) -> Shelf:
    """Brands and price bands of the products, one row each in the order of the codes.

    Parameters
    ----------
    products
        ``product_title, product_category, brand, list_price``.
    n_items
        Training products, whose prices draw the lines between the bands.
    """
    given = zip(products["brand"], products["product_title"], strict=True)
    brands = [
        str(brand).casefold() if isinstance(brand, str) and brand else brand_of(title)
        for brand, title in given
    ]
    prices = pd.to_numeric(products["list_price"], errors="coerce").to_numpy(dtype=np.float64)
    bands = np.full(len(products), UNKNOWN_BAND)
    category = products["product_category"].fillna("Unknown").astype(str).to_numpy()
    for name in np.unique(category):
        rows = np.flatnonzero((category == name) & np.isfinite(prices))
        trained = rows[rows < n_items]
        if len(trained):
            quartiles = np.quantile(prices[trained], [0.25, 0.5, 0.75])
            bands[rows] = np.searchsorted(quartiles, prices[rows], side="right")
    return Shelf(np.unique(np.array(brands, dtype=str), return_inverse=True)[1], bands)


LINES = (
    *("turbotax", "quicken", "quickbooks", "norton", "avast", "kaspersky", "mcafee", "adobe"),
    *("microsoft", "corel", "webroot", "bitdefender", "malwarebytes", "garmin", "taxact", "avg"),
    *("wordperfect", "dragon", "rosetta", "printmaster", "cyberlink", "serif", "magix", "sony"),
)
"""Product lines of software that stand anywhere in a title; the first of them that does."""


def brand_of(title: object) -> str:
    """A brand for a product of which only the title is known: the US files name none.

    A known product line that stands anywhere in the title ("Intuit TurboTax Deluxe" is turbotax),
    written together or apart; "H&R Block" in its spellings; else the first word with two letters
    that is no article.
    """
    words = re.findall(r"[a-z0-9&'+]+", str(title).casefold() if isinstance(title, str) else "")
    joined = {first + second for first, second in itertools.pairwise(words)}
    for line in LINES:
        if line in words or line in joined:
            return line
    if "block" in words and {"h&r", "home", "tax", "deluxe", "premium", "hr"} & set(words):
        return "h&r block"
    named = (w for w in words if re.search(r"[a-z].*[a-z]", w) and w not in ("the", "an"))
    return next(named, "")


# ---------------------------------------------------------------------- making worlds


def generated_world(
    folder: Path,
    name: str,
    seed: int,
    n_reviews: int,
    strengths: Mapping[str, float],
    models: tuple[str, ...],
    n_customers: int = 5_000,
) -> ContentWorld:
    """Generate a world with these strengths and process it, or read it where that was done.

    Parameters
    ----------
    folder
        Where worlds are kept.
    name
        What the world is called in tables.
    seed
        Of the world.
    n_reviews, n_customers
        Sizes.
    strengths
        ``<name>_strength`` of the generator's settings to value; others keep their defaults.
    models
        As of ``read_world``.
    """
    given = [f"{key}_{value:g}" for key, value in sorted(strengths.items())]
    root = folder / "_".join([f"generated_{n_reviews}_{seed}", *given])
    raw = root / "01_raw"
    paths = {
        "data_root": root,
        "reviews_path": raw / "reviews",
        "product_metadata_path": raw / "metadata",
        "product_images_path": raw / "images",
        "customers_path": raw / "customers",
    }
    source = {f"synthetic_data.{key}": value for key, value in strengths.items()}
    source |= {"n_reviews": n_reviews, "n_customers": n_customers, "data_seed": seed}
    done = root / "finished"
    if not done.exists():
        run_kedro("run", "--pipelines", "synthetic_data", _params(paths | source))
        run_kedro("run", "--pipelines", PIPELINES, _params(paths))
        done.touch()
    return read_world(load_catalog(None, data_root=str(root)), name, models)


def real_world(
    folder: Path,
    name: str,
    reviews: Path,
    metadata: Path | None,
    parameters: Mapping[str, Any],
    models: tuple[str, ...],
) -> ContentWorld:
    """Process real files, or read them where that was done.

    Parameters
    ----------
    folder
        Where worlds are kept.
    name
        What the world is called in tables and on disk.
    reviews, metadata
        The delivered files.
    parameters
        Further parameters of the pipelines.
    models
        As of ``read_world``.
    """
    root = folder / name
    nothing = root / "nothing"
    paths = {
        "data_root": root,
        "reviews_path": reviews,
        "product_metadata_path": metadata or nothing,
        "product_images_path": nothing,
    }
    done = root / "finished"
    if not done.exists():
        run_kedro(
            "run", "--env=amazon_us", "--pipelines", PIPELINES, _params(paths | dict(parameters))
        )
        done.touch()
    return read_world(load_catalog("amazon_us", data_root=str(root)), name, models)


def _params(values: Mapping[str, Any]) -> str:
    return "--params=" + ",".join(f"{key}={value}" for key, value in values.items())

"""A small generated world through the real steps that the leakage check looks at, as a catalog."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import torch
import yaml

from product_recommender.content.pictures import PICTURE_SCHEMA
from product_recommender.content.settings import ContentParameters, TextSettings
from product_recommender.content.vectors import embedding_table
from product_recommender.feature_settings import FeatureEngineeringParameters
from product_recommender.interactions import Interactions
from product_recommender.leakage import features as by_features
from product_recommender.leakage import reviews as primary
from product_recommender.leakage.findings import findings_table
from product_recommender.leakage.reviews import Cuts
from product_recommender.model_inputs import interaction_arrays, rows_like, training_interactions
from product_recommender.personas.settings import SegmentationParameters
from product_recommender.pipelines.content import nodes as content
from product_recommender.pipelines.data_processing.nodes import build_products
from product_recommender.pipelines.data_processing.product_records import PRODUCT_SCHEMA
from product_recommender.pipelines.feature_engineering import nodes as features
from product_recommender.pipelines.feature_engineering.customer_nodes import (
    compute_customer_features,
)
from product_recommender.pipelines.feature_engineering.product_nodes import (
    compute_product_features,
    compute_product_parent_features,
)
from product_recommender.pipelines.leakage_check import nodes as check
from product_recommender.pipelines.modeling.nodes import recommend_at_cuts, train_model
from product_recommender.pipelines.modeling.parameters import ModelingSettings
from product_recommender.pipelines.segmentation import nodes as segmentation
from product_recommender.recommenders.base import Recommender
from product_recommender.recommenders.histories import Histories, HistoryRecommender
from product_recommender.recommenders.registry import recommender_class
from product_recommender.synthesis.settings import WorldSettings
from product_recommender.synthesis.world import make_world

PROJECT = Path(__file__).resolve().parents[2]
FEATURE_SETTINGS = FeatureEngineeringParameters(sentiment_processes=1)
MODEL_NAMES = ("popularity", "recent_popularity", "bias")
MODELING = ModelingSettings(list_length=5)
CONTENT_SETTINGS = ContentParameters(text=TextSettings(training_reviews=True))

Catalog = dict[str, Any]


@functools.cache
def segmentation_settings() -> SegmentationParameters:
    """Those of conf/base, with as little work as they allow."""
    path = PROJECT / "conf" / "base" / "parameters_segmentation.yml"
    quick = {"candidate_clusters": [2], "n_init": 1, "stability_seeds": []}
    return SegmentationParameters(**(yaml.safe_load(path.read_text())["segmentation"] | quick))


class LastBought(HistoryRecommender):
    """Ranks a user's last product first: the least that answers from a history."""

    name = "last_bought"
    ranks_by = "the last purchase"

    def _fit(self, train: Interactions, validation: Interactions | None) -> None:
        pass

    def _score_histories(self, histories: Histories) -> torch.Tensor:
        items, _ = histories.last(1)
        return torch.nn.functional.one_hot(torch.from_numpy(items[:, 0]), self.n_items).float()

    def _state(self) -> dict[str, torch.Tensor]:
        return {}

    def _load_state(self, state: dict[str, torch.Tensor]) -> None:
        pass


def held(table: ibis.Table) -> ibis.Table:
    """The table worked out once, as the catalog would give it back."""
    return ibis.memtable(table.to_pyarrow())


def primary_tables(seed: int, n_reviews: int) -> tuple[ibis.Table, ibis.Table, dict[str, Any]]:
    """`reviews`, `products` and the split of `data_quality_report` of a generated world."""
    world = make_world(
        WorldSettings(
            seed=seed,
            n_products=40,
            n_customers=n_reviews // 3,
            n_reviews=n_reviews,
            repeat_rate=0.05,
        )
    )
    bought, products = world.purchases, world.products
    categories = np.array(list(world.settings.category_shares), dtype=object)
    first_day = np.datetime64(world.settings.first_day)
    frame = pd.DataFrame(
        {
            "customer_id": np.array(world.customers.ids)[bought.customers],
            "product_id": np.array(products.ids)[bought.products],
            "product_parent": np.array(products.parents)[bought.products],
            "product_title": np.array(products.titles)[bought.products],
            "product_category": categories[products.categories[bought.products]],
            "star_rating": bought.stars,
            "helpful_votes": bought.helpful_votes,
            "total_votes": bought.total_votes,
            "verified_purchase": bought.verified,
            "review_headline": np.where(bought.stars > 3, "Great", "Awful"),
            "review_body": [
                f"It is {'good' if s > 3 else 'bad'}, {s} times." for s in bought.stars
            ],
            "review_date": first_day + bought.days.astype("timedelta64[D]"),
        }
    )
    day = frame["review_date"]
    cuts = [day.quantile(share, interpolation="lower").date() for share in (0.7, 0.85)]
    part = (day.dt.date > cuts[0]).astype(int) + (day.dt.date > cuts[1]).astype(int)
    pair = ["customer_id", "product_id"]
    frame = frame.assign(part=part).sort_values("review_date", kind="stable")
    frame = frame.drop_duplicates([*pair, "part"], keep="last")
    frame["split"] = np.array(["train", "validation", "test"], dtype=object)[frame["part"]]
    half = np.where(frame["customer_id"].str[-1].isin(list("01234")), "tune", "blend")
    frame["validation_part"] = np.where(frame["part"] == 1, half, None)
    frame["is_repeat"] = frame.groupby(pair)["part"].transform("min") < frame["part"]
    frame["review_date"] = frame["review_date"].dt.date
    reviews = ibis.memtable(frame.drop(columns="part"))
    # Every second product says something of itself; training reviews speak for the others.
    described = [
        {
            "product_id": product_id,
            "brand": "Acme" if number % 2 else None,
            "list_price": price if listed else None,
            "cost": cost,
            "stock": stock,
        }
        for number, (product_id, price, listed, cost, stock) in enumerate(
            zip(
                products.ids,
                products.price.tolist(),
                products.price_is_listed.tolist(),
                products.cost.tolist(),
                products.stock.tolist(),
                strict=True,
            )
        )
    ]
    metadata = pa.Table.from_pylist(described, schema=PRODUCT_SCHEMA)
    split = {"train_until": str(cuts[0]), "validation_until": str(cuts[1])}
    report = {"split": split}
    return reviews, held(build_products(reviews, ibis.memtable(metadata))), report


def small_run(seed: int = 0, n_reviews: int = 450) -> Catalog:
    """Everything that the check reads, by catalog name, made by the real steps."""
    items: Catalog = {}
    items["reviews"], items["products"], items["data_quality_report"] = primary_tables(
        seed, n_reviews
    )
    add_features(items, items["reviews"])
    items["customer_ids"], items["product_ids"] = (
        held(ids) for ids in features.assign_codes(items["reviews"], items["products"])
    )
    encode(items)
    add_content(items, items["reviews"])
    items["segmentation_model"], _ = segmentation.fit_segmentation(
        items["customer_features"], segmentation_settings()
    )
    items["customer_segments"] = ibis.memtable(
        segmentation.assign_segments(
            items["customer_features"], items["customer_ids"], items["segmentation_model"]
        )
    )
    add_models(items)
    return items


def add_features(items: Catalog, reviews: ibis.Table) -> None:
    """Sentiments and the three feature tables, of what ``reviews`` calls training."""
    products = items["products"]
    texts = features.collect_review_texts(reviews).to_pyarrow()
    scored = features.score_review_texts(
        texts.to_reader(), ibis.memtable(texts), FEATURE_SETTINGS
    ).read_all()
    items["text_sentiment"] = ibis.memtable(scored)
    sentiment = held(features.join_review_sentiment(reviews, items["text_sentiment"]))
    items["review_sentiment"] = sentiment
    items["customer_features"] = held(compute_customer_features(reviews, products, sentiment))
    for name, compute in (
        ("product_features", compute_product_features),
        ("product_parent_features", compute_product_parent_features),
    ):
        items[name] = held(compute(reviews, products, sentiment, FEATURE_SETTINGS))


def add_content(items: Catalog, reviews: ibis.Table) -> None:
    """Texts of what ``reviews`` calls training, vectors made of their hashes, and no images."""
    texts = held(content.collect_product_texts(items["products"], reviews, CONTENT_SETTINGS))
    items["product_texts"] = texts
    table = texts.to_pyarrow()
    ids, hashes = (table[name].to_pylist() for name in ("product_id", "content_hash"))
    vectors = {key: np.frombuffer(bytes.fromhex(key), dtype=np.uint8) for key in hashes}
    items["text_embeddings"] = ibis.memtable(embedding_table(ids, hashes, "hash", vectors))
    items["product_images"] = ibis.memtable(PICTURE_SCHEMA.empty_table())
    items["image_embeddings"] = ibis.memtable(embedding_table([], [], "", {}))


def encode(items: Catalog) -> None:
    """`interactions` from reviews and the two id maps."""
    items["interactions"] = held(
        features.encode_interactions(items["reviews"], items["customer_ids"], items["product_ids"])
    )


def arrays_and_world(items: Catalog) -> tuple[Any, Interactions]:
    """All interactions as arrays, and the training world."""
    ids = items["customer_ids"], items["product_ids"]
    arrays = interaction_arrays(items["interactions"], *ids)
    tables = ("customer_features", "product_features", "customer_segments")
    return arrays, training_interactions(arrays, *ids, *(items[name] for name in tables))


def add_models(items: Catalog) -> None:
    """Three models as `modeling` makes them, one that answers from histories, and the ensembles."""
    arrays, world = arrays_and_world(items)
    for name in MODEL_NAMES:
        parameters = recommender_class(name).Config()
        weights, config = train_model(name, arrays, world, MODELING, parameters)
        items[f"{name}.weights"], items[f"{name}.config"] = weights, config
        coded = (items[key] for key in ("interactions", "customer_ids", "product_ids"))
        lists = recommend_at_cuts(weights, config, *coded, MODELING)
        items[f"{name}.recommendations"] = ibis.memtable(lists)
    last_bought = LastBought().fit(world)
    items["last_bought.weights"] = last_bought.state()
    items["last_bought.config"] = config_of(last_bought)
    for name in ("last_bought", "ensemble", "ensemble_equal"):
        items[f"{name}.recommendations"] = items["bias.recommendations"]


def config_of(model: Recommender) -> dict[str, Any]:
    """What ``<model>.config`` holds of a model, as far as the check reads it."""
    return {"model": model.name, "parameters": model.config.model_dump(mode="json")}


def everything(items: Catalog) -> Interactions:
    """The purchases of all parts as if they were the training part: the mistake itself."""
    arrays, world = arrays_and_world(items)
    return rows_like(world, arrays, np.ones(len(arrays.users), dtype=bool))


def report_of(items: Catalog) -> pd.DataFrame:
    """`leakage_report`, by the nodes of the pipeline."""
    parts = (tables_report, segments_report, content_report, models_report)
    return check.join_findings(*(part(items) for part in parts))


def content_report(items: Catalog) -> pd.DataFrame:
    """The part of it that is about texts, images and their vectors."""
    names = (
        "data_quality_report",
        "reviews",
        "products",
        "product_texts",
        "text_embeddings",
        "product_images",
        "image_embeddings",
    )
    return check.check_content(*(items[name] for name in names), CONTENT_SETTINGS)


def tables_report(items: Catalog) -> pd.DataFrame:
    """The part of it that is about features, codes and interactions."""
    names = (
        "data_quality_report",
        "reviews",
        "products",
        "text_sentiment",
        "review_sentiment",
        "customer_features",
        "product_features",
        "product_parent_features",
        "customer_ids",
        "product_ids",
        "interactions",
    )
    return check.check_tables(*(items[name] for name in names), FEATURE_SETTINGS)


def report_of_one(items: Catalog, about: str) -> pd.DataFrame:
    """The comparisons of that node with one of its tables: the others take most of its time."""
    cuts = Cuts.of(items["data_quality_report"])
    reviews, products = items["reviews"], items["products"]
    ids = items["customer_ids"], items["product_ids"]
    sentiment = items["review_sentiment"]
    found = {
        "split": lambda: primary.check_split(reviews, cuts),
        "codes": lambda: primary.check_codes(reviews, *ids, cuts),
        "interactions": lambda: primary.check_interactions(
            items["interactions"], reviews, *ids, cuts
        ),
        "review_sentiment": lambda: by_features.check_sentiment(
            reviews, items["text_sentiment"], sentiment, cuts
        ),
        "customer_features": lambda: by_features.check_customer_features(
            reviews, products, sentiment, items["customer_features"], cuts
        ),
        "product_features": lambda: by_features.check_product_features(
            reviews,
            products,
            sentiment,
            {"product_id": items["product_features"]},
            cuts,
            FEATURE_SETTINGS,
        ),
    }[about]()
    return findings_table(found)


def segments_report(items: Catalog) -> pd.DataFrame:
    """The part of it that is about the segmentation."""
    return check.check_segmentation(
        items["data_quality_report"],
        items["reviews"],
        items["customer_features"],
        items["segmentation_model"],
        items["customer_segments"],
        segmentation_settings(),
    )


def models_report(items: Catalog) -> pd.DataFrame:
    """The part of it that is about models."""
    names = (*MODEL_NAMES, "last_bought")
    return check.check_models(
        items["data_quality_report"],
        items["reviews"],
        items["customer_ids"],
        items["product_ids"],
        items["interactions"],
        *(items[f"{name}.{kind}"] for kind in ("config", "weights") for name in names),
        *(items[f"{name}.recommendations"] for name in (*names, "ensemble", "ensemble_equal")),
    )

"""The files: their form, their determinism, texts that agree with the stars."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.synthesis.worlds import review_bytes, world

from product_recommender.review_format import RAW_REVIEW_COLUMNS
from product_recommender.synthesis.aspects import ASPECTS_PER_CATEGORY
from product_recommender.synthesis.files import (
    customer_files,
    metadata_files,
    review_files,
)
from product_recommender.synthesis.randomness import stream
from product_recommender.synthesis.settings import WorldSettings
from product_recommender.synthesis.texts import ReviewWriter
from product_recommender.synthesis.vocabulary import VOCABULARIES
from product_recommender.synthesis.world import make_world

SMALL = {"n_products": 60, "n_customers": 200, "n_reviews": 800}


def lines_of(made_of: dict[str, float]) -> list[dict[str, str]]:
    rows = []
    for content in review_bytes(world(**made_of)).values():
        header, *lines = content.decode().removesuffix("\n").split("\n")
        assert header.split("\t") == list(RAW_REVIEW_COLUMNS)
        rows += [dict(zip(RAW_REVIEW_COLUMNS, line.split("\t"), strict=True)) for line in lines]
    return rows


def test_file_names_and_categories_are_those_of_the_source() -> None:
    files = review_bytes(world(**SMALL))
    assert sorted(files) == [
        "amazon_reviews_us_Electronics_v1_00.tsv",
        "amazon_reviews_us_Furniture_v1_00.tsv",
        "amazon_reviews_us_Major_Appliances_v1_00.tsv",
        "amazon_reviews_us_Personal_Care_Appliances_v1_00.tsv",
    ]
    in_appliances = files["amazon_reviews_us_Major_Appliances_v1_00.tsv"].decode().splitlines()[1:]
    assert {line.split("\t")[6] for line in in_appliances} == {"Major Appliances"}


def test_lines_have_fifteen_fields_that_say_what_was_drawn() -> None:
    made, rows = world(**SMALL), lines_of(SMALL)
    assert len(rows) == 800
    ids = {row["review_id"] for row in rows}
    assert len(ids) == 800
    assert all(re.fullmatch(r"R[0-9A-Z]{13}", review_id) for review_id in ids)
    drawn = sorted(
        (
            str(made.customers.ids[c]),
            str(made.products.ids[p]),
            str(np.datetime64(made.settings.first_day) + d),
            str(s),
        )
        for c, p, d, s in zip(
            made.purchases.customers,
            made.purchases.products,
            made.purchases.days.astype(int),
            made.purchases.stars,
            strict=True,
        )
    )
    written = sorted(
        (r["customer_id"], r["product_id"], r["review_date"], r["star_rating"]) for r in rows
    )
    assert written == drawn
    assert {row["marketplace"] for row in rows} == {"US"}
    assert {row["vine"] for row in rows} | {row["verified_purchase"] for row in rows} == {"Y", "N"}
    titles = dict(zip(made.products.ids, made.products.titles, strict=True))
    assert all(row["product_title"] == titles[row["product_id"]] for row in rows)


def test_newest_reviews_come_first() -> None:
    for content in review_bytes(world(**SMALL)).values():
        dates = [line.rsplit("\t", 1)[1] for line in content.decode().splitlines()[1:]]
        assert dates == sorted(dates, reverse=True)


def test_metadata_and_customers_can_be_read_again() -> None:
    made = world(**SMALL, missing_price_share=0.2)
    content = b"".join(metadata_files(made.settings, made.products)["products.jsonl"]).decode()
    records = [json.loads(line) for line in content.splitlines()]
    assert [record["asin"] for record in records] == made.products.ids.tolist()
    keys = ["asin", "title", "description", "brand", "category", "price", "cost", "stock", "image"]
    assert all(list(record) == keys for record in records)
    priced = [r for r in records if r["price"] is not None]
    assert 0 < len(records) - len(priced) < 30
    assert all(0 < r["cost"] < r["price"] for r in priced)
    text = b"".join(customer_files(made.customers)["customers.csv"]).decode()
    people = list(csv.DictReader(io.StringIO(text)))
    assert list(people[0]) == ["customer_id", "age_group", "region", "is_prime", "sign_up_date"]
    assert [p["customer_id"] for p in people] == made.customers.ids.tolist()
    assert {p["is_prime"] for p in people} == {"true", "false"}


def test_same_seed_same_bytes_in_any_order_of_reading_and_another_seed_other_bytes() -> None:
    settings = WorldSettings(**SMALL)
    once, again = make_world(settings), make_world(settings)
    files = review_files(again.settings, again.customers, again.products, again.purchases)
    backwards = {name: b"".join(files[name]) for name in reversed(list(files))}
    assert review_bytes(once) == {name: backwards[name] for name in files}
    other = make_world(WorldSettings(**SMALL, seed=8))
    assert all(review_bytes(once)[name] != content for name, content in review_bytes(other).items())


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_bytes_do_not_depend_on_the_process(hash_seed: str) -> None:
    code = (
        "import hashlib\n"
        "from product_recommender.synthesis.settings import WorldSettings\n"
        "from product_recommender.synthesis.world import make_world\n"
        "from product_recommender.synthesis.files import review_files\n"
        f"w = make_world(WorldSettings(**{SMALL!r}))\n"
        "f = review_files(w.settings, w.customers, w.products, w.purchases)\n"
        "print(hashlib.sha256(b''.join(b''.join(f[n]) for n in sorted(f))).hexdigest())\n"
    )
    source = str(Path(__file__).resolve().parents[2] / "src")
    environment = os.environ | {
        "PYTHONHASHSEED": hash_seed,
        "OMP_NUM_THREADS": hash_seed,
        "PYTHONPATH": source,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    import hashlib

    files = review_bytes(world(**SMALL))
    here = hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()
    assert done.stdout.strip() == here


def compound_by_stars(rows: list[dict[str, str]], column: str) -> list[float]:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()
    values: dict[str, list[float]] = {}
    for row in rows:
        score = analyzer.polarity_scores(row[column])["compound"]
        values.setdefault(row["star_rating"], []).append(score)
    return [float(np.mean(values[stars])) for stars in "12345"]


@pytest.mark.parametrize("column", ["review_headline", "review_body"])
def test_the_tone_of_texts_rises_with_the_stars(column: str) -> None:
    tones = compound_by_stars(lines_of(SMALL | {"n_reviews": 2_000}), column)
    assert tones == sorted(tones)
    assert tones[0] < -0.2
    assert tones[4] > 0.4


def test_at_text_strength_zero_the_tone_says_nothing() -> None:
    changes = SMALL | {"n_reviews": 2_000, "text_strength": 0.0}
    tones = compound_by_stars(lines_of(changes), "review_body")
    assert np.ptp(tones) < 0.25


def test_texts_vary_and_a_few_are_messy() -> None:
    rows = lines_of(SMALL | {"n_reviews": 2_000, "mess_rate": 0.1})
    long = [row["review_body"] for row in rows if len(row["review_body"]) > 100]
    assert len(long) > 500
    assert len(set(long)) > 0.98 * len(long)
    assert len({row["review_headline"] for row in rows}) > 150
    messy = [("<br />" in r["review_body"]) or ("&#34;" in r["review_body"]) for r in rows]
    assert 0.02 < np.mean(messy) < 0.1
    leftover = [r for r in rows if re.search(r"[{}]", r["review_headline"] + r["review_body"])]
    assert not leftover


def test_texts_name_the_planted_reasons() -> None:
    """What praise names pleases the customer's taste more than what complaints name."""
    made = world(n_products=60, n_customers=200, n_reviews=2_000)
    writer = ReviewWriter(made.settings, made.customers, made.products)
    code = made.settings.categories.index("Electronics")
    inside = made.products.categories[made.purchases.products] == code
    bought = made.purchases.take(np.flatnonzero(inside))
    tones = np.full(len(bought), 2)  # three stars: as much praise as complaint
    aspects, positive = writer._draw_aspects(bought, code, tones, stream(1, "test"))
    assert (np.sort(aspects, axis=1)[:, 1:] != np.sort(aspects, axis=1)[:, :-1]).all()
    weights = made.settings.taste_overlap ** np.arange(made.settings.taste_dimensions)[::-1]
    weights = np.sqrt(weights / np.linalg.norm(weights))
    care = (made.customers.tastes[bought.customers] * weights) @ writer._directions[code].T
    reasons = np.take_along_axis(care * made.products.aspects[bought.products], aspects, axis=1)
    spread = (care * made.products.aspects[bought.products]).std()
    assert reasons[positive].mean() > reasons[~positive].mean() + 0.5 * spread


def test_every_category_has_its_eight_aspects() -> None:
    for vocabulary in VOCABULARIES.values():
        names = {aspect.name for aspect in vocabulary.aspects}
        assert len(names) == len(vocabulary.aspects) == ASPECTS_PER_CATEGORY

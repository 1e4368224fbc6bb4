"""The split, the codes and the coded interactions, from dates and ids alone."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from product_recommender.days import EPOCH
from product_recommender.leakage.comparison import compare_tables, unknown_columns
from product_recommender.leakage.findings import Finding

PARTS = ("train", "validation", "test")
UNKNOWN_CATEGORY = "unknown"


@dataclass(frozen=True)
class Cuts:
    """The two days that divide time, both inclusive."""

    train_until: datetime.date
    validation_until: datetime.date

    @classmethod
    def of(cls, data_quality_report: dict[str, Any]) -> Cuts:
        """From the dataset of that name."""
        split = data_quality_report["split"]
        return cls(
            *(
                datetime.date.fromisoformat(split[key])
                for key in ("train_until", "validation_until")
            )
        )

    def number(self, day: ir.DateValue) -> ir.IntegerValue:
        """0 for training, 1 for validation, 2 for the test."""
        return (day > ibis.date(self.train_until)).cast("int8") + (
            day > ibis.date(self.validation_until)
        ).cast("int8")

    def name(self, number: ir.IntegerValue) -> ir.StringValue:
        """Name of a part."""
        return ibis.cases(*((number == i, name) for i, name in enumerate(PARTS)))

    def training(self, reviews: ibis.Table) -> ibis.Table:
        """The reviews until the first cut, whatever their column ``split`` says."""
        return reviews.filter(reviews.review_date <= ibis.date(self.train_until))

    def later(self, reviews: ibis.Table) -> ibis.Table:
        """The reviews after it."""
        return reviews.filter(reviews.review_date > ibis.date(self.train_until))


def check_split(reviews: ibis.Table, cuts: Cuts) -> list[Finding]:
    """Parts follow dates, halves follow customers, and repeats are known as such.

    Parameters
    ----------
    reviews
        The dataset of that name.
    cuts
        The two days.
    """
    part = cuts.number(reviews.review_date)
    rows = reviews.select(
        "customer_id", "product_id", "split", "validation_part", "is_repeat", part=part
    )
    first = rows.part.min().over(group_by=["customer_id", "product_id"])
    wrong_part = rows.split != cuts.name(rows.part)
    half_without_reason = rows.validation_part.notnull() != (rows.part == 1)
    counts = rows.mutate(first=first)
    repeat_unmarked = counts.is_repeat != (counts.first < counts.part)
    halves = rows.group_by("customer_id").aggregate(n=rows.validation_part.nunique())
    number = {
        "rows": rows.count(),
        "wrong_part": wrong_part.cast("int64").sum(),
        "half": half_without_reason.cast("int64").sum(),
    }
    counted = _numbers(rows.aggregate(**number))
    repeats = _numbers(counts.aggregate(wrong=repeat_unmarked.cast("int64").sum()))["wrong"]
    in_both = _numbers(halves.aggregate(n=(halves.n > 1).cast("int64").sum()))["n"]
    wrong = counted["wrong_part"] + counted["half"] + in_both
    detail = (
        f"{counted['wrong_part']} reviews in a wrong part, {counted['half']} with a validation "
        f"half outside validation or without one inside, {in_both} customers in both halves."
    )
    return [
        Finding(
            "split",
            "reviews",
            "split and validation_part from review_date and customer_id",
            counted["rows"],
            wrong,
            detail if wrong else "",
        ),
        Finding(
            "test_pairs",
            "reviews",
            "is_repeat from earlier reviews of the pair",
            counted["rows"],
            repeats,
            f"{repeats} reviews are marked as repeats and are none, or the reverse: a pair of "
            "training counts as a target."
            if repeats
            else "",
        ),
    ]


def check_codes(
    reviews: ibis.Table, customer_ids: ibis.Table, product_ids: ibis.Table, cuts: Cuts
) -> list[Finding]:
    """Codes follow part of first appearance and id; products are on sale from their first review.

    Parameters
    ----------
    reviews, customer_ids, product_ids
        The datasets of those names.
    cuts
        The two days.
    """
    findings = []
    maps = (
        (customer_ids, "customer_id", "user", "customer_ids", ()),
        (
            product_ids,
            "product_id",
            "item",
            "product_ids",
            ("product_category", "first_review_date"),
        ),
    )
    for table, key, code, dataset, further in maps:
        expected = _expected_codes(reviews, key, code, cuts)
        leak_of = {code: "id_map", "in_training": "id_map"}
        if "first_review_date" in further:
            leak_of["first_review_date"] = "not_on_sale"
            table = table.mutate(first_review_date=table.first_review_date.cast("date"))
        findings += compare_tables(
            table, expected, [key], leak_of, "id_map", dataset, "review dates and ids"
        )
        findings.append(
            unknown_columns(table, (key, code, "in_training", *further), dataset, reviews)
        )
    return findings


def check_interactions(
    interactions: ibis.Table,
    reviews: ibis.Table,
    customer_ids: ibis.Table,
    product_ids: ibis.Table,
    cuts: Cuts,
) -> list[Finding]:
    """Coded interactions are the reviews: same parts, days and stars, and nothing else beside.

    Parameters
    ----------
    interactions, reviews, customer_ids, product_ids
        The datasets of those names.
    cuts
        The two days.
    """
    coded = reviews.inner_join(customer_ids.select("customer_id", "user"), "customer_id")
    coded = coded.inner_join(product_ids.select("product_id", "item"), "product_id")
    part = cuts.number(coded.review_date)
    expected = coded.select(
        "user",
        "item",
        "validation_part",
        "is_repeat",
        day=coded.review_date.delta(ibis.date(EPOCH), unit="day"),
        star_rating=coded.star_rating,
        split=cuts.name(part),
    )
    leak_of = {
        "split": "test_pairs",
        "validation_part": "test_pairs",
        "is_repeat": "test_pairs",
        "star_rating": "target_rating",
    }
    keys = ["user", "item", "day"]
    allowed = (*keys, *leak_of, "verified_purchase")
    return [
        *compare_tables(
            interactions, expected, keys, leak_of, "test_pairs", "interactions", "reviews"
        ),
        unknown_columns(interactions, allowed, "interactions"),
    ]


def _expected_codes(reviews: ibis.Table, key: str, code: str, cuts: Cuts) -> ibis.Table:
    first = reviews.group_by(key).aggregate(first_review_date=reviews.review_date.min())
    part = cuts.number(first.first_review_date)
    placed = first.mutate(part=part)
    order = ibis.window(order_by=[placed.part, placed[key]])
    return placed.mutate(in_training=placed.part == 0, **{code: ibis.row_number().over(order)})


def _numbers(table: ibis.Table) -> dict[str, int]:
    return {key: int(n or 0) for key, n in table.to_pyarrow().to_pylist()[0].items()}

"""What stands beside a product: gathered, printed, and as JSON."""

from __future__ import annotations

import io
import json
from typing import Any

import ibis
import pandas as pd
import pytest
from tests.answers.shelf import NASTY, Shelf

from product_recommender.answers.as_json import as_json
from product_recommender.answers.catalog import NotMadeYetError
from product_recommender.answers.customer import answer_for
from product_recommender.answers.printed_product import print_product
from product_recommender.answers.product import answer_for_product
from product_recommender.related.complements import COLUMNS as COMPLEMENT_COLUMNS
from product_recommender.related.similar import SIMILAR_COLUMNS, UPSELL_COLUMNS

SIMILAR = [("p1", 1, "p2", 0.8, 0.8, None, 0.25, 1)]
COMPLEMENTS = [
    ("p1", 1, "p3", 0.3, "co_purchase", 12, 4.0, 2.6, 1.7, 12, 0.1, None),
    ("p1", 2, "p4", 0.2, "text", 5, 1.0, 3.0, 1.5, 1, None, None),
    ("p1", 3, "p5", 0.1, "image", 4, 1.0, 2.5, 1.3, 1, None, None),
    ("p1", 4, "p6", 0.1, "category_pair", 900, 600.0, 1.5, 1.4, 0, None, None),
]
UPSELLS = [
    ("p1", 1, "p3", 0.8, 0.8, None, None, 3.9, 20, 4.4, 30, 0.97, 99.0, 149.0, "low", "mid"),
]


def tables() -> dict[str, Any]:
    products = Shelf().load("products").to_pandas()
    brands = {"p1": "Norhaven", "p2": "Norhaven", "p3": None}
    prices = {"p1": 99.0, "p2": 110.0, "p3": 149.0}
    products = products.assign(
        brand=products["product_id"].map(brands).astype("str"),
        features=None,
        list_price=products["product_id"].map(prices),
    ).astype({"features": "str"})
    products.loc[~products["product_id"].isin(["p1", "p2"]), "brand"] = None
    frames = {
        "similar_products": pd.DataFrame(SIMILAR, columns=list(SIMILAR_COLUMNS)),
        "complementary_products": pd.DataFrame(COMPLEMENTS, columns=list(COMPLEMENT_COLUMNS)),
        "upsell_products": pd.DataFrame(UPSELLS, columns=list(UPSELL_COLUMNS)),
    }
    for frame in frames.values():
        similarities = [c for c in frame if c.endswith("similarity") or c == "bought_alike"]
        frame[similarities] = frame[similarities].astype(float)
    frames["products"] = products
    return {name: ibis.memtable(frame) for name, frame in frames.items()}


def shelf(**changes: Any) -> Shelf:
    return Shelf(**(tables() | changes))


def printed(product: str, width: int = 80, **changes: Any) -> str:
    from rich.console import Console

    output = io.StringIO()
    answer = answer_for_product(shelf(**changes), product, 10, "kedro run")
    print_product(answer, Console(file=output, width=width, force_terminal=True))
    return output.getvalue()


def test_every_list_with_its_evidence() -> None:
    answer = answer_for_product(shelf(), "p1", 10, "kedro run")
    assert (answer.purchases, answer.stars) == (3, pytest.approx(10 / 3))
    lists = {name: [b.product_id for b in beside] for name, beside in answer.lists.items()}
    assert lists == {
        "similar_products": ["p2"],
        "complementary_products": ["p3", "p4", "p5", "p6"],
        "upsell_products": ["p3"],
    }
    sentences = [beside.sentence for beside in answer.lists["complementary_products"]]
    assert sentences == [
        "12 customers bought both, 2.6 times as many as by chance.",
        "5 customers bought this and something that reads like it, 3.0 times as many as by chance.",
        "4 customers bought this and something that looks like it, 2.5 times as many as by chance.",
        "900 customers buy from both shelves, 1.5 times as many as by chance; this sells most "
        "there.",
    ]
    assert answer.lists["similar_products"][0].sentence == (
        "Alike: words 80 %, bought beside 25 %; same brand (Norhaven), similar price (99.00 and "
        "110.00)."
    )
    assert answer.lists["upsell_products"][0].sentence == (
        "★ 4.40 (30 ratings) against ★ 3.90 (20), 97 % sure; 149.00 instead of 99.00 (mid instead "
        "of low)."
    )
    assert answer.lists["upsell_products"][0].evidence["chance_better"] == 0.97


def test_lists_are_as_long_as_asked_for() -> None:
    answer = answer_for_product(shelf(), "p1", 2, "kedro run")
    assert [b.product_id for b in answer.lists["complementary_products"]] == ["p3", "p4"]


def test_a_product_with_nothing_beside_it_says_why() -> None:
    text = " ".join(printed("p6").split())
    assert "nothing on its shelf is like it" in text
    assert "its price is unknown" in text
    assert "bought 0 times" in text
    assert "nothing like it in the next price band is surely better liked" in " ".join(
        printed("p2").split()
    )


@pytest.mark.parametrize("width", [60, 80, 140])
def test_hostile_titles_move_no_cursor_and_lines_fit(width: int) -> None:
    text = printed("p1", width)
    assert "\x1b[31m" not in text
    assert "\u202e" not in text
    assert "[bold]lamp[/bold]" in " ".join(text.split())
    assert NASTY not in text


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("p9", r"There is no product 'p9'\. Did you mean p1 \(A desk\), p2 .*p3 \(A chair\)"),
        ("radio", r"There is no product 'radio'\. Did you mean p4 \(A radio\)\?"),
        ("B000000000", r"^There is no product 'B000000000'\.$"),
        ("\x1b[2Jq\n", r"^There is no product '\[2Jq'\."),
    ],
)
def test_an_unknown_product_is_one_line_with_near_ones(asked: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        answer_for_product(shelf(), asked, 5, "kedro run")
    assert len(str(caught.value).splitlines()) == 1
    assert "\x1b" not in str(caught.value)


def test_missing_lists_are_named_with_the_way_out() -> None:
    with pytest.raises(
        NotMadeYetError, match=r"upsell_products.* kedro run --pipelines=related_products"
    ):
        answer_for_product(shelf(upsell_products=None), "p1", 5, "kedro run")


def test_json_holds_the_same_and_nothing_that_a_terminal_obeys() -> None:
    text = as_json(answer_for_product(shelf(), "p1", 10, "kedro run"))
    assert text.isascii()
    assert "\x1b" not in text
    read = json.loads(text)
    beside = read["lists"]["complementary_products"][0]
    assert beside["evidence"]["customers"] == 12
    assert beside["evidence"]["image_similarity"] is None
    assert read["lists"]["similar_products"][0]["described"]["title"] == NASTY


def test_json_of_a_customer_has_reason_sentence_and_weights() -> None:
    read = json.loads(as_json(answer_for(shelf(), "c1", 3, None, "kedro run")))
    first = read["suggestions"][0]
    assert first["product_id"] == "p3"
    assert first["because_id"] == "p1"
    assert first["bought_on"] == "2013-10-22"
    assert first["reason"]["kind"] == "together"
    assert first["modality_weights"] is None
    assert first["sentence"].startswith("Because you bought the A desk in October 2013")
    assert read["propensity"][0]["probability"] == 0.25
    assert read["as_of"] == "2014-11-26"

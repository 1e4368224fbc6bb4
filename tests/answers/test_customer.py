"""Answers worked out by hand on ten purchases."""

from __future__ import annotations

import re

import pytest
from tests.answers.shelf import EPOCH, LAST_DAY, Shelf

from product_recommender.answers.catalog import NotMadeYetError
from product_recommender.answers.customer import answer_for
from product_recommender.answers.reasons import Reason

RUN = "kedro run --env=shelf"


def test_the_served_list_answers_without_loading_a_model() -> None:
    shelf = Shelf()
    answer = answer_for(shelf, "c1", 3, None, RUN)
    assert [s.product_id for s in answer.suggestions] == ["p3", "p4", "p5"]
    assert [s.score for s in answer.suggestions] == [0.5, 0.25, 0.125]
    assert "popularity.weights" not in shelf.loaded
    assert (answer.model, answer.ranks_by) == ("popularity", "training purchases")
    assert answer.is_listed
    assert not answer.is_fallback
    assert answer.segment == "Loyal"
    assert (answer.as_of - EPOCH).days == LAST_DAY


def test_history_is_newest_first() -> None:
    purchases = answer_for(Shelf(), "c1", 1, None, RUN).purchases
    assert [(p.product_id, p.stars, (p.day - EPOCH).days) for p in purchases] == [
        ("p2", 3, 16_010),
        ("p1", 5, 16_000),
    ]


def test_reasons_are_counted_facts() -> None:
    reasons = [s.reason for s in answer_for(Shelf(), "c1", 3, None, RUN).suggestions]
    # p3: c2 and c3 bought it and p1. p4: c2 alone. p5: nobody else with p1 or p2; sold 2 days ago,
    # in the category of the desk.
    assert reasons[0] == Reason("together", 2, 0, True)
    assert reasons[1] == Reason("together", 1, 0, False)
    assert reasons[2] == Reason("popular", 1, None, True)


def test_the_own_purchases_of_the_customer_are_no_reason() -> None:
    shelf = Shelf()
    # c4 owns p4 and p5; the only others with p4 own p1 and p3 (c2).
    answer = answer_for(shelf, "c4", 3, "popularity", RUN)
    found = {s.product_id: s.reason for s in answer.suggestions}
    assert found["p1"] == Reason("together", 1, 3, True)  # c2; the lamp makes it an own category
    assert found["p2"] == Reason("none", 0, None, True)


def test_a_longer_list_asks_the_served_model() -> None:
    shelf = Shelf()
    answer = answer_for(shelf, "c1", 4, None, RUN)
    assert "popularity.weights" in shelf.loaded
    # Training purchases: p4 3, p3 2, p5 1; p6 was never bought and ranks below all.
    assert [s.product_id for s in answer.suggestions] == ["p4", "p3", "p5", "p6"]
    assert answer.asked_for == 4


def test_a_named_model_answers_without_what_was_bought() -> None:
    answer = answer_for(Shelf(), "c2", 10, "popularity", RUN)
    assert answer.model == "popularity"
    assert {s.product_id for s in answer.suggestions} == {"p2", "p5", "p6"}
    assert answer.asked_for == 10


def test_somebody_new_gets_the_answer_for_strangers() -> None:
    answer = answer_for(Shelf(), "nobody", 2, None, RUN)
    assert not answer.is_listed
    assert answer.purchases == []
    assert [s.product_id for s in answer.suggestions] in (["p1", "p4"], ["p4", "p1"])
    assert all(s.reason.kind in ("popular", "none") for s in answer.suggestions)
    assert answer.propensity is not None
    assert answer.propensity.empty


def test_propensity_is_shown_where_it_exists() -> None:
    table = answer_for(Shelf(), "c1", 1, None, RUN).propensity
    assert table is not None
    assert table["category"].tolist() == ["Furniture", "Electronics"]
    assert answer_for(Shelf(purchase_propensity=None), "c1", 1, None, RUN).propensity is None


@pytest.mark.parametrize(
    ("missing", "model", "words"),
    [
        ("interactions", None, f"needs interactions, .* Make it first: {RUN}"),
        ("recommendations", None, f"{RUN} --pipelines=ensemble"),
        ("popularity.weights", "popularity", f"popularity was not trained .*{RUN} --tags=popul"),
        ("ensemble.config", "ensemble", "ensemble was not learnt yet"),
    ],
)
def test_what_is_missing_is_named_with_the_way_out(
    missing: str, model: str | None, words: str
) -> None:
    with pytest.raises(NotMadeYetError, match=words):
        answer_for(Shelf(**{missing: None}), "c1", 2, model, RUN)


def test_an_unknown_model_is_refused_before_anything_is_loaded() -> None:
    shelf = Shelf()
    with pytest.raises(ValueError, match=re.escape("Did you mean popularity?")):
        answer_for(shelf, "c1", 2, "popularty", RUN)
    assert shelf.loaded == []


def test_a_model_of_other_data_is_refused() -> None:
    from tests.answers.shelf import popularity_kept

    frame = Shelf().load("interactions").to_pandas()
    shelf = Shelf(**popularity_kept(frame, n_users=50, n_items=5))
    with pytest.raises(ValueError, match="trained on other data"):
        answer_for(shelf, "c1", 2, "popularity", RUN)

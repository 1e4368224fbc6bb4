"""Which fact is named first: the model's own word, sure pairs, many customers, likeness."""

from __future__ import annotations

import dataclasses
from typing import Any

import ibis
import pandas as pd
import pytest
from tests.answers.shelf import Shelf

from product_recommender.answers import asking
from product_recommender.answers.customer import CustomerAnswer, Suggestion, answer_for
from product_recommender.recommenders.explanation import Explanation
from product_recommender.recommenders.popularity import Popularity
from product_recommender.related.complements import COLUMNS as COMPLEMENT_COLUMNS
from product_recommender.related.similar import SIMILAR_COLUMNS

RUN = "kedro run"


def similar(*rows: tuple[str, str, float]) -> ibis.Table:
    """``own, other, score``; alike in words alone."""
    full = [(a, i + 1, b, score, score, None, None, 0) for i, (a, b, score) in enumerate(rows)]
    frame = pd.DataFrame(full, columns=list(SIMILAR_COLUMNS))
    parts = ["text_similarity", "image_similarity", "bought_alike"]
    return ibis.memtable(frame.astype(dict.fromkeys(parts, float)))


def together(*rows: tuple[str, str, str, float]) -> ibis.Table:
    """``own, other, evidence, lift_low``."""
    full = [
        (a, i + 1, b, 0.1, kind, 2, 0.5, 2.0 * low, low, 2, None, None)
        for i, (a, b, kind, low) in enumerate(rows)
    ]
    frame = pd.DataFrame(full, columns=list(COMPLEMENT_COLUMNS))
    parts = ["text_similarity", "image_similarity"]
    return ibis.memtable(frame.astype(dict.fromkeys(parts, float)))


def suggested(answer: CustomerAnswer) -> dict[str, Suggestion]:
    return {suggestion.product_id: suggestion for suggestion in answer.suggestions}


def test_likeness_says_more_than_two_customers() -> None:
    shelf = Shelf(similar_products=similar(("p3", "p1", 0.6)))
    found = suggested(answer_for(shelf, "c1", 3, None, RUN))
    assert (found["p3"].reason.kind, found["p3"].because_id) == ("similar", "p1")
    assert found["p3"].reason.text_similarity == pytest.approx(0.6)
    assert found["p3"].reason.count == 2
    assert found["p4"].reason.kind == "together"


def test_a_sure_pair_says_more_than_likeness_and_its_customers_are_counted_afresh() -> None:
    shelf = Shelf(
        similar_products=similar(("p1", "p3", 0.6), ("p1", "p4", 0.5)),
        complementary_products=together(
            ("p1", "p3", "co_purchase", 1.5), ("p1", "p4", "text", 3.0)
        ),
    )
    found = suggested(answer_for(shelf, "c1", 3, None, RUN))
    reason = found["p3"].reason
    assert (reason.kind, reason.count, reason.lift) == ("together", 2, pytest.approx(3.0))
    # Evidence of like products is none that these two were bought together.
    assert found["p4"].reason.kind == "similar"


def test_a_pair_that_only_the_asker_made_is_no_reason() -> None:
    # Nobody else has p5 and p2.
    shelf = Shelf(complementary_products=together(("p5", "p2", "co_purchase", 9.0)))
    assert suggested(answer_for(shelf, "c1", 3, None, RUN))["p5"].reason.kind == "popular"


def test_what_was_disliked_is_no_reason_unless_it_is_all_there_is() -> None:
    frame = Shelf().load("interactions").to_pandas()
    frame.loc[(frame["user"] == 0) & (frame["item"] == 0), "star_rating"] = 1  # c1 and p1
    found = suggested(answer_for(Shelf(interactions=ibis.memtable(frame)), "c1", 3, None, RUN))
    assert {suggestion.because_id for suggestion in found.values()} == {None}
    frame.loc[frame["user"] == 0, "star_rating"] = 1
    found = suggested(answer_for(Shelf(interactions=ibis.memtable(frame)), "c1", 3, None, RUN))
    assert found["p3"].because_id == "p1"


class Talking(Popularity):
    """Popularity that says why: p2 (item 1) for whatever is asked, mostly by its look."""

    passed = True

    def explain(self, user: int, item: int) -> Explanation | None:
        weights = {"image": 0.62, "text": 0.38}
        return Explanation(weights, [(1, 0.9), (0, 0.1)], uses_attention=self.passed)


@pytest.mark.parametrize("passed", [True, False])
def test_the_model_is_believed_only_where_it_was_shown_to_mean_it(
    monkeypatch: pytest.MonkeyPatch, passed: bool
) -> None:
    def load(weights: Any, config: Any, stage: str) -> Talking:
        model = Talking.from_state(weights, {})
        model.passed = passed
        return model

    from product_recommender.recommenders import stages

    monkeypatch.setattr(stages, "load_stage", load)
    monkeypatch.setattr(asking, "recommender_class", lambda name: Talking)
    found = suggested(answer_for(Shelf(), "c1", 3, None, RUN))
    assert found["p3"].modality_weights == {"image": 0.62, "text": 0.38}
    if passed:
        assert (found["p3"].reason.kind, found["p3"].because_id) == ("model", "p2")
    else:
        assert (found["p3"].reason.kind, found["p3"].because_id) == ("together", "p1")


def test_a_model_that_cannot_tell_is_not_loaded() -> None:
    shelf = Shelf()
    answer_for(shelf, "c1", 3, None, RUN)
    assert "popularity.weights" not in shelf.loaded


def test_the_screen_shows_what_the_model_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from rich.console import Console

    from product_recommender.answers.printed_answer import print_answer

    answer = answer_for(Shelf(), "c1", 1, None, RUN)
    told = dataclasses.replace(
        answer.suggestions[0],
        modality_weights={"image": 0.62, "time": 0.376, "text": 0.004},
        reason=dataclasses.replace(answer.suggestions[0].reason, kind="model"),
    )
    output = io.StringIO()
    print_answer(dataclasses.replace(answer, suggestions=[told]), Console(file=output, width=100))
    text = output.getvalue()
    assert "by its look ██████ 62%  what sells now ████ 38%" in text
    assert "its description" not in text
    assert "name the purchase that counted most for popularity" in " ".join(text.split())

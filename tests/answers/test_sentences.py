"""Sentences for shoppers: every form, and what strangers' titles do to them."""

from __future__ import annotations

import datetime

import pytest
from tests.answers.shelf import NASTY

from product_recommender.answers.attributes import InCommon
from product_recommender.answers.reasons import Reason
from product_recommender.answers.sentences import (
    short_name,
    spoken_attributes,
    spoken_date,
    why,
)

TODAY = datetime.date(2015, 8, 31)
MARCH = datetime.date(2015, 3, 9)
OLD = datetime.date(2010, 1, 1)
NOTHING = InCommon()
LAMP = "Aurelia floor lamp, LED, Brass"


def said(reason: Reason, common: InCommon = NOTHING, since: datetime.date = OLD) -> str:
    title, day = (None, None) if reason.because_of is None else (LAMP, MARCH)
    return why(reason, title, day, common, TODAY, since)


@pytest.mark.parametrize(
    ("reason", "common", "sentence"),
    [
        (
            Reason("together", 14, 3, True),
            InCommon(brand="Aurelia", colour="brass"),
            "Because you bought the Aurelia floor lamp in March: same brand (Aurelia) and colour "
            "(brass), and 14 other customers bought both.",
        ),
        (
            Reason("together", 1, 3, True),
            NOTHING,
            "Because you bought the Aurelia floor lamp in March: 1 other customer bought both.",
        ),
        (
            Reason("model", 0, 3, True),
            InCommon(words=("floor lamp",)),
            "Because you bought the Aurelia floor lamp in March: both “floor lamp”.",
        ),
        (
            Reason("model", 0, 3, True),
            NOTHING,
            "Because you bought the Aurelia floor lamp in March, which counted most for the model.",
        ),
        (
            Reason("similar", 0, 3, True, text_similarity=0.7, image_similarity=0.4),
            NOTHING,
            "Similar to the Aurelia floor lamp you bought in March: alike in words and looks.",
        ),
        (
            Reason("similar", 0, 3, True, text_similarity=0.7),
            InCommon(prices=(10.0, 1200.5)),
            "Similar to the Aurelia floor lamp you bought in March: similar price (10.00 and "
            "1,200.50).",
        ),
        (
            Reason("similar", 2, 3, True),
            NOTHING,
            "Similar to the Aurelia floor lamp you bought in March: 2 other customers bought both.",
        ),
        (
            Reason("popular", 5, None, True),
            NOTHING,
            "Popular, in a category you have bought from: 5 purchases in the last 90 days.",
        ),
        (Reason("popular", 1, None, False), NOTHING, "Popular: 1 purchase in the last 90 days."),
        (
            Reason("none", 0, None, False),
            NOTHING,
            "Not bought in the last 90 days; the model's score is all there is.",
        ),
    ],
)
def test_every_reason_has_its_sentence(reason: Reason, common: InCommon, sentence: str) -> None:
    assert said(reason, common) == sentence


def test_a_new_product_is_said_to_be_new() -> None:
    since = datetime.date(2015, 8, 3)
    assert said(Reason("popular", 2, None, False), since=since) == (
        "New since August: 2 purchases so far."
    )
    assert said(Reason("none", 0, None, True), since=since) == (
        "New since August, in a category you have bought from."
    )


def test_months_have_a_year_once_it_could_be_mistaken() -> None:
    assert spoken_date(datetime.date(2014, 10, 15), TODAY, preposition=True) == "in October"
    assert spoken_date(datetime.date(2014, 9, 1), TODAY) == "September 2014"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        (LAMP, "Aurelia floor lamp"),
        ("Ab, cd ef gh", "Ab, cd ef gh"),  # too short without the rest
        ("System Mechanic Pro 15 [Download]", "System Mechanic Pro 15"),
        ("x" * 100, "x" * 47 + "…"),
        ("word " * 20, "word " * 8 + "word…"),
        (NASTY, "[31mRed [0m [bold]lamp[/bold] line two abc"),
    ],
)
def test_names_are_short_and_harmless(title: str, name: str) -> None:
    assert short_name(title) == name
    assert len(short_name(title)) <= 48


def test_hostile_attributes_move_no_cursor() -> None:
    common = InCommon(brand="\x1b[2JBrand\u202e", words=("a\x07b\nc",))
    assert spoken_attributes(common) == "same brand ([2JBrand), both “a b c”"

"""What two products share, and nothing that is not written."""

from __future__ import annotations

import ibis
import pandas as pd
import pytest

from product_recommender.answers.attributes import (
    Described,
    InCommon,
    in_common,
    shared_words,
    word_shares,
)

RARE = 0.01


def of(title: str, **known: object) -> Described:
    return Described(title=title, category="Furniture", **known)  # type: ignore[arg-type]


def common(first: Described, second: Described, share: float = RARE) -> InCommon:
    return in_common(first, second, dict.fromkeys(shared_words(first, second), share))


@pytest.mark.parametrize(
    ("first", "second", "colour"),
    [
        ("Oak Desk, Black", "Lamp, 40 W, Black", "black"),
        ("Desk in walnut", "Chair (Walnut)", "walnut"),
        ("Fridge, Stainless Steel", "Oven - Stainless Steel", "stainless steel"),
        ("Lamp, Matte Black Finish", "Desk, Matte Black", "matte black"),
        # No colour unless the title names it as one: these are brands and fruit.
        ("Black & Decker Drill", "Black & Decker Saw", ""),
        ("Orange Juice Press", "Orange Peeler", ""),
        ("Desk, Black", "Desk, White", ""),
    ],
)
def test_a_colour_is_one_only_where_it_is_named_as_one(
    first: str, second: str, colour: str
) -> None:
    assert common(of(first), of(second)).colour == colour


def test_brand_and_kind_are_those_of_the_metadata() -> None:
    one = of("Sonivo desk", brand="Sonivo", kind="Desks")
    found = common(one, of("Sonivo lamp", brand="SONIVO", kind="Lamps"))
    assert (found.brand, found.kind, found.words) == ("SONIVO", "", ())
    assert common(of("Sonivo desk"), of("Sonivo lamp")).brand == ""
    assert common(one, of("x", kind="desks")).kind == "desks"


def test_words_are_shown_as_runs_as_they_are_written() -> None:
    found = common(of("Ergo Office Chair, Mesh Back, M-1"), of("Tall office chair with Mesh Back"))
    assert set(found.words) == {"office chair", "Mesh Back"}
    # A comma ends a run, and what is told as colour or brand is not told again.
    found = common(of("Drive, 2 TB, Silver", brand="A"), of("Big drive, 2 TB, Silver", brand="B"))
    assert found.words == ("drive",)
    assert found.colour == "silver"


def test_common_words_and_stop_words_say_nothing() -> None:
    one, two = of("Set of the best chairs"), of("Some of the best lamps")
    assert common(one, two, share=0.5).words == ()
    assert common(one, two).words == ("best",)
    assert common(of("A 10 x 20"), of("A 10 x 20")).words == ()
    assert not common(of("Desk"), of("Lamp"))


def test_an_unknown_word_is_not_claimed_to_be_rare() -> None:
    assert in_common(of("Ünik desk"), of("Ünik lamp"), {}).words == ()


@pytest.mark.parametrize(
    ("first", "second", "close"),
    [(100.0, 125.0, True), (100.0, 126.0, False), (None, 100.0, False), (100.0, None, False)],
)
def test_prices_are_alike_within_a_quarter(
    first: float | None, second: float | None, close: bool
) -> None:
    found = common(of("a", price=first), of("b", price=second)).prices
    assert (found == (first, second)) == close


def test_word_shares_count_products_once_in_title_and_features() -> None:
    table = ibis.memtable(
        pd.DataFrame(
            {
                "product_id": list("abcd"),
                "product_title": ["Mesh chair, mesh", "A lamp", None, "Größe L"],
                "features": ["soft", "Mesh-back", None, "weiß"],
            }
        )
    )
    found = word_shares(table, {"mesh", "lamp", "größe", "absent"})
    assert found == {"mesh": 0.5, "lamp": 0.25, "größe": 0.25}
    assert word_shares(table, set()) == {}
    assert word_shares(table.drop("features"), {"mesh"}) == {"mesh": 0.25}

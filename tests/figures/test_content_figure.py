"""The maps of products: colours, hover texts, and an honest empty one."""

from __future__ import annotations

import pandas as pd

from product_recommender.figures.content import (
    OTHERS,
    category_colours,
    hover_text,
    map_figure,
)
from product_recommender.figures.theme import CATEGORICAL, MUTED

REPORT = {"data": {"label": "made up", "generated": True}}


def products(n: int, categories: int = 2) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "product_id": [f"p{i}" for i in range(n)],
            "x": [float(i) for i in range(n)],
            "y": [float(i % 3) for i in range(n)],
            "product_title": ["<b>Lamp</b> & co"] * n,
            "product_category": [f"c{i % categories}" for i in range(n)],
            "brand": ["<a href=x>Acme</a>"] * n,
            "list_price": [1234.5] * n,
        }
    )


def draw(frame: pd.DataFrame, total: int = 7, axes: tuple[str, str] | None = ("a", "b")):  # type: ignore[no-untyped-def]
    return map_figure(frame, "A map", axes, REPORT, total, "text")


def test_every_product_is_drawn_once_in_the_colour_of_its_category() -> None:
    figure = draw(products(7))
    assert sorted(len(trace.x) for trace in figure.data) == [3, 4]
    assert [trace.marker.color for trace in figure.data] == list(CATEGORICAL[:2])
    assert "7 products with text" in figure.layout.title.text
    assert "generated data" in figure.layout.title.text


def test_a_sample_says_that_it_is_one() -> None:
    assert "a random 7 of 1,000 products" in draw(products(7), 1000).layout.title.text


def test_more_categories_than_colours_share_a_muted_one() -> None:
    figure = draw(products(40, categories=10))
    assert sum(len(trace.x) for trace in figure.data) == 40
    last = figure.data[-1]
    assert (last.name, last.marker.color) == (OTHERS, MUTED)
    assert len(last.x) == 4 * (10 - len(CATEGORICAL))
    assert "grey: 4 other categories" in figure.layout.title.text
    assert len(figure.layout.annotations) == len(CATEGORICAL)


def test_colours_follow_size_and_then_name() -> None:
    assert list(category_colours(pd.Series(["b", "a", "c", "c"]))) == ["c", "a", "b"]


def test_strangers_texts_stay_texts() -> None:
    said = hover_text(products(1).iloc[0].to_dict())
    assert said == (
        "<b>&lt;b&gt;Lamp&lt;/b&gt; &amp; co</b><br>c0<br>"
        "&lt;a href=x&gt;Acme&lt;/a&gt;<br>1,234.50"
    )
    named = draw(products(2).assign(product_category="<script>x</script>"))
    assert "<script>" not in named.to_json()


def test_what_is_unknown_is_left_out() -> None:
    row = {"product_id": "p1", "product_title": None, "brand": None, "list_price": float("nan")}
    assert hover_text(row) == "<b>p1</b><br>unknown"
    assert len(draw(products(3).assign(product_category=None)).data) == 1


def test_nothing_to_draw_is_said() -> None:
    figure = draw(products(0), 0)
    assert not figure.data
    assert figure.layout.annotations[0].text == "No product has text."
    assert "nothing to draw" in figure.layout.title.text


def test_a_map_of_neighbours_shows_no_scale() -> None:
    figure = draw(products(5), axes=None)
    assert figure.layout.xaxis.showticklabels is False
    assert figure.layout.yaxis.showticklabels is False

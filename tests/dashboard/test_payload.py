"""The payload: its parts fit together, it is bounded in size, and unknown is never zero."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dashboard.small_shop import SmallShop, random_shop, shop_of
from product_recommender.dashboard.encoding import decode_cube
from product_recommender.dashboard.payload import build_payload, payload_bytes
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.suggestions import RULES

CONTROLS = {
    "period": "periods",
    "category": "categories",
    "price_band": "price_bands",
    "customer_type": "customer_types",
}


def payload_of(small: SmallShop, **settings: Any) -> dict[str, Any]:
    return build_payload(
        small.tables, small.answers, small.profiles, small.report, DashboardSettings(**settings)
    )


@pytest.fixture(scope="module")
def payload(engine: Any) -> dict[str, Any]:
    return payload_of(random_shop())


def axis_lengths(payload: dict[str, Any], cube: dict[str, Any]) -> list[int]:
    labels = cube.get("labels", {})
    return [
        len(labels[axis]) if axis in labels else len(payload["controls"][CONTROLS[axis]])
        for axis in cube["axes"]
    ]


def lists_in(value: Any) -> list[dict[str, Any]]:
    """Every encoded list of a panel."""
    if not isinstance(value, dict):
        return []
    found = [value] if "lengths" in value else []
    return found + [one for part in value.values() for one in lists_in(part)]


def test_every_reference_leads_somewhere(payload: dict[str, Any]) -> None:
    used = set()
    for analysis in payload["analyses"].values():
        for panel in analysis.values():
            assert {"title", "unit", "note", "unaffected_by", "available"} <= set(panel)
            assert set(panel["unaffected_by"]) <= set(CONTROLS)
            used |= set(panel.get("cubes", {}).values())
            for role in panel.get("series", {}).values():
                assert all(role in one["cubes"] for one in payload["series"])
            for one in lists_in(panel):
                n_rows = {len(column) for column in one["columns"].values()}
                assert n_rows == {sum(one["lengths"])}
                for product in one["columns"].get("product", []):
                    assert 0 <= product < len(payload["products"]["ids"])
    assert used <= set(payload["cubes"])
    # Nothing is carried that no panel shows.
    assert set(payload["cubes"]) <= used
    for analysis, panel, _ in RULES.values():
        assert panel in payload["analyses"][analysis]


def test_every_cube_has_the_shape_of_its_axes(payload: dict[str, Any]) -> None:
    for cube in payload["cubes"].values():
        lengths = axis_lengths(payload, cube)
        if "values" in cube:
            assert len(cube["values"]) == np.prod(lengths)
        else:
            index = np.cumsum(cube["sparse"]["index"])
            assert len(index) == len(cube["sparse"]["values"])
            assert (np.diff(index) > 0).all()
            assert index[-1] < np.prod(lengths)


def test_a_panel_that_a_control_changes_does_not_say_that_it_does_not(
    payload: dict[str, Any],
) -> None:
    """And the other way round: what no cube, list or series of a panel follows is named."""
    for analysis in payload["analyses"].values():
        for name, panel in analysis.items():
            if not panel["available"] or name in ("rating_popularity", "leaderboard"):
                continue
            followed: set[str] = set(panel.get("axes", []))
            for role in panel.get("cubes", {}).values():
                followed |= set(payload["cubes"][role]["axes"])
            followed |= set(panel.get("list", {}).get("axes", []))
            if "series" in panel:
                followed |= set(CONTROLS) - {"period"}
                followed |= {"period"} if "series_period" not in panel else set()
            followed -= {panel.get("over")}
            assert set(panel["unaffected_by"]) == set(CONTROLS) - followed, name


def test_the_same_data_give_the_same_bytes(payload: dict[str, Any]) -> None:
    again = payload_of(random_shop())
    assert json.dumps(again, sort_keys=True) == json.dumps(payload, sort_keys=True)


def test_without_prices_nothing_is_worth_zero() -> None:
    payload = payload_of(
        shop_of([("ann", "bear", 5, "2015-08-31"), ("bob", "bear", 4, "2015-01-31")])
    )
    assert payload["meta"]["prices_known"] is False
    assert [band["id"] for band in payload["controls"]["price_bands"]] == ["all", "unknown"]
    sales = payload["analyses"]["sales"]
    assert sales["average_order_value"]["available"] is False
    assert sales["margin"]["available"] is False
    assert "revenue_cents" not in sales["over_time"]["series"]
    assert "revenue_cents" not in sales["by_category"]["cubes"]
    assert payload["products"]["price_cents"] == [None]
    shape = tuple(len(payload["controls"][name]) for name in CONTROLS.values())
    assert not decode_cube(payload["cubes"]["priced_orders"], shape).any()
    looked_up = payload["analyses"]["recommendations"]["lookup"]["customers"]["columns"]
    assert looked_up["value_cents"] == [None, None]


def test_one_review_is_enough() -> None:
    payload = payload_of(shop_of([("ann", "bear", 5, "2015-08-31")]))
    assert payload["meta"]["counts"]["orders"] == 1
    assert payload["analyses"]["trends"]["forecast"]["available"] is False
    assert payload["analyses"]["trends"]["months"]["available"] is False


def test_no_review_is_refused_with_the_way_out() -> None:
    small = shop_of([("ann", "bear", 5, "2015-08-31")])
    small.tables.__dict__["interactions"] = small.tables.interactions.limit(0)
    with pytest.raises(ValueError, match=r"holds no review.*data_quality_report"):
        payload_of(small)


def crowded_shop(n_products: int, n_categories: int) -> SmallShop:
    """Many categories, products with long titles, personas; every customer buys widely."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(2_500):
        day = np.datetime64("2015-08-31") - int(1_500 * rng.random() ** 3)
        rows.append(
            (
                f"c{number % 500}",
                f"p{int(n_products * rng.random()):05}",
                int(rng.integers(1, 6)),
                str(day),
            )
        )
    products = {
        f"p{number:05}": {
            "category": f"Category {number % n_categories}",
            "list_price": 1 + number % 500,
            "title": f"{number} " + "a long title " * 20,
        }
        for number in range(n_products)
    }
    segments = {f"c{number}": f"Persona {number % 8}" for number in range(500)}
    return shop_of(rows, products, segments)


def test_many_categories_and_products_stay_small_and_say_what_was_left_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = crowded_shop(1_800, 60)
    free = payload_of(small)
    assert free["meta"]["reduced"] == []
    assert len(free["controls"]["categories"]) == 14  # all, twelve, Other
    assert free["meta"]["counts"]["categories_in_other"] == 48
    assert max(map(len, free["products"]["titles"])) == 80
    assert payload_bytes(free) < 4_000_000

    limit = 0.85 * payload_bytes(free) / 1e6
    smaller = payload_of(small, max_megabytes=limit)
    assert payload_bytes(smaller) <= limit * 1e6
    assert smaller["meta"]["reduced"]
    assert "trying with less detail" in caplog.text
    # What is shown of less detail is as true as before.
    shapes = [
        tuple(len(of["controls"][name]) for name in CONTROLS.values()) for of in (free, smaller)
    ]
    whole = [
        decode_cube(of["cubes"]["customers"], shape)[:, 0, 0, 0]
        for of, shape in zip((free, smaller), shapes, strict=True)
    ]
    np.testing.assert_array_equal(*whole)
    monkeypatch.setattr("product_recommender.dashboard.payload.REDUCTIONS", ())
    with pytest.raises(ValueError, match=r"reporting\.max_megabytes is 0\.11, but"):
        payload_of(small, max_megabytes=0.11)

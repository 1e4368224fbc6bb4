"""Prices, and what stands in their place."""

from __future__ import annotations

import pytest

from product_recommender.amazon_records.prices import lowest_price


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (12.99, 12.99),
        (0, 0.0),
        ("12.99", 12.99),
        ("$12.99", 12.99),
        (" $ 12.99 ", 12.99),
        ("$1,299.50", 1299.5),
        ("1,299", 1299.0),
        ("$2,000,000.00", 2_000_000.0),
        ("12,99 €", 12.99),
        ("€12,99", 12.99),
        ("US$ 5", 5.0),
        ("5.50 USD", 5.5),
        ("£3", 3.0),
        ("$5.00 - $10.00", 5.0),
        ("$10.00 – $5.00", 5.0),
        ("5 to 10", 5.0),
        ("from 12.99", 12.99),
        ("From $12.99", 12.99),
        ("", None),
        ("None", None),
        ("—", None),
        ("-", None),
        ("-5", None),
        ("$", None),
        ("see above", None),
        ("1,29", 1.29),
        ("1,2", None),
        ("1.2.3", None),
        ("1,29,999", None),
        ("5 - ", None),
        ("$5.00$10.00", None),
        ("٥", None),
        ("1e5", None),
        ("NaN", None),
        ("9" * 15 + "9", None),
        ("9" * 100, None),
        (".a-box-inner{background-color:#fff}#alohaBuyBoxWidget .selected", None),
        ("\n\t\t   \n\r\n", None),
        (-1, None),
        (float("nan"), None),
        (float("inf"), None),
        (1e16, None),
        (10**400, None),
        (True, None),
        (None, None),
        ([12.99], None),
        ({"price": 1}, None),
    ],
)
def test_a_price_or_none(value: object, expected: float | None) -> None:
    assert lowest_price(value) == expected

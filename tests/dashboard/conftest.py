"""A small shop that the tests of this room share, module by module."""

from __future__ import annotations

from typing import Any

import ibis
import pytest

from dashboard.small_shop import SmallShop, random_shop
from product_recommender.dashboard.settings import DashboardSettings
from product_recommender.dashboard.shop import Shop, open_shop


@pytest.fixture(scope="module", autouse=True)
def engine() -> Any:
    connection = ibis.duckdb.connect(threads=1)
    ibis.set_backend(connection)
    return connection


@pytest.fixture(scope="module")
def small(engine: Any) -> SmallShop:
    return random_shop()


@pytest.fixture(scope="module")
def shop(small: SmallShop) -> Shop:
    return open_shop(small.tables, DashboardSettings())

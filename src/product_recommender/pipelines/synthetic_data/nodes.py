"""The step of synthetic_data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from product_recommender.pipelines.synthetic_data.parameters import SyntheticDataParameters
from product_recommender.synthesis.files import customer_files, metadata_files, review_files
from product_recommender.synthesis.pictures import picture_files
from product_recommender.synthesis.planted import (
    customers_table,
    products_table,
    world_record,
)
from product_recommender.synthesis.world import make_world


def generate_world(
    parameters: SyntheticDataParameters,
) -> tuple[
    dict[str, Iterator[bytes]],
    dict[str, Iterator[bytes]],
    dict[str, Iterator[bytes]],
    dict[str, Iterator[bytes]],
    pa.Table,
    pa.Table,
    dict[str, Any],
]:
    """Draw a world and hand out its files, written while they are saved, and its planted truth.

    One step, because what lies between (customers, products, purchases) is the planted truth and
    no data set of the project.

    Parameters
    ----------
    parameters
        Size, span, strengths and seed of the world.

    Returns
    -------
    tuple
        Review files, product metadata, customers table, pictures (file name to blocks of bytes);
        ``planted_customers``, ``planted_products`` (tables); ``planted_world`` (json).
    """
    world = make_world(parameters)
    settings, customers, products = world.settings, world.customers, world.products
    return (
        review_files(settings, customers, products, world.purchases),
        metadata_files(settings, products),
        customer_files(customers),
        picture_files(settings, products),
        customers_table(customers),
        products_table(settings, products),
        world_record(settings, world.purchases, world.thresholds),
    )

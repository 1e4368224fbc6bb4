"""Cubes and lists come back as they were written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from product_recommender.dashboard.encoding import (
    decode_cube,
    encode_cube,
    encode_lists,
    encode_table,
    plain_numbers,
)


@pytest.mark.parametrize("filled", [0.0, 0.1, 0.9, 1.0])
def test_a_cube_comes_back_dense_or_sparse(filled: float) -> None:
    rng = np.random.default_rng(1)
    values = np.where(rng.random((4, 5, 6)) < filled, rng.integers(1, 99, (4, 5, 6)), 0.0)
    values[0, 0, 0], values[3, 4, 5] = np.nan, np.nan
    cube = encode_cube(values, ("a", "b", "c"))
    assert ("sparse" in cube) == (filled < 0.5)
    np.testing.assert_array_equal(decode_cube(cube, (4, 5, 6)), values)


def test_a_sparse_cube_by_hand() -> None:
    cube = encode_cube(np.array([[0, 0, 7, 0], [0, 3, 0, 0]]), ("a", "b"), {"b": "wxyz"}, ["a"])
    assert cube == {
        "axes": ["a", "b"],
        "labels": {"b": ["w", "x", "y", "z"]},
        "sum_axes": ["a"],
        "sparse": {"index": [2, 3], "values": [7, 3]},
    }


def test_axes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="2 dimensions, but 1 axes: a"):
        encode_cube(np.zeros((2, 2)), ("a",))


def test_numbers_are_short_and_unknown_is_null() -> None:
    assert plain_numbers([1.0, 0.123456789, np.nan, np.inf, 12345678.0]) == [
        1,
        0.123457,
        None,
        None,
        12345678,
    ]
    assert plain_numbers([0.125], 2) == [0.12]


def test_lists_are_written_cell_after_cell() -> None:
    rows = pd.DataFrame({"a": [1, 0, 1], "b": [0, 1, 0], "product": [5, 6, 7]})
    assert encode_lists(rows, ("a", "b"), (2, 2), ("product",)) == {
        "axes": ["a", "b"],
        "lengths": [0, 1, 2, 0],
        "columns": {"product": [6, 5, 7]},
    }


def test_a_table_keeps_text_and_writes_null() -> None:
    table = pd.DataFrame({"name": ["a", None], "x": [1.5, np.nan], "yes": [True, False]})
    assert encode_table(table) == {
        "columns": {"name": ["a", None], "x": [1.5, None], "yes": [True, False]}
    }

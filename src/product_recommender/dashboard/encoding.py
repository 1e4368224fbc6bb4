"""Numbers over the filter controls, written compactly: cubes, lists and the product table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

Json = dict[str, Any]


def encode_cube(
    values: np.ndarray,
    axes: Sequence[str],
    labels: Mapping[str, Sequence[str]] | None = None,
    sum_axes: Sequence[str] = (),
) -> Json:
    """Write an array as a cube, dense or sparse, whichever is shorter.

    Parameters
    ----------
    values
        Integers or floats, one dimension for each axis; NaN is unknown and becomes null.
    axes
        Names of the dimensions; the names of controls refer to their lists.
    labels
        Labels along the axes that are no controls.
    sum_axes
        Axes whose position 0 ("all") is left out of ``values`` because it is the sum of the rest.

    Returns
    -------
    dict
        ``axes``, and ``values`` (flat, the last axis fastest) or ``sparse`` (``index``: positions
        in the flat array, each as the distance from the one before; ``values``; 0 elsewhere);
        ``labels`` and ``sum_axes`` where given.
    """
    if values.ndim != len(axes):
        raise ValueError(f"{values.ndim} dimensions, but {len(axes)} axes: {', '.join(axes)}")
    flat = values.reshape(-1)
    cube: Json = {"axes": list(axes)}
    if labels:
        cube["labels"] = {axis: list(names) for axis, names in labels.items()}
    if sum_axes:
        cube["sum_axes"] = list(sum_axes)
    filled = np.flatnonzero(flat != 0)  # NaN differs from 0
    if 2 * len(filled) < len(flat):
        index = np.diff(filled, prepend=0)
        cube["sparse"] = {"index": index.tolist(), "values": plain_numbers(flat[filled])}
    else:
        cube["values"] = plain_numbers(flat)
    return cube


def decode_cube(cube: Json, shape: Sequence[int]) -> np.ndarray:
    """The array that a cube was written from, float64 with NaN for null.

    Parameters
    ----------
    cube
        As written by ``encode_cube``.
    shape
        Lengths of its axes.
    """
    if "values" in cube:
        return np.array(cube["values"], dtype=np.float64).reshape(shape)
    flat = np.zeros(int(np.prod(shape)))
    flat[np.cumsum(cube["sparse"]["index"], dtype=np.int64)] = np.array(
        cube["sparse"]["values"], dtype=np.float64
    )
    return flat.reshape(shape)


def plain_numbers(values: np.ndarray | Sequence[Any], digits: int | None = None) -> list[Any]:
    """Python numbers, None for NaN; whole floats as integers, others rounded.

    Parameters
    ----------
    values
        Numbers of any type.
    digits
        Decimals that floats keep; None keeps six significant ones.
    """
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        return [int(value) for value in array]
    return [_plain(value, digits) for value in array.astype(np.float64).tolist()]


def _plain(value: float, digits: int | None) -> int | float | None:
    if not np.isfinite(value):
        return None
    if value == int(value):
        return int(value)
    return float(f"{value:.6g}") if digits is None else round(value, digits)


def encode_lists(
    rows: pd.DataFrame, axes: Sequence[str], shape: Sequence[int], columns: Sequence[str]
) -> Json:
    """Write one list for each cell: all rows one after the other, and how many each cell has.

    Parameters
    ----------
    rows
        A column for each axis (positions) and the columns to write, in the order of the lists
        inside a cell.
    axes
        Names of the axes.
    shape
        Their lengths.
    columns
        What is written of a row.
    """
    cell = np.ravel_multi_index(tuple(rows[axis].to_numpy(np.int64) for axis in axes), tuple(shape))
    order = np.argsort(cell, kind="stable")
    lengths = np.bincount(cell, minlength=int(np.prod(shape)))
    return {
        "axes": list(axes),
        "lengths": lengths.tolist(),
        "columns": {column: plain_numbers(rows[column].to_numpy()[order]) for column in columns},
    }


def encode_table(table: pd.DataFrame) -> Json:
    """Write a table by columns; text stays text, missing values become null."""
    return {
        "columns": {
            str(name): plain_numbers(column.to_numpy(np.float64, na_value=np.nan))
            if pd.api.types.is_numeric_dtype(column) and column.dtype != bool
            else [None if pd.isna(value) else value for value in column.tolist()]
            for name, column in table.items()
        }
    }

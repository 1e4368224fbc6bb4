"""The global time split: which day ends training, which ends validation."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np

from product_recommender.wording import counted

from .parameters import SplitParameters

PARTS = ("train", "validation", "test")


def choose_cuts(
    days: list[date], counts: np.ndarray, split: SplitParameters, source: str
) -> tuple[date, date]:
    """Last day of training and last day of validation.

    Shares are met as nearly as whole days allow, and no part is left empty where the data holds
    three days or more.

    Parameters
    ----------
    days
        The days with reviews, in order.
    counts
        int ``[n_days]``, reviews of each day.
    split
        Shares or dates.
    source
        Where the reviews come from, for the error.

    Returns
    -------
    tuple[datetime.date, datetime.date]
        Both inclusive.

    Raises
    ------
    ValueError
        If a part stays empty; names the keys, the dates and the counts.
    """
    if split.train_until is not None and split.validation_until is not None:
        cuts = split.train_until, split.validation_until
        keys = "data_processing.split.train_until and data_processing.split.validation_until"
        _check_parts(days, counts, cuts, keys, source)
        return cuts
    if len(days) < len(PARTS):
        n = int(counts.sum())
        span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
        raise ValueError(
            f"The reviews of {source} cannot be split by data_processing.split.train_share and "
            f"data_processing.split.validation_share: {counted(n, 'review')} "
            f"{'lies' if n == 1 else 'lie'} on {counted(len(days), 'day')}, {span}, and train, "
            "validation and test need a day each. Give more data."
        )
    until = np.cumsum(counts) / counts.sum()
    train = _nearest(until, split.train_share, 0, len(days) - 2)
    validation = _nearest(
        until, split.train_share + split.validation_share, train + 1, len(days) - 1
    )
    return days[train], days[validation]


def part_of(day: ir.DateValue, train_until: date, validation_until: date) -> ir.StringValue:
    """``train``, ``validation`` or ``test`` for a review date."""
    return ibis.cases(
        (day <= ibis.date(train_until), PARTS[0]),
        (day <= ibis.date(validation_until), PARTS[1]),
        else_=PARTS[2],
    )


def number_of(part: ir.StringValue) -> ir.IntegerValue:
    """Place of a part in time: 0 for ``train``, 1 for ``validation``, 2 for ``test``."""
    return ibis.cases((part == PARTS[0], 0), (part == PARTS[1], 1), else_=2)


def validation_part_of(customer_id: ir.StringValue, seed: int) -> ir.StringValue:
    """``tune`` or ``blend``, half of the customers each, by the MD5 of seed and id.

    A hash and not a random number: a customer stays on one side whatever else is in the data.
    """
    digit = (ibis.literal(f"{seed}:") + customer_id).hexdigest("md5").substr(0, 1)
    return ibis.ifelse(digit.isin(list("01234567")), "tune", "blend")


def _nearest(until: np.ndarray, share: float, first: int, stop: int) -> int:
    return first + int(np.argmin(np.abs(until[first:stop] - share)))


def _check_parts(
    days: list[date], counts: np.ndarray, cuts: tuple[date, date], keys: str, source: str
) -> None:
    part = np.searchsorted(np.array(cuts), np.array(days))
    sizes = np.bincount(part, weights=counts, minlength=len(PARTS)).astype(int)
    if sizes.min() == 0:
        empty = " and ".join(name for name, size in zip(PARTS, sizes, strict=True) if size == 0)
        found = ", ".join(f"{name} {size}" for name, size in zip(PARTS, sizes, strict=True))
        raise ValueError(
            f"{keys} ({cuts[0]}, {cuts[1]}) leave {empty} without a review ({found}). The reviews "
            f"of {source} lie between {days[0]} and {days[-1]}: choose days between these."
        )

"""The four controls of the dashboard and what their choices mean."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from product_recommender.days import date_of

PERIOD_LENGTHS = (
    ("7d", "7 days", 7),
    ("30d", "30 days", 30),
    ("90d", "3 months", 90),
    ("365d", "1 year", 365),
)
"""Id, label and days of the periods; "all" follows."""

ALL = 0
NEW, RETURNING, PREMIUM, FIRST_PERSONA = 1, 2, 3, 4
"""Positions in the list of customer types."""

OTHER = "Other"
MONTHLY_STEPS = 120
"""Months up to which "all" is drawn by month; longer histories by quarter."""


@dataclass(frozen=True)
class Window:
    """Days from ``first`` to ``last``, both included, counted from 1970-01-01.

    Attributes
    ----------
    first, last
        The days.
    counts_orders
        New customers are those with one order ever, not those whose first order lies inside: the
        rule where the window holds all the data and every first order lies inside.
    """

    first: int
    last: int
    counts_orders: bool


@dataclass(frozen=True)
class Period:
    """One choice of the time control.

    Attributes
    ----------
    id, label
        For the URL and for people.
    window
        Its days.
    previous
        The window of equal length before it; None where it is not wholly inside the data.
    previous_missing
        Why there is none, for people; empty where there is one.
    step
        ``day``, ``week``, ``month`` or ``quarter``: the steps of its series.
    starts
        int ``[n_steps]``: first day of each step.
    """

    id: str
    label: str
    window: Window
    previous: Window | None
    previous_missing: str
    step: str
    starts: np.ndarray

    def step_days(self) -> np.ndarray:
        """int ``[n_steps]``: days of each step that the period covers."""
        ends: np.ndarray = np.append(self.starts[1:], self.window.last + 1)
        return ends - self.starts


@dataclass(frozen=True)
class Controls:
    """What can be chosen; position 0 of all but the periods stands for all.

    Attributes
    ----------
    periods
        Shortest first; the last one is all the data.
    categories
        Names, position 1 the category with the most orders; ``Other`` last where some are left out.
    categories_left_out
        How many ``Other`` stands for.
    band_edges
        int: highest price in cents of every price band but the last.
    band_labels
        Names of the bands in dollars, without "all" and without "no price known".
    personas
        Names of the segments, in the order of their positions from ``FIRST_PERSONA`` on.
    premium_note, premium_label
        What makes a customer premium in this data.
    """

    periods: tuple[Period, ...]
    categories: tuple[str, ...]
    categories_left_out: int
    band_edges: tuple[int, ...]
    band_labels: tuple[str, ...]
    personas: tuple[str, ...]
    premium_label: str
    premium_note: str

    @property
    def unpriced(self) -> int:
        """Position of the band "no price known"."""
        return len(self.band_labels) + 1

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Lengths of the four axes."""
        return (
            len(self.periods),
            len(self.categories) + 1,
            len(self.band_labels) + 2,
            len(self.personas) + FIRST_PERSONA,
        )

    def windows(self) -> list[Window]:
        """The windows of the periods and after them those of the previous periods that exist."""
        previous = [period.previous for period in self.periods if period.previous is not None]
        return [period.window for period in self.periods] + previous

    def encode(self) -> dict[str, Any]:
        """The controls as the page reads them."""
        names = [
            ("all", "All categories", ""),
            *((_slug(name), category_label(name), "") for name in self.categories),
        ]
        bands = [("all", "All prices", "")]
        bands += [(f"band{i}", label, "") for i, label in enumerate(self.band_labels, start=1)]
        bands.append(("unknown", "No price known", ""))
        return {
            "periods": [_encode_period(period) for period in self.periods],
            "categories": _choices(names),
            "price_bands": _choices(bands),
            "customer_types": [
                {"id": identifier, "label": label, "note": note, "kind": kind}
                for identifier, label, note, kind in _types(self)
            ],
        }


def choose_periods(first_day: int, last_day: int) -> tuple[Period, ...]:
    """The periods that end with the last day of the data.

    Parameters
    ----------
    first_day, last_day
        First and last day with an order, days since 1970-01-01.
    """
    periods = []
    for identifier, label, days in PERIOD_LENGTHS:
        whole = last_day - days + 1
        first = max(whole, first_day)
        inside = whole - days >= first_day
        periods.append(
            Period(
                identifier,
                label,
                Window(first, last_day, counts_orders=first == first_day),
                Window(whole - days, whole - 1, counts_orders=False) if inside else None,
                ""
                if inside
                else f"The {days} days before are not wholly inside the data, which begin on "
                f"{iso(first_day)}.",
                "day" if days < 365 else "week",
                _steps(first, last_day, 1 if days < 365 else 7),
            )
        )
    step, starts = _long_steps(first_day, last_day)
    periods.append(
        Period(
            "all",
            "All",
            Window(first_day, last_day, counts_orders=True),
            None,
            "There is nothing before all the data.",
            step,
            starts,
        )
    )
    return tuple(periods)


def _steps(first_day: int, last_day: int, days: int) -> np.ndarray:
    """First days of steps that end with the last day, so that only the first one is cut short."""
    starts = np.arange(last_day - days + 1, first_day, -days)[::-1]
    whole: np.ndarray = np.append([first_day], starts)
    return whole


def _long_steps(first_day: int, last_day: int) -> tuple[str, np.ndarray]:
    months = np.arange(
        np.datetime64(iso(first_day), "M"), np.datetime64(iso(last_day), "M") + np.timedelta64(1)
    )
    step = "month"
    if len(months) > MONTHLY_STEPS:
        step = "quarter"
        of_year = months.astype(np.int64) % 12
        months = months[(of_year % 3 == 0) | (np.arange(len(months)) == 0)]
    starts = months.astype("datetime64[D]").astype(np.int64)
    starts[0] = first_day
    return step, starts


def price_bands(cents: np.ndarray) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Quartile bands of prices.

    Parameters
    ----------
    cents
        int: the known list price of every product that has one.

    Returns
    -------
    edges : tuple of int
        Highest price of each band but the last; equal quartiles are one edge.
    labels : tuple of str
        One for each band, with its limits in dollars; empty without a price.
    """
    if len(cents) == 0:
        return (), ()
    quartiles = np.quantile(cents, (0.25, 0.5, 0.75), method="inverted_cdf").astype(np.int64)
    edges = [int(edge) for edge in np.unique(quartiles) if edge < cents.max()]
    limits = [-1, *edges, None]
    labels = []
    for below, to in itertools.pairwise(limits):
        if below == -1:
            labels.append("All known prices" if to is None else f"Up to {_dollars(to)}")
        elif to is None:
            labels.append(f"Above {_dollars(below or 0)}")
        else:
            labels.append(f"{_dollars((below or 0) + 1)} to {_dollars(to)}")
    return tuple(edges), tuple(labels)


def largest_categories(names: Sequence[str], most: int) -> tuple[tuple[str, ...], int]:
    """The categories to choose from, and how many ``Other`` stands for.

    Parameters
    ----------
    names
        All categories, the one with the most orders first.
    most
        How many get a choice of their own.
    """
    if len(names) <= most:
        return tuple(names), 0
    own = tuple(names[:most])
    return (*own, OTHER if OTHER not in own else f"{OTHER} categories"), len(names) - most


def category_label(name: str) -> str:
    """A category as people write it: ``Personal_Care_Appliances`` with spaces."""
    return name.replace("_", " ")


def iso(day: int) -> str:
    """ISO date of a day counted from 1970-01-01."""
    return date_of(day).isoformat()


def _dollars(cents: int) -> str:
    return f"${cents / 100:,.2f}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "category"


def _choices(rows: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    """Ids made different where two names give the same one."""
    taken: set[str] = set()
    choices = []
    for identifier, label, note in rows:
        own, n = identifier, 2
        while own in taken:
            own, n = f"{identifier}-{n}", n + 1
        taken.add(own)
        choices.append({"id": own, "label": label, "note": note})
    return choices


def _encode_period(period: Period) -> dict[str, Any]:
    previous = period.previous
    return {
        "id": period.id,
        "label": period.label,
        "first_day": iso(period.window.first),
        "last_day": iso(period.window.last),
        "step": period.step,
        "previous": previous and {"first_day": iso(previous.first), "last_day": iso(previous.last)},
        "previous_missing": period.previous_missing or None,
    }


def _types(controls: Controls) -> list[tuple[str, str, str, str]]:
    rows = [
        ("all", "All customers", "", "all"),
        (
            "new",
            "New",
            "First order ever inside the chosen period (all: exactly one order).",
            "new",
        ),
        (
            "returning",
            "Returning",
            "First order ever before the chosen period (all: two orders or more).",
            "returning",
        ),
        ("premium", controls.premium_label, controls.premium_note, "premium"),
    ]
    taken = _choices([(f"persona-{_slug(name)}", name, "") for name in controls.personas])
    for choice in taken:
        is_new = choice["label"] == "New"
        label = "New to the segmentation" if is_new else choice["label"]
        note = (
            "No order in the training part, so no persona yet."
            if is_new
            else "Persona from the training part."
        )
        rows.append((choice["id"], label, note, "persona"))
    return rows

"""A review of 2014, 2018 or 2023 as the texts that the US files have in their columns."""

from __future__ import annotations

import hashlib
import json
import math
import re
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from product_recommender.review_format import RECORD_FIELDS

from .record_text import Record, storable

UNUSABLE = "(not a value)"
"""Stands for a list or an object where a number, a flag or a date belongs; no rule accepts it."""

MILLISECONDS_FROM = 1e11
"""Times from here on are milliseconds: as seconds they were the year 5138, as these 1973."""

_NUMBER = re.compile(r"-?[0-9]{1,16}(?:\.[0-9]{1,9})?")
_GROUPED = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_HELPFUL = re.compile(r"\[\s*([0-9]{1,16}),\s*([0-9]{1,16})\s*\]")
_MONTH_FIRST = re.compile(r"([0-9]{1,2}) ([0-9]{1,2}), ?([0-9]{4})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FILE_ENDINGS = re.compile(r"(?i)\.(?:jsonl?|gz|txt|ndjson)$")
_CATEGORY_NAME = re.compile(r"(?:[Rr]eviews?_)?([A-Z][A-Za-z]*(?:_(?:[A-Za-z]+|&))*)(?:_[0-9]+)?")
_NO_CATEGORY = {"Review", "Reviews", "Data", "Ratings", "Train", "Test", "All"}


def category_of_file(name: str) -> str | None:
    """The category that a file of 2014, 2018 or 2023 is named after.

    Parameters
    ----------
    name
        File name, with or without folders: ``reviews_Musical_Instruments_5.json.gz``,
        ``Gift_Cards_5.json.gz``, ``Musical_Instruments.jsonl.gz``.

    Returns
    -------
    str | None
        ``Musical Instruments``; None where the name is no category's: these begin with a capital
        letter and hold only letters between their underscores.
    """
    stem = PurePosixPath(name).name
    while shorter := _FILE_ENDINGS.sub("", stem):
        if shorter == stem:
            break
        stem = shorter
    match = _CATEGORY_NAME.fullmatch(stem)
    if match is None or match.group(1) in _NO_CATEGORY:
        return None
    return match.group(1).replace("_", " ")


def review_fields(record: Record, category: str | None) -> list[str | None]:
    """The columns of the US files, and the time of day, from one JSON record.

    Nothing is judged here: what cannot be a rating, a date or a count of votes is handed on as it
    stands, and the rules of the pipeline reject it by its name. These records have no id of their
    own; one is made of customer, product, time, stars and text, so that an exact repeat has the
    same.

    Parameters
    ----------
    record
        ``reviewerID, asin, reviewText, overall, summary, unixReviewTime, reviewTime`` with
        ``helpful`` (2014) or ``verified, vote`` (2018); or ``user_id, asin, parent_asin, rating,
        title, text, timestamp, helpful_vote, verified_purchase`` (2023).
    category
        Of the file, where its name tells.

    Returns
    -------
    list[str | None]
        The values of ``RECORD_FIELDS``, None where the record has none. ``review_date`` is
        ``YYYY-MM-DD``; ``review_time`` (UTC) is given only for the ``timestamp`` of 2023: the
        seconds of the earlier formats are those of midnight.
    """
    customer = _id(_given(record, "reviewerID", "user_id"))
    product = _id(_given(record, "asin", "parent_asin"))
    stars = _scalar(_given(record, "overall", "rating"))
    headline = _prose(record["summary"] if "summary" in record else record.get("title"))
    body = _prose(record["reviewText"] if "reviewText" in record else record.get("text"))
    helpful, total = _votes(record)
    day, time = _moment(record)
    told = _id(record.get("review_id"))
    found: dict[str, str | None] = {
        "marketplace": None,
        "customer_id": customer,
        "review_id": told or _made_id(customer, product, day, time, stars, headline, body),
        "product_id": product,
        "product_parent": _id(record.get("parent_asin")),
        "product_title": None,
        "product_category": category,
        "star_rating": stars,
        "helpful_votes": helpful,
        "total_votes": total,
        "vine": _scalar(record.get("vine")),
        "verified_purchase": _scalar(_given(record, "verified", "verified_purchase")),
        "review_headline": headline,
        "review_body": body,
        "review_date": day,
        "review_time": time,
    }
    return [found[name] for name in RECORD_FIELDS]


def _given(record: Record, *names: str) -> Any:
    """The first of these values that is there."""
    return next((record[name] for name in names if record.get(name) is not None), None)


def _scalar(value: Any) -> str | None:
    """A value as the text that a column of the US files would have."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return storable(str(value))
    return UNUSABLE


def _id(value: Any) -> str | None:
    usable = isinstance(value, str | int) and not isinstance(value, bool)
    return storable(str(value)) if usable else None


def _prose(value: Any) -> str | None:
    if isinstance(value, list):
        value = "\n".join(part for part in value if isinstance(part, str))
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return storable(str(value).replace("\r\n", "\n").replace("\r", "\n"))


def _votes(record: Record) -> tuple[str | None, str | None]:
    """Helpful and all votes; the formats after 2014 count the helpful ones only."""
    pair = record.get("helpful")
    if isinstance(pair, str) and (match := _HELPFUL.fullmatch(pair.strip())):
        pair = list(match.groups())
    if isinstance(pair, list | tuple) and len(pair) == 2:
        return _scalar(pair[0]), _scalar(pair[1])
    if pair is not None:
        return UNUSABLE, None
    vote = _scalar(_given(record, "vote", "helpful_vote"))
    if vote is not None and _GROUPED.fullmatch(vote.strip()):
        vote = vote.replace(",", "")
    return vote, None


def _moment(record: Record) -> tuple[str | None, str | None]:
    """Day and time of day; the day as delivered where it is none."""
    stamp = _from_number(record.get("timestamp"))
    written = _from_iso(record.get("timestamp"))
    when = stamp or written
    if when is not None:
        clock = when.replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds")
        is_day = stamp is None and len(str(record["timestamp"]).strip()) <= len("2014-02-28")
        return when.date().isoformat(), None if is_day else clock
    when = _from_number(record.get("unixReviewTime")) or _from_words(record.get("reviewTime"))
    if when is not None:
        return when.date().isoformat(), None
    delivered = (record.get(name) for name in ("timestamp", "unixReviewTime", "reviewTime"))
    return next((_scalar(value) for value in delivered if value not in (None, "")), None), None


def _from_number(value: Any) -> datetime | None:
    """Seconds or milliseconds since 1970 as a moment in UTC."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not abs(value) < 1e16 or math.isnan(value) or value == 0:  # 0: no time at all
        return None
    milliseconds = value if abs(value) >= MILLISECONDS_FROM else value * 1000
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def _from_iso(value: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        if when is None:
            return None
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_words(value: Any) -> datetime | None:
    """``02 28, 2014``: month, day, year."""
    match = _MONTH_FIRST.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    month, day, year = map(int, match.groups())
    try:
        return datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        return None


def _made_id(*parts: str | None) -> str:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()

"""How one raw line becomes one typed review, or a reason why it cannot.

Each rule is an Ibis expression over the columns of ``review_lines``; none knows another line.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from product_recommender.review_format import RAW_REVIEW_COLUMNS, RECORD_FIELDS

from .text_cleaning import clean_text

REVIEW_COLUMNS = tuple(name for name in RECORD_FIELDS if name not in ("marketplace", "review_id"))
"""What is kept of a review."""

TEXT_COLUMNS = ("product_title", "review_headline", "review_body")

MISSING_WORDS = (r"\N", "NULL", "null", "NaN", "nan")
"""What stands for a missing value in columns other than texts, besides nothing at all."""

_STARS = r"^[1-5](\.0+)?$"
_VOTES = r"^[0-9]{1,9}(\.0+)?$"
_YES = ("Y", "TRUE", "T", "1")
_NO = ("N", "FALSE", "F", "0")

_DAY = "|".join(f"[0-9]{{4}}{by}[0-9]{{1,2}}{by}[0-9]{{1,2}}" for by in ("-", "/", "[.]"))
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?(Z|[-+][0-9]{2}:?[0-9]{2})?"
_DATE = f"^(({_DAY})([T ]{_TIME})?|[0-9]{{8}})$"
_DATE_PARTS = "^([0-9]{4})[-/.]?([0-9]{1,2})[-/.]?([0-9]{1,2})"
"""Picks year, month and day out of what ``_DATE`` accepts."""

_BOM = "\ufeff"


def type_lines(lines: ir.Table, verified_only: bool, first_year: int, last_year: int) -> ir.Table:
    """Typed values and the reason of rejection for every line.

    Parameters
    ----------
    lines
        ``review_lines``.
    verified_only
        Whether unverified reviews are rejected.
    first_year, last_year
        Years outside are no review dates.

    Returns
    -------
    ibis.expr.types.Table
        ``file``, ``line_number``, ``review_id``, the review columns and ``reject_reason`` (null
        where accepted so far). Missing values are null.
    """
    raw = _fields(lines)
    typed = raw.select(
        "file",
        "line_number",
        "damage",
        "found_fields",
        "n_fields",
        *[
            _present(raw[name]).name(f"raw_{name}")
            for name in RECORD_FIELDS[1:]
            if name not in TEXT_COLUMNS
        ],
        *[clean_text(raw[name]).name(name) for name in TEXT_COLUMNS],
    )
    typed = typed.mutate(
        review_id=typed.raw_review_id,
        customer_id=typed.raw_customer_id,
        product_id=typed.raw_product_id,
        product_parent=typed.raw_product_parent,
        product_category=clean_text(typed.raw_product_category),
        star_rating=_whole_number(typed.raw_star_rating, _STARS).cast("int8"),
        helpful_votes=_whole_number(typed.raw_helpful_votes, _VOTES),
        total_votes=_whole_number(typed.raw_total_votes, _VOTES),
        vine=_flag(typed.raw_vine),
        verified_purchase=_flag(typed.raw_verified_purchase),
        review_date=_date(typed.raw_review_date, first_year, last_year),
        review_time=typed.raw_review_time.try_cast("timestamp"),
    )
    return typed.select(
        "file",
        "line_number",
        "review_id",
        *REVIEW_COLUMNS,
        reject_reason=_reject_reason(typed, verified_only),
    )


def _fields(lines: ir.Table) -> ir.Table:
    """Each canonical column: of a JSON record as it was read, else by its place between tabs."""
    is_record = lines.fields.notnull()
    # A lone carriage return is no line end; inside a field it is as good as a space.
    text = ibis.ifelse(lines.damage.isnull() & ~is_record, lines.text, "").replace("\r", " ")
    split = lines.select(
        "file",
        "line_number",
        "damage",
        "field_order",
        "n_fields",
        "fields",
        is_record=is_record,
        parts=text.split("\t"),
    )
    # Lines of records have no header and no number of fields to meet.
    found_fields = ibis.ifelse(split.n_fields.notnull(), split.parts.length(), ibis.null("int64"))
    split = split.mutate(found_fields=found_fields)
    intact = split.damage.isnull() & (split.found_fields == split.n_fields)
    values = {
        name: ibis.cases(
            (split.is_record, split.fields[position]),
            (intact, split.parts[split.field_order[position].cast("int32")]),
            else_=ibis.null("string"),
        )
        for position, name in enumerate(RAW_REVIEW_COLUMNS)
        if name != "marketplace"
    }
    # Dates of the tables are whole days; a time behind one is dropped (_date).
    place = RECORD_FIELDS.index("review_time")
    values["review_time"] = ibis.ifelse(split.is_record, split.fields[place], ibis.null("string"))
    return split.select("file", "line_number", "damage", "found_fields", "n_fields", **values)


def _present(value: ir.StringValue) -> ir.StringValue:
    # Joined files carry byte-order marks inside; with one, an id would be another customer's.
    marked = value.re_replace(rf"^[\s{_BOM}]+|[\s{_BOM}]+$", "")
    bare = ibis.ifelse(value.contains(_BOM), marked, value).strip()
    return ibis.ifelse(bare.isin(["", *MISSING_WORDS]), ibis.null("string"), bare)


def _whole_number(value: ir.StringValue, pattern: str) -> ir.IntegerValue:
    """int32 where the text is a whole number (``5`` or ``5.0``) that fits the pattern."""
    digits = value.re_extract("^([0-9]+)", 1)
    return ibis.ifelse(value.re_search(pattern), digits, ibis.null("string")).try_cast("int32")


def _flag(value: ir.StringValue) -> ir.BooleanValue:
    upper = value.upper()
    return ibis.cases(
        (upper.isin(_YES), True), (upper.isin(_NO), False), else_=ibis.null("boolean")
    )


def _date(value: ir.StringValue, first_year: int, last_year: int) -> ir.DateValue:
    """Year-first dates only: day and month of ``03/04/2015`` cannot be told apart."""
    year, month, day = (value.re_extract(_DATE_PARTS, group) for group in (1, 2, 3))
    iso = year + "-" + month.lpad(2, "0") + "-" + day.lpad(2, "0")
    found = ibis.ifelse(value.re_search(_DATE), iso, ibis.null("string")).try_cast("date")
    return ibis.ifelse(found.year().between(first_year, last_year), found, ibis.null("date"))


def _reject_reason(typed: ir.Table, verified_only: bool) -> ir.StringValue:
    """The first rule that a line breaks, from its bytes to its values."""

    def unreadable(*names: str) -> ir.BooleanValue:
        broken = [typed[f"raw_{name}"].notnull() & typed[name].isnull() for name in names]
        return broken[0] if len(broken) == 1 else broken[0] | broken[1]

    rules = [
        (typed.found_fields < typed.n_fields, "too_few_fields"),
        (typed.found_fields > typed.n_fields, "too_many_fields"),
        (typed.customer_id.isnull(), "missing_customer_id"),
        (typed.product_id.isnull(), "missing_product_id"),
        (typed.raw_star_rating.isnull(), "missing_star_rating"),
        (typed.star_rating.isnull(), "invalid_star_rating"),
        (typed.raw_review_date.isnull(), "missing_review_date"),
        (typed.review_date.isnull(), "invalid_review_date"),
        (unreadable("helpful_votes"), "invalid_helpful_votes"),
        (unreadable("total_votes"), "invalid_total_votes"),
        (unreadable("vine", "verified_purchase"), "invalid_flag"),
    ]
    if verified_only:
        rules.append((~typed.verified_purchase.fill_null(False), "not_verified"))
    return ibis.cases((typed.damage.notnull(), typed.damage), *rules, else_=ibis.null("string"))

"""Lines that say again what another line says: duplicate ids, repeated customer-product pairs.

All of it works on keys. The wide text columns are never sorted, grouped or joined here, and the
window functions see only the few lines that repeat something.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

LINE = ("file", "line_number")
"""What identifies a line."""


def find_duplicate_ids(accepted: ir.Table) -> ir.Table:
    """Every line but the first with its review id, in the order of files and lines.

    Parameters
    ----------
    accepted
        Lines accepted so far: ``file``, ``line_number``, ``review_id``. Lines without a review id
        are no duplicates of one another.

    Returns
    -------
    ibis.expr.types.Table
        ``file``, ``line_number``, ``reason`` (``duplicate_review_id``).
    """
    keys = accepted.filter(accepted.review_id.notnull()).select(*LINE, "review_id")
    several = _several(keys, ["review_id"])
    candidates = keys.semi_join(several, ["review_id"])
    ranked = candidates.mutate(place=ibis.row_number().over(group_by="review_id", order_by=[*LINE]))
    return ranked.filter(ranked.place > 0).select(*LINE, reason=ibis.literal("duplicate_review_id"))


def find_repeated_pairs(accepted: ir.Table) -> ir.Table:
    """What becomes of lines whose customer reviewed the same product more than once.

    Within a part the latest review stands; of several on the last day the one with the latest time
    of day, where the source has it, and then the one that comes last in the order of files and
    lines. What stands and has a forerunner in an earlier part is a repeat.

    Parameters
    ----------
    accepted
        Lines accepted so far: ``file``, ``line_number``, ``customer_id``, ``product_id``,
        ``review_date``, ``review_time``, ``split``.

    Returns
    -------
    ibis.expr.types.Table
        ``file``, ``line_number``, ``reason`` (``superseded_repeat`` or null), ``is_repeat``; only
        lines with one of the two.
    """
    pair = ["customer_id", "product_id"]
    keys = accepted.select(*LINE, *pair, "review_date", "split", time=accepted.review_time)
    candidates = keys.semi_join(_several(keys, pair), pair)
    candidates = candidates.mutate(
        time=candidates.time.fill_null(candidates.review_date.cast("timestamp"))
    )
    order = [ibis.desc(name) for name in ("review_date", "time", *LINE)]
    first_day = candidates.review_date.min().over(group_by=pair)
    first_day_of_part = candidates.review_date.min().over(group_by=[*pair, "split"])
    ranked = candidates.mutate(
        place=ibis.row_number().over(group_by=[*pair, "split"], order_by=order),
        # Parts follow one another in time: an earlier day than the part's own first is in an
        # earlier part.
        is_repeat=first_day < first_day_of_part,
    )
    superseded = ranked.place > 0
    found = ranked.filter(superseded | ranked.is_repeat)
    return found.select(
        *LINE,
        reason=ibis.ifelse(found.place > 0, "superseded_repeat", ibis.null("string")),
        is_repeat=found.is_repeat,
    )


def without(lines: ir.Table, others: ir.Table) -> ir.Table:
    """The lines that are not among the others."""
    return lines.anti_join(others, [*LINE])


def _several(keys: ir.Table, by: list[str]) -> ir.Table:
    counted = keys.group_by(by).aggregate(n=keys.count())
    return counted.filter(counted.n > 1).select(*by)

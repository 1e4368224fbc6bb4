"""Compare a table with what it should hold, in the engine, without bringing it into memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir

from product_recommender.leakage.findings import Finding

TOLERANCE = 1e-6
"""Difference, relative to 1 or the value, up to which two ways of adding up are the same number."""

_EXPECTED = "expected_"


def compare_tables(
    found: ibis.Table,
    expected: ibis.Table,
    keys: Sequence[str],
    leak_of: Mapping[str, str],
    rows_leak: str,
    dataset: str,
    source: str,
) -> list[Finding]:
    """Compare row by row and column by column.

    Parameters
    ----------
    found
        The table that was made.
    expected
        What it should hold: ``keys`` and the columns of ``leak_of``. One row a key.
    keys
        Columns that identify a row.
    leak_of
        Column: the leak that a difference in it would be.
    rows_leak
        The leak that a row too many would be.
    dataset
        Name of ``found``.
    source
        What ``expected`` was worked out from, in words.

    Returns
    -------
    list of Finding
        One for the rows, one for each leak.
    """
    right = expected.select(**{_EXPECTED + name: name for name in (*keys, *leak_of)})
    joined = found.select(*keys, *leak_of).outer_join(
        right, [found[key] == right[_EXPECTED + key] for key in keys]
    )
    extra = joined[_EXPECTED + keys[0]].isnull()
    missing = joined[keys[0]].isnull()
    both = ~extra & ~missing
    counts = joined.aggregate(
        extra_rows=extra.cast("int64").sum(),
        missing_rows=missing.cast("int64").sum(),
        rows=both.cast("int64").sum(),
        **{
            f"differs_{name}": (both & _differs(joined[name], joined[_EXPECTED + name]))
            .cast("int64")
            .sum()
            for name in leak_of
        },
    )
    number = {key: int(n or 0) for key, n in counts.to_pyarrow().to_pylist()[0].items()}
    found_rows = number["rows"] + number["extra_rows"]
    findings = [
        Finding(
            rows_leak,
            dataset,
            f"rows: {', '.join(keys)} of {source}",
            found_rows,
            number["extra_rows"] + number["missing_rows"],
            _row_detail(joined, extra, missing, keys, number),
        )
    ]
    for leak in dict.fromkeys(leak_of.values()):
        columns = [name for name in leak_of if leak_of[name] == leak]
        wrong = {name: number[f"differs_{name}"] for name in columns if number[f"differs_{name}"]}
        detail = ""
        if wrong:
            listed = ", ".join(
                f"{name} ({n} of {number['rows']} rows)" for name, n in wrong.items()
            )
            example = _example(joined.filter(both), keys, next(iter(wrong)))
            detail = f"Not what {source} gives: {listed}; {example}."
        findings.append(
            Finding(
                leak,
                dataset,
                f"{', '.join(columns)} from {source}",
                number["rows"],
                max(wrong.values(), default=0),
                detail,
            )
        )
    return findings


def unknown_columns(
    table: ibis.Table, allowed: Sequence[str], dataset: str, later: ibis.Table | None = None
) -> Finding:
    """Columns that nothing is known about: each could hold anything.

    Parameters
    ----------
    table
        The table that was made.
    allowed
        Columns that are compared elsewhere, or cannot know anything.
    dataset
        Its name.
    later
        Reviews after the cut with a column of ``table`` as key: where an unknown column is a
        number, its correlation with their stars and votes is named.

    Returns
    -------
    Finding
        ``target_rating`` for columns that speak of stars (or follow the later ones),
        ``target_text`` for all others.
    """
    strange = [name for name in table.columns if name not in allowed]
    details, leak = [], "target_text"
    for name in strange:
        told = _correlations(table, name, later)
        hint = "".join(
            f", correlation {r:+.2f} with {what} after the cut" for what, r in told.items()
        )
        details.append(f"column {name}{hint}")
        follows = max(told, key=lambda what: abs(told[what]), default="")
        if "star" in name or "rating" in name or follows == "star_rating":
            leak = "target_rating"
    detail = ""
    if strange:
        detail = f"No rule says what may be in: {'; '.join(details)}."
    return Finding(
        leak, dataset, "columns, each with a rule", len(table.columns), len(strange), detail
    )


def _differs(value: ir.Value, expected: ir.Value) -> ir.BooleanValue:
    same: ir.BooleanValue
    if value.type().is_numeric() and expected.type().is_numeric():
        number, wanted = value.cast("float64"), expected.cast("float64")
        scale = ibis.greatest(wanted.abs(), ibis.literal(1.0))
        close = (number - wanted).abs() <= TOLERANCE * scale
        same = (number.isnull() & wanted.isnull()) | close.fill_null(False)
    else:
        same = value.identical_to(expected)
    return ~same


def _example(rows: ibis.Table, keys: Sequence[str], name: str) -> str:
    different = rows.filter(_differs(rows[name], rows[_EXPECTED + name]))
    row = different.order_by(*keys).limit(1).to_pyarrow().to_pylist()[0]
    who = ", ".join(f"{key} {row[key]}" for key in keys)
    return f"for example {who}: {name} is {row[name]}, not {row[_EXPECTED + name]}"


def _row_detail(
    joined: ibis.Table,
    extra: ir.BooleanValue,
    missing: ir.BooleanValue,
    keys: Sequence[str],
    number: Mapping[str, int],
) -> str:
    told = []
    for kind, mask, prefix in (("too many", extra, ""), ("missing", missing, _EXPECTED)):
        count = number["extra_rows" if kind == "too many" else "missing_rows"]
        if count:
            columns = [prefix + key for key in keys]
            row = joined.filter(mask).order_by(*columns).limit(1).to_pyarrow().to_pylist()[0]
            who = ", ".join(f"{key} {row[prefix + key]}" for key in keys)
            told.append(f"{count} rows {kind}, for example {who}")
    return f"{'; '.join(told)}." if told else ""


def _correlations(table: ibis.Table, name: str, later: ibis.Table | None) -> dict[str, float]:
    """Correlation of a numeric column with stars and votes of later reviews of the same key."""
    if later is None or not table[name].type().is_numeric():
        return {}
    key = next(iter(set(table.columns) & {"customer_id", "product_id"}), None)
    if key is None:
        return {}
    joined = later.inner_join(table.select(key, suspect=name), key)
    targets = ("star_rating", "helpful_votes", "total_votes")
    suspect = joined["suspect"].cast("float64")
    found = joined.aggregate(
        **{what: suspect.corr(joined[what].cast("float64"), how="pop") for what in targets}
    )
    row = found.to_pyarrow().to_pylist()[0]
    return {what: r for what, r in row.items() if r is not None and r == r}

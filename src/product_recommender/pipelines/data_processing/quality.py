"""Counting: what was read, what became of it, and what to call the data."""

from __future__ import annotations

import hashlib
from typing import Any

import ibis
import ibis.expr.types as ir

from .repeats import LINE

FILLED_COLUMNS = (
    "product_parent",
    "product_title",
    "product_category",
    "helpful_votes",
    "total_votes",
    "vine",
    "verified_purchase",
    "review_headline",
    "review_body",
)
"""Columns whose missing values are filled; the others are needed, or the line is rejected."""

_NAMED_FILES = 3
_NAMED_REASONS = 3


def join_repeats(typed: ir.Table, repeated: ir.Table) -> ir.Table:
    """Typed lines with ``reason`` (of the line or of the repetition) and ``is_repeat``.

    Parameters
    ----------
    typed
        Lines with ``file``, ``line_number``, ``reject_reason`` and any further columns.
    repeated
        ``repeated_reviews``; small, so that no engine has to move the wide lines.
    """
    few = repeated.select(
        repeated_file=repeated.file,
        repeated_line=repeated.line_number,
        repeat_reason=repeated.reason,
        repeats=repeated.is_repeat,
    )
    joined = typed.left_join(
        few, [typed.file == few.repeated_file, typed.line_number == few.repeated_line]
    )
    return joined.mutate(
        reason=ibis.coalesce(joined.reject_reason, joined.repeat_reason),
        is_repeat=joined.repeats.fill_null(False),
    ).drop("repeated_file", "repeated_line", "repeat_reason", "repeats", "reject_reason")


def counts_by(table: ir.Table, column: str) -> dict[str, int]:
    """Rows per value of a column, the most frequent first."""
    counted = table.group_by(column).aggregate(n=table.count())
    rows = counted.order_by([ibis.desc("n"), column]).to_pyarrow().to_pylist()
    return {row[column]: row["n"] for row in rows}


def account(review_lines: ir.Table, rejected: ir.Table, reviews: ir.Table) -> dict[str, Any]:
    """``lines_read``, ``accepted``, ``rejected``, ``rejected_by_reason``; each counted by itself.

    Raises
    ------
    ValueError
        If they do not add up.
    """
    lines_read, n_accepted, n_rejected = (
        int(table.count().to_pyarrow().as_py()) for table in (review_lines, reviews, rejected)
    )
    if n_accepted + n_rejected != lines_read:
        raise ValueError(
            f"{n_accepted} accepted and {n_rejected} rejected reviews are not the {lines_read} "
            "lines read. Tables of different runs lie together: run data_processing again "
            "from its start (`kedro run --pipeline=data_processing`)."
        )
    return {
        "lines_read": lines_read,
        "accepted": n_accepted,
        "rejected": n_rejected,
        "rejected_by_reason": counts_by(rejected, "reason"),
    }


def account_metadata(records: ir.Table, used: ir.Table, rejected: ir.Table) -> dict[str, Any]:
    """``read``, ``used``, ``rejected``, ``rejected_by_reason`` of metadata; each counted by itself.

    Raises
    ------
    ValueError
        If they do not add up.
    """
    n_read, n_used, n_rejected = (
        int(table.count().to_pyarrow().as_py()) for table in (records, used, rejected)
    )
    if n_used + n_rejected != n_read:
        raise ValueError(
            f"{n_used} used and {n_rejected} rejected records are not the {n_read} lines of "
            "product metadata. Tables of different runs lie together: run data_processing again "
            "from its start (`kedro run --pipeline=data_processing`)."
        )
    return {
        "read": n_read,
        "used": n_used,
        "rejected": n_rejected,
        "rejected_by_reason": counts_by(rejected, "reason"),
    }


def count_known(products: ir.Table, product_metadata: ir.Table) -> dict[str, int]:
    """How many reviewed products have a record, their own or their parent's, and what it gives."""
    own = products.semi_join(product_metadata, ["product_id"])
    others = products.anti_join(product_metadata, ["product_id"])
    records = product_metadata.select(record_id="product_id")
    of_parents = others.semi_join(records, [others.product_parent == records.record_id])
    known = {
        name: products[name].notnull().sum()
        for name in ("brand", "description", "features", "category_path", "list_price", "image")
    }
    row = products.aggregate(
        products=products.count(), **known, image_urls=(products.image_urls.length() > 0).sum()
    )
    counts = {name: int(n or 0) for name, n in row.to_pyarrow().to_pylist()[0].items()}
    return {
        "products": counts.pop("products"),
        "own_record": int(own.count().to_pyarrow().as_py()),
        "record_of_parent": int(of_parents.count().to_pyarrow().as_py()),
        **counts,
    }


def metadata_summary(records: dict[str, Any]) -> str:
    """The rejected records of metadata as one line for the log."""
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in records["rejected_by_reason"].items())
    return (
        f"product metadata: {records['read']:,} records read, {records['used']:,} used, "
        f"{records['rejected']:,} rejected ({reasons}); each with its text in "
        "rejected_product_metadata."
    )


def count_lines(review_lines: ir.Table, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The files of the manifest with the ``lines_read`` of each."""
    counted = counts_by(review_lines, "file")
    return [file | {"lines_read": counted.get(file["file"], 0)} for file in manifest["files"]]


def count_filled(accepted: ir.Table) -> dict[str, int]:
    """Missing values per column among the accepted lines."""
    missing = {name: accepted[name].isnull().sum() for name in FILLED_COLUMNS}
    row = accepted.aggregate(**missing).to_pyarrow().to_pylist()[0]
    return {name: int(n or 0) for name, n in row.items()}


def name_data(files: list[dict[str, Any]], accepted: int) -> dict[str, Any]:
    """What tables and figures call the data: ``name``, ``generated``, ``label``, ``sha256``.

    The hash is that of the file names and hashes; for a single file it is the file's own.
    """
    generated = all(file["generated"] for file in files)
    names = [file["file"] for file in files]
    name = _first_names(names)
    if len(files) == 1:
        digest = files[0]["sha256"]
    else:
        listing = "".join(f"{file['sha256']}  {file['file']}\n" for file in files)
        digest = hashlib.sha256(listing.encode()).hexdigest()
    label = f"generated data (synthetic_data), {accepted:,} reviews" if generated else name
    return {"name": name, "generated": generated, "label": label, "sha256": digest}


def _first_names(names: list[str]) -> str:
    first = ", ".join(names[:_NAMED_FILES])
    more = len(names) - _NAMED_FILES
    return f"{first} and {more} more" if more > 0 else first


def nothing_accepted(typed: ir.Table, manifest: dict[str, Any]) -> str:
    """Why there is no review at all, in one line."""
    reasons = counts_by(typed, "reject_reason")
    source = manifest["input"]
    if not reasons:
        return f"{source} holds no review: {_without_lines(manifest)}. Give files with reviews."
    first = typed.filter(typed.reject_reason.notnull()).order_by([*LINE]).limit(1)
    example = first.select(*LINE, "reject_reason").to_pyarrow().to_pylist()[0]
    top = ", ".join(f"{reason} {n}" for reason, n in list(reasons.items())[:_NAMED_REASONS])
    n = sum(reasons.values())
    none = "the only line read is not" if n == 1 else f"none of the {n} lines read is"
    return (
        f"{source}: {none} a usable review ({top}; "
        f"first: {example['file']}, line {example['line_number']}, {example['reject_reason']}). "
        "Each line's reason is in typed_reviews."
    )


def _without_lines(manifest: dict[str, Any]) -> str:
    """What files without a data line hold, for example ``a.tsv is empty``."""
    empty = [file["file"] for file in manifest["files"] if file["bytes"] == 0]
    others = [file["file"] for file in manifest["files"] if file["bytes"] > 0]
    told = []
    for files, one, several in (
        (empty, "is empty", "are empty"),
        (others, "holds at most a header", "hold at most a header"),
    ):
        if files:
            told.append(f"{_first_names(files)} {one if len(files) == 1 else several}")
    return "; ".join(told)


def summary(report: dict[str, Any]) -> str:
    """The report as one line for the log."""
    parts = report["split"]["reviews"]
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in report["rejected_by_reason"].items())
    return (
        f"{report['data']['label']}: {report['lines_read']:,} lines read, "
        f"{report['accepted']:,} accepted, {report['rejected']:,} rejected"
        + (f" ({reasons})" if reasons else "")
        + f"; {report['customers']:,} customers, {report['products']:,} products; "
        + ", ".join(f"{name} {parts.get(name, 0):,}" for name in ("train", "validation", "test"))
        + f" (until {report['split']['train_until']}, {report['split']['validation_until']}, "
        f"{report['split']['last_day']})"
    )

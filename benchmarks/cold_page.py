"""The page of ``benchmarks.cold_products``: claims, tables, and what was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.record import described
from product_recommender.machine import describe_machine

HOW = """\
**Among the cold products**: only the cold products are ranked, for customers who buy one; what the
customer owns is left out. **In the whole catalogue**: the same targets, with every product on sale
in the list. **All targets**: every customer and target of the test, in the whole catalogue: what
recommending new products costs or gains. NDCG@10 with 95 % intervals over customers, each with the
mean over the draws in which they are asked; ties count by expectation."""

RANKERS = """\
Everybody is told the same purchases before the test, those of validation included. `chance` is
exact. `category`: recent sales times how much the customer leans to the category; a product without
sales has the mean of its category. `category and brand`: the mean of its category
and brand, and of the price band where a price is known (where no brand is given, as in the US
files, it is the product line that the title names, else its first word); `personal` counts the
customer's own brands, too. `nearest`: mean cosine to what the customer bought. `sales of the
similar`: mean recent sales of the ten nearest products. Cold products *as they are* were first sold
in validation: no model has learnt from them, but their first sales are told, and all count them."""

MEASURES = {
    "cold_ndcg": "NDCG among the cold",
    "cold_hit_rate": "hit rate among the cold",
    "whole_ndcg": "NDCG in the whole catalogue",
    "all_ndcg": "NDCG, all targets",
}


def markdown(content: Mapping[str, Any], command: str) -> str:
    """The result as a page.

    Parameters
    ----------
    content
        What ``measure`` gave, with data, seeds, time and memory.
    command
        How to make it again.
    """
    labels = sorted({label for label, _ in content["data"]})
    hashes = ", ".join(f"`{sha[:12]}`" for _, sha in content["data"])
    lines = [
        f"# Products that nobody has bought yet: {'; '.join(labels)}",
        "",
        f"`{command}`",
        "",
        f"Data SHA-256 {hashes}; seeds {content['seeds']}; {content['draws']} draws of "
        f"{content['hidden_share']:.0%} hidden products in each world; stored settings, no tuning, "
        f"no feature tables; {content['wall_seconds']:.0f} s of this call, "
        f"{content['peak_memory_mb']:,.0f} MB. Machine: {described(describe_machine())}.",
        "",
        HOW,
        "",
        RANKERS,
    ]
    if content["models_not_registered"]:
        lines += ["", f"Not measured: {', '.join(content['models_not_registered'])} (no model)."]
    for counts in content["questions"]:
        lines += ["", *_question_lines(content, counts)]
    if content["seconds"]:
        taken = ", ".join(f"{name} {each:.0f} s" for name, each in content["seconds"].items())
        lines += ["", f"Training and asking once, on average: {taken}."]
    return "\n".join([*lines, ""])


def _question_lines(content: Mapping[str, Any], counts: Mapping[str, Any]) -> list[str]:
    where = counts["worlds"], counts["question"]
    rows = [row for row in content["table"] if (row["worlds"], row["question"]) == where]
    table = {(row["ranker"], row["measure"]): row for row in rows}
    rankers = list(dict.fromkeys(row["ranker"] for row in rows))
    lines = [
        f"## {where[0]}: cold products {where[1]}",
        "",
        f"{counts['cold_products']:,.0f} cold products of {counts['candidates']:,.0f} on sale; "
        f"{counts['customers_with_cold_target']:,.0f} of {counts['customers_asked']:,.0f} "
        f"customers buy one, {counts['of_them_with_history']:,.0f} of them with a history "
        "(means over draws and worlds).",
        "",
        "| ranker | " + " | ".join(MEASURES.values()) + " |",
        "|---" * (len(MEASURES) + 1) + "|",
    ]
    for ranker in sorted(rankers, key=lambda name: -table[name, "cold_ndcg"]["value"]):
        cells = [_cell(table.get((ranker, measure))) for measure in MEASURES]
        lines.append(f"| {ranker} | " + " | ".join(cells) + " |")
    compared = [row for row in content["comparisons"] if (row["worlds"], row["question"]) == where]
    return [*lines, *_comparison_lines(compared)]


def _cell(row: Mapping[str, Any] | None) -> str:
    return f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]" if row else "-"


def _comparison_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    head = ["", "| compared | measure | difference | p (Holm) | verdict |", "|---|---|---|---|---|"]
    return head + [
        f"| {row['first']} against {row['second']} | {MEASURES[row['measure']]} | "
        f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}] | "
        f"{row['p_holm']:.4f} | {row['verdict']} |"
        for row in rows
    ]

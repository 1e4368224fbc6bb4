"""The page of ``benchmarks.ablation``: claims, tables, and what was measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.record import described
from product_recommender.machine import describe_machine

HOW = """\
NDCG@10 at the test cut, every product on sale ranked, what the customer owns left out; 95 %
intervals over customers, each with the mean over seeds. `known products` and `cold products` count
only targets with and without a training purchase. Differences are paired by customer; a verdict
needs an interval that excludes zero and Holm's p-value below 5 % among all pairs of one slice."""

NOTES = {
    "generated": "Words always name brand and kind, which tell half of a product's style: text "
    "shows at any strength of words. What has to find nothing is text of other products, and "
    "everything in a world with nothing planted.",
    "digital_software": "Titles are all that the US files say of a product; there are no pictures. "
    "The cold products are the ones first sold in validation.",
    "gift_cards": "Text is the metadata: title, description, features. A 5-core of 458 customers: "
    "small, and chosen for having bought much.",
    "musical_instruments": "There are no metadata: a product's text is that of its training "
    "reviews, so only the known products say anything about it. Products without a training review "
    "have no text.",
}
SHOWN = ("overall", "warm", "cold", "known products", "cold products")


def markdown(content: Mapping[str, Any], command: str) -> str:
    """The result as a page.

    Parameters
    ----------
    content
        What ``measure`` gave, with data, counts, seeds, time and memory.
    command
        How to make it again.
    """
    labels = sorted({label for label, _ in content["data"]})
    hashes = ", ".join(f"`{sha[:12]}`" for _, sha in content["data"])
    lines = [
        f"# What each modality is worth: {'; '.join(labels)}",
        "",
        f"`{command}`",
        "",
        f"Data SHA-256 {hashes}; seeds {content['seeds']}; stored settings, no tuning, no feature "
        f"tables; {content['wall_seconds']:.0f} s of this call, "
        f"{content['peak_memory_mb']:,.0f} MB. Machine: {described(describe_machine())}.",
        "",
        HOW,
        "",
        NOTES[content["name"]],
    ]
    if content["verdicts"]:
        lines += ["", "| claim | measured | holds |", "|---|---|---|"]
        lines += [
            f"| {v['claim']} | {v['measured']} | {'yes' if v['holds'] else 'NO'} |"
            for v in content["verdicts"]
        ]
    for spec in dict.fromkeys(row["worlds"] for row in content["table"]):
        lines += ["", *_world_lines(content, spec)]
    if content["explanations"]:
        lines += ["", *_explanation_lines(content)]
    taken = ", ".join(f"{name} {each:.0f} s" for name, each in content["seconds"].items())
    return "\n".join([*lines, "", f"Training and asking once, on average: {taken}.", ""])


def _world_lines(content: Mapping[str, Any], spec: str) -> list[str]:
    counts = [row for row in content["counts"] if row["worlds"] == spec]
    rows = [row for row in content["table"] if row["worlds"] == spec]
    table = {(row["variant"], row["slice"]): row for row in rows}
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    slices = [name for name in SHOWN if any((v, name) in table for v in variants)]
    customers = {
        name: next(table[v, name]["customers"] for v in variants if (v, name) in table)
        for name in slices
    }
    sizes = "; ".join(
        ", ".join(
            f"{value:,} {key.replace('_', ' ')}" for key, value in row.items() if key != "worlds"
        )
        for row in counts
    )
    lines = [
        f"## {spec}",
        "",
        f"{sizes}.",
        "",
        "| variant | " + " | ".join(f"{name} ({customers[name]:,})" for name in slices) + " |",
        "|---" * (len(slices) + 1) + "|",
    ]
    for variant in variants:
        cells = [_cell(table.get((variant, name))) for name in slices]
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    compared = [row for row in content["comparisons"] if row["worlds"] == spec]
    pairs = list(dict.fromkeys((row["first"], row["second"]) for row in compared))
    by_slice = {(row["first"], row["second"], row["slice"]): row for row in compared}
    shown = [name for name in slices if any((*pair, name) in by_slice for pair in pairs)]
    if pairs:
        lines += ["", "| difference | " + " | ".join(shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for first, second in pairs:
        cells = [_difference(by_slice.get((first, second, name))) for name in shown]
        lines.append(f"| {first} against {second} | " + " | ".join(cells) + " |")
    return lines


def _explanation_lines(content: Mapping[str, Any]) -> list[str]:
    """The deletion test of each model, by world and variant."""
    lines = [
        "## Do explanations explain?",
        "",
        "The deletion test, training customers with three products or more: how far the score of "
        "the first recommended product falls without the purchase that the explanation names "
        "first, less how far it falls without one drawn at random. Only where the interval lies "
        "above zero are attention weights shown as a reason.",
        "",
        "| worlds | variant | seed | customers | named | random | difference | passed |",
        "|---|---|---|---|---|---|---|---|",
    ]
    return lines + [
        f"| {row['worlds']} | {row['variant']} | {row['seed']} | {row['customers']:,.0f} | "
        f"{row['fall_without_named']:+.3f} | {row['fall_without_random']:+.3f} | "
        f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}] | "
        f"{'yes' if row['passed'] else 'NO'} |"
        for row in content["explanations"]
    ]


def _cell(row: Mapping[str, Any] | None) -> str:
    return f"{row['value']:.4f} [{row['low']:.4f}, {row['high']:.4f}]" if row else "-"


def _difference(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "-"
    return (
        f"{row['difference']:+.4f} [{row['low']:+.4f}, {row['high']:+.4f}] "
        f"{row['verdict'].replace('no difference shown', '-')}"
    )

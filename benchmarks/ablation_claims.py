"""Which variants of ``benchmarks.ablation`` are compared, and what has to come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

IDS, EVERYTHING = "ids", "everything"
VARIANTS: dict[str, tuple[str, ...]] = {
    IDS: ("ids",),
    "ids + text": ("ids", "text"),
    "ids + image": ("ids", "image"),
    "ids + time": ("ids", "time"),
    "ids + text + image": ("ids", "text", "image"),
    EVERYTHING: ("ids", "text", "image", "time"),
}
CONTROLS: dict[str, tuple[str, ...]] = {
    "ids + text of other products": ("ids", "text"),
    "ids + image of other products": ("ids", "image"),
}
DEFAULT = "as it is"
WORDS, PICTURES = "words that tell of the style at", "pictures that show the style at"
TIMELESS, EMPTY = "no trend, no season", "nothing planted"
COMPARED = ("overall", "warm", "known products", "cold products")

Rows = Sequence[Mapping[str, Any]]


def pairs_of(variants: Sequence[str]) -> list[tuple[str, str]]:
    """Each variant with ids only, and with the next smaller one; all without time beside all.

    Parameters
    ----------
    variants
        Those that were trained.
    """
    pairs = [(variant, IDS) for variant in variants if variant != IDS]
    smaller = {
        "ids + text + image": ("ids + text",),
        EVERYTHING: ("ids + text + image", "ids + time"),
    }
    pairs += [
        (variant, other)
        for variant in variants
        for other in smaller.get(variant, ())
        if other in variants
    ]
    return pairs


def judge(comparisons: Rows) -> list[dict[str, Any]]:
    """The claims about generated worlds, each with what was measured and whether it holds.

    A modality *shows* where its interval lies above zero and Holm's p-value is below 5 %; it *finds
    nothing* where that is not so. Claims on worlds that were not measured are left out.

    Parameters
    ----------
    comparisons
        As ``benchmarks.ablation.measure`` gives them.
    """
    overall = {
        (row["worlds"], row["first"], row["second"]): row
        for row in comparisons
        if row["slice"] == "overall"
    }
    shows = [
        *((f"{m} shows", DEFAULT, f"ids + {m}", IDS) for m in ("text", "image", "time")),
        ("image adds to text", DEFAULT, "ids + text + image", "ids + text"),
        ("everything beats ids only", DEFAULT, EVERYTHING, IDS),
    ]
    finds_nothing = [
        *(
            (f"{kind} of other products finds nothing", DEFAULT, name, IDS)
            for kind, name in zip(("text", "image"), CONTROLS, strict=True)
        ),
        *(
            (f"{variant} finds nothing where nothing is planted", EMPTY, variant, IDS)
            for variant in VARIANTS
            if variant != IDS
        ),
        (
            "pictures that do not show the style add nothing to text",
            f"{PICTURES} 0",
            "ids + text + image",
            "ids + text",
        ),
        ("time finds nothing without trend and season", TIMELESS, "ids + time", IDS),
    ]
    verdicts = []
    for wanted, claims in (("better", shows), (None, finds_nothing)):
        for claim, spec, first, second in claims:
            row = overall.get((spec, first, second))
            if row is not None:
                is_better = row["verdict"] == "better"
                verdicts.append(
                    {
                        "claim": claim,
                        "measured": f"{first} against {second}: {row['difference']:+.4f} "
                        f"[{row['low']:+.4f}, {row['high']:+.4f}], p {row['p_holm']:.4f} "
                        "after Holm",
                        "holds": is_better if wanted else not is_better,
                    }
                )
    return verdicts

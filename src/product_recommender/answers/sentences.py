"""One sentence for a shopper: why this product. It claims what was counted, and nothing else."""

from __future__ import annotations

import calendar
import datetime
import re

from product_recommender.answers.attributes import InCommon
from product_recommender.answers.reasons import RECENT_DAYS, Reason
from product_recommender.answers.safe_text import safe
from product_recommender.wording import counted

NAME_LENGTH = 48
"""Characters of a product's name within a sentence."""

MODALITY_WORDS = {
    "ids": "who buys it",
    "text": "its description",
    "image": "its look",
    "time": "what sells now",
}
"""How a shopper would call what a model looks at."""


def why(
    reason: Reason,
    because_title: str | None,
    bought_on: datetime.date | None,
    common: InCommon | None,
    as_of: datetime.date,
    on_sale_since: datetime.date | None,
) -> str:
    """The sentence for one product.

    Parameters
    ----------
    reason
        The strongest fact.
    because_title, bought_on
        Own product that the reason names, and when it was bought (the last time).
    common
        What the two products have in common; None without an own product.
    as_of
        Last day of the data.
    on_sale_since
        First day of the product; young ones are said to be new.

    Returns
    -------
    str
        On one line, without control characters.
    """
    if because_title is not None and bought_on is not None:
        return _because(reason, because_title, bought_on, common or InCommon(), as_of)
    own = ", in a category you have bought from" if reason.in_own_category else ""
    lately = counted(reason.count, "purchase")
    if on_sale_since is not None and (as_of - on_sale_since).days < RECENT_DAYS:
        since = f"New since {spoken_date(on_sale_since, as_of)}"
        return f"{since}{own}: {lately} so far." if reason.count else f"{since}{own}."
    if reason.kind == "popular":
        return f"Popular{own}: {lately} in the last {RECENT_DAYS} days."
    return f"Not bought in the last {RECENT_DAYS} days; the model's score is all there is."


def _because(
    reason: Reason,
    title: str,
    bought_on: datetime.date,
    common: InCommon,
    as_of: datetime.date,
) -> str:
    name, when = short_name(title), spoken_date(bought_on, as_of, preposition=True)
    shared = spoken_attributes(common)
    facts = [shared] if shared else []
    if reason.count:
        facts.append(f"{counted(reason.count, 'other customer')} bought both")
    told = ", and ".join(facts)
    if reason.kind == "similar":
        alike = _alike(reason)
        told = told or f"alike in {alike}"
        return f"Similar to the {name} you bought {when}: {told}."
    if not told:
        return f"Because you bought the {name} {when}, which counted most for the model."
    return f"Because you bought the {name} {when}: {told}."


def _alike(reason: Reason) -> str:
    parts = [
        word
        for word, value in (("words", reason.text_similarity), ("looks", reason.image_similarity))
        if value is not None and value > 0
    ]
    return " and ".join(parts) or "what is bought beside them"


def spoken_attributes(common: InCommon) -> str:
    """What two products share: ``same brand (Aurelia) and colour (black), both “Mesh Back”``.

    Parameters
    ----------
    common
        As of ``in_common``.
    """
    same = [
        f"{word} ({safe(value, 40)})"
        for word, value in (
            ("brand", common.brand),
            ("colour", common.colour),
            ("kind", common.kind),
        )
        if value
    ]
    parts = [f"same {_joined(same)}"] if same else []
    if common.words:
        quoted = [f"“{safe(words, 40)}”" for words in common.words]
        parts.append(f"both {_joined(quoted)}")
    if common.prices:
        first, second = common.prices
        parts.append(f"similar price ({first:,.2f} and {second:,.2f})")
    return ", ".join(parts)


def short_name(title: str) -> str:
    """A title as a person would say it: up to its first comma or bracket, cut between words."""
    shown = safe(title)
    head = re.split(r"\s*[,(\[|]|\s[-–]\s", shown, maxsplit=1)[0].strip()
    name = head if len(head) >= 8 else shown
    if len(name) <= NAME_LENGTH:
        return name
    cut = name[: NAME_LENGTH - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[20:] else cut).rstrip() + "…"


def spoken_date(day: datetime.date, as_of: datetime.date, preposition: bool = False) -> str:
    """``March`` within the last eleven months, ``March 2013`` before.

    Parameters
    ----------
    day
        To be named.
    as_of
        What counts as today.
    preposition
        ``in March`` rather than ``March``.
    """
    month = calendar.month_name[day.month]
    name = month if (as_of - day).days < 335 else f"{month} {day.year}"
    return f"in {name}" if preposition else name


def _joined(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

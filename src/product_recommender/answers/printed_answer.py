"""Print the answer for one customer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from product_recommender.answers.customer import CustomerAnswer, Suggestion
from product_recommender.answers.safe_text import safe
from product_recommender.answers.sentences import MODALITY_WORDS
from product_recommender.interactions import NEW
from product_recommender.wording import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

PURCHASES_SHOWN = 5
"""Lines of the customer's history; the rest is counted."""

TITLE_LENGTH = 110
BAR_WIDTH = 20
WEIGHT_WIDTH = 10


def print_answer(answer: CustomerAnswer, console: Console) -> None:
    """Who asked, what they bought, what is recommended and why, and how likely they buy at all.

    Parameters
    ----------
    answer
        What to print. Ids and titles may hold anything: they are printed as plain text.
    console
        Where to; narrow ones are fine.
    """
    console.print(_heading(answer))
    console.print(_purchases(answer))
    console.print(_recommender(answer))
    if answer.suggestions:
        console.print(_suggestions(answer))
    for line in _remarks(answer):
        console.print(line)
    _print_propensity(answer, console)


def plain_text(*parts: tuple[str, str]) -> Text:
    """Pieces of text with their styles; no markup is read.

    Parameters
    ----------
    parts
        Texts, made safe, each with a style.
    """
    from rich.text import Text

    return Text.assemble(*parts)


def _heading(answer: CustomerAnswer) -> Text:
    known = [(f"Customer {safe(answer.customer_id)}", "bold")]
    if answer.segment and answer.segment != NEW:
        known.append((f", persona {safe(answer.segment)}", ""))
    if not answer.is_listed:
        known.append((" is new: the data hold no purchase of theirs.", "bold yellow"))
    data = f"\n{safe(answer.data)}; as of {answer.as_of}, the last day of the data"
    return plain_text(*known, (data, "dim"))


def _purchases(answer: CustomerAnswer) -> Text | Table:
    if not answer.purchases:
        return plain_text(("\nBought: nothing that is on record.", ""))
    table = plain_table(f"Bought ({counted(len(answer.purchases), 'purchase')}, newest first)")
    table.add_column("day", no_wrap=True)
    table.add_column("stars", no_wrap=True)
    table.add_column("product")
    table.add_column("category")
    for purchase in answer.purchases[:PURCHASES_SHOWN]:
        table.add_row(
            str(purchase.day),
            "★" * purchase.stars + "☆" * (5 - purchase.stars),
            plain_text((safe(purchase.title, TITLE_LENGTH), "")),
            plain_text((safe(purchase.category), "")),
        )
    rest = len(answer.purchases) - PURCHASES_SHOWN
    if rest > 0:
        table.add_row("", "", plain_text((f"and {rest} more before", "dim")), "")
    return table


def _recommender(answer: CustomerAnswer) -> Text:
    who = [("\nRecommended", "bold"), (f" by {answer.model}", "")]
    if answer.ranks_by:
        who.append((f", which ranks by {answer.ranks_by}", ""))
    who.append((", of the products on sale that they have not bought:", ""))
    if answer.is_fallback:
        who.append(
            (
                f"\nThe fallback spoke: {answer.model} has no answer of its own for "
                + ("this customer" if answer.is_listed else "somebody new")
                + ". Everyone like that gets this list, less what they have bought.",
                "yellow",
            )
        )
    return plain_text(*who)


def _suggestions(answer: CustomerAnswer) -> Table:
    table = plain_table()
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("product, and why")
    table.add_column("product id", overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    decimals = _decimals([suggestion.score for suggestion in answer.suggestions])
    for rank, suggestion in enumerate(answer.suggestions, start=1):
        product = plain_text(
            (safe(suggestion.title, TITLE_LENGTH), ""),
            (f"\n{safe(suggestion.category)}. {suggestion.sentence}", "dim"),
            *_weights(suggestion),
        )
        table.add_row(
            str(rank),
            product,
            plain_text((safe(suggestion.product_id), "")),
            f"{suggestion.score:,.{decimals}f}",
        )
    return table


def _decimals(scores: list[float]) -> int:
    """So many that the largest score shows four digits, the same for the whole list."""
    largest = max((abs(score) for score in scores if math.isfinite(score)), default=0.0)
    return min(max(3 - math.floor(math.log10(largest)), 0), 8) if largest > 0 else 1


def _weights(suggestion: Suggestion) -> list[tuple[str, str]]:
    """A line with a bar for what the model looked at; nothing where it does not tell."""
    if not suggestion.modality_weights:
        return []
    ordered = sorted(suggestion.modality_weights.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [("\nby ", "dim")]
    for number, (name, share) in enumerate(pair for pair in ordered if pair[1] >= 0.005):
        word = MODALITY_WORDS.get(name, safe(name, 20))
        parts.append((("  " if number else "") + f"{word} ", "dim"))
        parts.append(("█" * max(1, round(WEIGHT_WIDTH * share)), "cyan"))
        parts.append((f" {share:.0%}", "dim"))
    return parts


def _remarks(answer: CustomerAnswer) -> list[Text]:
    remarks = []
    found = len(answer.suggestions)
    if found == 0:
        remarks.append(
            plain_text(("\nNothing: they have bought everything that is on sale.", "yellow"))
        )
    elif found < answer.asked_for:
        remarks.append(
            plain_text(
                (
                    f"{answer.asked_for} were asked for; {counted(found, 'product')} on sale "
                    f"{'is' if found == 1 else 'are'} all that {'is' if found == 1 else 'are'} "
                    "left for them.",
                    "yellow",
                )
            )
        )
    if found:
        remarks.append(
            plain_text(
                (
                    "Scores order this list and mean nothing beside those of another model or "
                    f"customer. {_whose_reasons(answer)}",
                    "dim",
                )
            )
        )
    return remarks


def _whose_reasons(answer: CustomerAnswer) -> str:
    """Whether the sentences tell how the model decided."""
    told = sum(suggestion.reason.kind == "model" for suggestion in answer.suggestions)
    facts = "Reasons are facts of the data, not how the model decided."
    if not told:
        return facts
    which = "All reasons" if told == len(answer.suggestions) else f"{told} of the reasons"
    return (
        f"{which} name the purchase that counted most for {answer.model}; that without it the "
        "score falls more than without another was tested."
        + ("" if told == len(answer.suggestions) else " The others are facts of the data.")
    )


def _print_propensity(answer: CustomerAnswer, console: Console) -> None:
    table = answer.propensity
    if table is None:
        console.print(
            plain_text(
                ("\nChance of a purchase: ", "bold"),
                ("not estimated here yet (no purchase_propensity in this environment).", ""),
            )
        )
        return
    if table.empty:
        console.print(
            plain_text(
                ("\nChance of a purchase: ", "bold"),
                ("no estimate for this customer; it needs a purchase on record.", ""),
            )
        )
        return
    for period, rows in table.groupby("period", sort=False):
        # An ISO 8601 interval of days.
        when = safe(period).replace("/", " to ")
        console.print(plain_text((f"\nChance of a purchase by category, {when}", "bold")))
        console.print(_chances(rows))


def _chances(rows: pd.DataFrame) -> Table:
    table = plain_table()
    table.add_column("category", no_wrap=True)
    table.add_column("chance", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    chances = rows["probability"].to_numpy(dtype=float)
    largest = max(float(chances.max()), 1e-12)
    for category, chance in zip(rows["category"], chances, strict=True):
        bar = "█" * max(1, round(BAR_WIDTH * chance / largest))
        table.add_row(plain_text((safe(category), "")), f"{chance:.1%}", plain_text((bar, "cyan")))
    return table


def plain_table(title: str | None = None) -> Table:
    """A table without a frame.

    Parameters
    ----------
    title
        What stands above it; safe.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    return Table(
        title=None if title is None else plain_text((f"\n{title}", "bold")),
        title_justify="left",
        title_style="",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )

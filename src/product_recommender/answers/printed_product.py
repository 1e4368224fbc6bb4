"""Print what stands beside one product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from product_recommender.answers.printed_answer import TITLE_LENGTH, plain_table, plain_text
from product_recommender.answers.product import HEADINGS, Beside, ProductAnswer, nothing_beside
from product_recommender.answers.safe_text import safe
from product_recommender.wording import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text


def print_product(answer: ProductAnswer, console: Console) -> None:
    """What the product is, and the three lists beside it with their evidence.

    Parameters
    ----------
    answer
        What to print. Ids and titles may hold anything: they are printed as plain text.
    console
        Where to; narrow ones are fine.
    """
    console.print(_heading(answer))
    for name, (heading, _) in HEADINGS.items():
        found = answer.lists[name]
        if found:
            console.print(_listed(heading, found))
        else:
            told = nothing_beside(name, answer.described.price)
            console.print(plain_text((f"\n{heading}: ", "bold"), (f"{told}.", "")))
    console.print(
        plain_text(
            (
                "Likeness: cosines without what all products have in common (0 %: any two "
                "products). Stars are drawn towards the category's mean where ratings are few.",
                "dim",
            )
        )
    )


def _heading(answer: ProductAnswer) -> Text:
    described = answer.described
    facts = [safe(described.category)]
    if described.brand:
        facts.append(safe(described.brand, 60))
    if described.price is not None:
        facts.append(f"{described.price:,.2f}")
    facts.append(f"bought {counted(answer.purchases, 'time')}")
    if answer.stars is not None:
        facts.append(f"★ {answer.stars:.2f}")
    return plain_text(
        (f"Product {safe(answer.product_id)}", "bold"),
        (f"  {safe(described.title, TITLE_LENGTH)}", ""),
        (f"\n{', '.join(facts)}", ""),
        (f"\n{safe(answer.data)}; as of {answer.as_of}, the last day of the data", "dim"),
    )


def _listed(heading: str, found: list[Beside]) -> Table:
    table = plain_table(heading)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("product, and why")
    table.add_column("product id", overflow="fold")
    for rank, beside in enumerate(found, start=1):
        product = plain_text(
            (safe(beside.described.title, TITLE_LENGTH), ""), (f"\n{beside.sentence}", "dim")
        )
        table.add_row(str(rank), product, plain_text((safe(beside.product_id), "")))
    return table

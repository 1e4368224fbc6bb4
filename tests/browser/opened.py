"""A dashboard in a browser's window, and how its numbers are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Opened:
    """A dashboard in a window, and what went wrong in it.

    Attributes
    ----------
    page
        Playwright's page.
    problems
        Console errors and warnings, uncaught errors, requests for anything but the file itself.
    """

    page: Any
    problems: list[str] = field(default_factory=list)

    def show(self, analysis: str) -> None:
        """Click the tab of an analysis."""
        self.page.locator(f"#tab-{analysis}").click()
        self.settle()

    def settle(self) -> None:
        """Wait until the cards out of sight and the heat maps are drawn, too."""
        self.page.wait_for_function(
            """() => document.getElementById("main").getAttribute("aria-busy") === "false" &&
                [...document.querySelectorAll(".analysis:not([hidden]) [data-engine=plotly]")]
                    .every(place => place.querySelector(".main-svg"))"""
        )

    def choose(self, **choices: str) -> None:
        """Set controls by the ids of their choices, as a person would with the mouse."""
        for control, choice in choices.items():
            if control == "period":
                inputs = self.page.locator("#control-period input")
                values = inputs.evaluate_all("inputs => inputs.map(input => input.value)")
                self.page.locator("#control-period label").nth(values.index(choice)).click()
            else:
                self.page.locator(f"#control-{control}").select_option(choice)
        self.settle()

    def card(self, panel: str, title: str | None = None) -> Any:
        """The card of a panel in the analysis that is open; by its title where there are two."""
        found = self.page.locator(f".analysis:not([hidden]) .card[data-panel='{panel}']")
        if title is None:
            return found.first
        heading = self.page.locator("h3").get_by_text(title, exact=True)
        return found.filter(has=heading)

    def tile(self, name: str, within: str = "kpis") -> str:
        """The value in a tile."""
        return self.card(within).locator(f"[data-value='{name}']").inner_text()

    def table(self, panel: str, title: str | None = None) -> list[dict[str, str]]:
        """The rows of a card's table, switched to where a chart is shown."""
        card = self.card(panel, title)
        toggle = card.locator(".card-head button")
        if toggle.is_visible() and toggle.get_attribute("aria-pressed") == "false":
            toggle.click()
        script = """table => {
            const names = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
            return [...table.tBodies[0].rows].map(row =>
                Object.fromEntries([...row.cells].map((cell, n) => [names[n], cell.textContent])));
        }"""
        rows: list[dict[str, str]] = card.locator("table").first.evaluate(script)
        return rows


Open = Callable[..., Opened]


def number(text: str) -> float:
    """A number as the page writes it: 1,234, $12.50, −3.1 %, $1.38M."""
    found = re.search(r"[−-]?\$?[\d,]*\.?\d+", text)
    assert found, text
    value = float(found[0].replace("$", "").replace(",", "").replace("−", "-"))
    return value * (1e3 if text.endswith("K") else 1e6 if text.endswith("M") else 1)

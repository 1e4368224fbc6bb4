"""axe-core finds no fault, not even a minor one: both themes, wide and narrow, also as tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from browser.opened import Open, Opened

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "axe" / "axe.min.js"
ANALYSES = ("overview", "sales", "customers", "products", "trends", "recommendations")


def faults(opened: Opened) -> list[str]:
    """Violations of WCAG A and AA and of axe's best practices, whatever their impact."""
    found = opened.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_no_fault(
    theme: str, width: int, height: int, tiny_dashboard: str, open_page: Open
) -> None:
    opened = open_page(tiny_dashboard, width=width, height=height, theme=theme)
    opened.page.evaluate(AXE.read_text(encoding="utf-8"))
    for analysis in ANALYSES:
        opened.show(analysis)
        assert faults(opened) == [], analysis
        if width < 1440:
            continue
        for toggle in opened.page.locator(f"#panel-{analysis} .card-head button:visible").all():
            toggle.click()
        assert faults(opened) == [], f"{analysis} as tables"


def test_axe_is_really_asked(open_page: Open) -> None:
    opened = open_page("<!doctype html><html><body><img src='data:,'><p>text</p></body></html>")
    opened.page.evaluate(AXE.read_text(encoding="utf-8"))
    assert any(fault.startswith("image-alt") for fault in faults(opened))

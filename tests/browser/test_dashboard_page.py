"""The page in a real browser: opens, keeps its state, stays honest, and runs nothing from data."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from browser.opened import Open, Opened
from product_recommender.dashboard.bundle import dashboard_html

pytestmark = pytest.mark.browser

ANALYSES = ("overview", "sales", "customers", "products", "trends", "recommendations")
HOSTILE = (
    "<b>bold</b><script>window.hacked=1</script><img src=x onerror=window.hacked=2> & </script>"
)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_each_analysis_opens_and_draws_every_panel(
    analysis: str, tiny_payload: dict[str, Any], tiny_dashboard: str, open_page: Open
) -> None:
    opened = open_page(tiny_dashboard)
    opened.show(analysis)
    panel = opened.page.locator(f"#panel-{analysis}")
    assert panel.is_visible()
    assert opened.page.locator(".analysis:visible").count() == 1
    shown = set(panel.locator(".card").evaluate_all("all => all.map(one => one.dataset.panel)"))
    assert shown == set(tiny_payload["analyses"][analysis])
    # Every card holds a drawing that is not blank, a table, words or an honest empty state.
    blank = panel.locator(".card").evaluate_all(
        """cards => cards.filter(card => {
            const canvas = card.querySelector("canvas");
            if (!canvas) return !card.querySelector(".main-svg, table, .empty, dl, ul, form");
            const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return !pixels.data.some(value => value > 0);
        }).map(card => card.dataset.panel)"""
    )
    assert blank == []


def test_every_chart_has_a_table_of_its_numbers(tiny_dashboard: str, open_page: Open) -> None:
    opened = open_page(tiny_dashboard)
    turned = 0
    for analysis in ANALYSES:
        opened.show(analysis)
        for card in opened.page.locator(f"#panel-{analysis} .card").all():
            charts = card.locator("canvas, .main-svg").count()
            toggle = card.locator(".card-head button")
            if charts:
                toggle.click()
                assert card.locator("tbody tr").count() > 0
                assert card.locator("canvas, .main-svg").count() == 0
                toggle.click()
                assert card.locator("canvas, .plotly-place").count() == 1
                turned += 1
    assert turned >= 15


def test_a_view_is_shared_by_its_address(tiny_dashboard: str, open_page: Open) -> None:
    opened = open_page(tiny_dashboard)
    opened.show("products")
    category = opened.page.locator("#control-category option").nth(2).get_attribute("value")
    opened.choose(
        period="90d", category=str(category), price_band="band2", customer_type="returning"
    )
    words = opened.page.locator("#selection").inner_text()
    for control in ("category", "price_band", "customer_type"):
        chosen = opened.page.locator(f"#control-{control} option:checked").inner_text()
        assert f" · {chosen}" in words
    view = opened.page.url.split("#")[1]
    assert parse_qs(view) == {
        "analysis": ["products"],
        "period": ["90d"],
        "category": [category],
        "price_band": ["band2"],
        "customer_type": ["returning"],
    }
    other = open_page(tiny_dashboard, view=view)
    assert other.page.locator("#selection").inner_text() == words
    assert other.page.locator("#panel-products").is_visible()
    other.page.locator("#reset").click()
    assert "category" not in other.page.url
    assert other.page.locator("#control-category").input_value() == "all"


def test_an_address_with_nonsense_opens_the_start(tiny_dashboard: str, open_page: Open) -> None:
    opened = open_page(tiny_dashboard, view="analysis=constructor&period=never&category=%00&x=<b>")
    assert opened.page.locator("#panel-overview").is_visible()
    assert opened.page.locator("#control-category").input_value() == "all"


def test_hostile_names_stay_text(tiny_payload: dict[str, Any], open_page: Open) -> None:
    payload = tiny_payload
    payload["products"]["titles"] = [HOSTILE for _ in payload["products"]["titles"]]
    for category in payload["controls"]["categories"][1:]:
        category["label"] = HOSTILE
    lookup = payload["analyses"]["recommendations"]["lookup"]
    lookup["reasons"] = [HOSTILE for _ in lookup["reasons"]]
    payload["meta"]["label"] = HOSTILE
    payload["meta"]["title"] = HOSTILE
    board = payload["analyses"]["recommendations"]["leaderboard"]["table"]["columns"]
    board["model"] = [f"{HOSTILE}{n}" for n, _ in enumerate(board["model"])]
    opened = open_page(dashboard_html(payload))
    for analysis in ANALYSES:
        opened.show(analysis)
        for toggle in opened.page.locator(f"#panel-{analysis} .card-head button:visible").all():
            toggle.click()
    assert opened.page.evaluate("window.hacked") is None
    assert opened.page.locator("img, main script, header script").count() == 0
    opened.show("products")
    assert opened.table("best_sellers")[0]["Product"] == HOSTILE
    fresh = open_page(dashboard_html(payload), view="analysis=recommendations")
    assert opened.page.locator("h1").inner_text() == HOSTILE
    names = fresh.card("leaderboard").locator(".ytick text").all_text_contents()
    assert names
    assert all(name.startswith("<b>bold</b>") for name in names)
    # Sentences name products, so they are as hostile as titles.
    assert fresh.card("lookup").get_by_role("cell", name=HOSTILE, exact=True).count() > 0


def test_a_script_that_got_into_the_page_would_not_run(
    tiny_payload: dict[str, Any], chromium: Any, tmp_path: Any
) -> None:
    html = dashboard_html(tiny_payload).replace(
        "</body>", "<script>window.hacked = 1</script></body>"
    )
    path = tmp_path / "injected.html"
    path.write_text(html, encoding="utf-8")
    page = chromium.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate("window.hacked") is None
    assert page.locator("#panel-overview h2").is_visible()
    assert any("Content Security Policy" in text for text in refused)
    page.close()


def test_an_empty_choice_says_so(tiny_payload: dict[str, Any], open_page: Open) -> None:
    payload = tiny_payload
    for cube in ("orders", "customers", "products", "stars_sum", "priced_orders", "revenue_cents"):
        old = payload["cubes"][cube]
        payload["cubes"][cube] = {"axes": old["axes"], "sparse": {"index": [], "values": []}}
    opened = open_page(dashboard_html(payload), view="analysis=overview&period=7d")
    assert opened.tile("Average stars") == "no reviews"
    assert opened.tile("Estimated revenue") == "no order with a known price"
    empty = opened.card("satisfaction").inner_text()
    assert "No reviews from" in empty
    assert "Choose a longer time period" in empty
    assert "0 orders by 0 customers" in opened.page.locator("#selection").inner_text()
    for analysis in ANALYSES:
        opened.show(analysis)


def test_without_prices_the_page_says_what_is_missing(
    tiny_payload: dict[str, Any], open_page: Open
) -> None:
    payload = tiny_payload
    payload["meta"]["prices_known"] = False
    sales = payload["analyses"]["sales"]
    for name in ("average_order_value", "margin"):
        sales[name] = {**sales[name], "available": False, "why": "No list price is known."}
    opened = open_page(dashboard_html(payload))
    assert opened.tile("Estimated revenue") == "not known: the data hold no prices"
    assert opened.page.locator("#control-price_band").is_disabled()
    opened.show("sales")
    assert "No list price is known." in opened.card("average_order_value").inner_text()
    text = opened.page.locator("#panel-sales").inner_text()
    assert "$0" not in text
    assert "Revenue over time" not in text


def test_generated_data_is_labelled_and_real_data_is_not(
    tiny_payload: dict[str, Any], open_page: Open
) -> None:
    opened = open_page(dashboard_html(tiny_payload))
    assert "Generated data." in opened.page.locator("#generated").inner_text()
    assert "generated" in opened.page.title().lower()
    tiny_payload["meta"] |= {"is_generated": False, "title": "Real", "label": "A shop"}
    opened = open_page(dashboard_html(tiny_payload))
    assert opened.page.locator("#generated").is_hidden()
    assert "generated" not in opened.page.locator("header").inner_text().lower()


def test_panels_say_what_cannot_change_them(
    tiny_payload: dict[str, Any], tiny_dashboard: str, open_page: Open
) -> None:
    words = {
        "period": "time period",
        "category": "category",
        "price_band": "price range",
        "customer_type": "customer type",
    }
    opened = open_page(tiny_dashboard)
    said = 0
    for analysis in ANALYSES:
        opened.show(analysis)
        for name, panel in tiny_payload["analyses"][analysis].items():
            chip = opened.card(name).locator(".unaffected")
            controls = [words[control] for control in panel["unaffected_by"]]
            assert chip.count() == bool(controls)
            if controls:
                assert chip.inner_text() == f"Not affected by: {', '.join(controls)}"
                said += 1
    assert said > 5


def focused(opened: Opened) -> str:
    return str(
        opened.page.evaluate("document.activeElement.id || document.activeElement.textContent")
    )


def test_everything_is_reached_by_keyboard(tiny_dashboard: str, open_page: Open) -> None:
    opened = open_page(tiny_dashboard)
    keyboard = opened.page.keyboard
    keyboard.press("Tab")
    assert focused(opened) == "skip"
    assert opened.page.locator("#skip").bounding_box()["y"] >= 0
    keyboard.press("Enter")
    assert focused(opened) == "main"
    opened.page.evaluate("document.activeElement.blur()")
    opened.page.locator("#theme").focus()
    keyboard.press("Tab")
    assert focused(opened) == "tab-overview"
    keyboard.press("ArrowRight")
    assert focused(opened) == "tab-sales"
    assert opened.page.locator("#panel-sales").is_visible()
    keyboard.press("End")
    assert focused(opened) == "tab-recommendations"
    keyboard.press("ArrowRight")
    assert focused(opened) == "tab-overview"
    keyboard.press("Tab")
    checked = "document.activeElement.value"
    assert (
        opened.page.evaluate(checked)
        == opened.page.locator("#control-period input:checked").input_value()
    )
    keyboard.press("ArrowLeft")
    assert "period=" in opened.page.url
    for control in ("category", "price_band", "customer_type"):
        keyboard.press("Tab")
        assert focused(opened) == f"control-{control}"
    keyboard.press("ArrowDown")
    assert "customer_type=new" in opened.page.url
    keyboard.press("Tab")
    assert focused(opened) == "reset"
    keyboard.press("Tab")
    assert focused(opened) == "Table"
    keyboard.press("Enter")
    assert opened.card("kpis").locator("table").is_visible()


def test_suggestions_lead_to_their_numbers(tiny_payload: dict[str, Any], open_page: Open) -> None:
    suggestions = tiny_payload["analyses"]["recommendations"]["suggestions"]["list"]
    cells = len(suggestions["lengths"])
    suggestions["lengths"] = [1] * cells
    row = {
        "rule": "short stock",
        "tone": "warn",
        "text": "Order <b>again</b>.",
        "analysis": "products",
        "panel": "stock_cover",
    }
    suggestions["columns"] = {name: [value] * cells for name, value in row.items()}
    opened = open_page(dashboard_html(tiny_payload), view="analysis=recommendations&period=90d")
    card = opened.card("suggestions")
    assert "Order <b>again</b>." in card.inner_text()
    card.get_by_role("link").click()
    assert opened.page.evaluate("document.activeElement.dataset.panel") == "stock_cover"
    assert opened.page.locator("#panel-products").is_visible()
    assert "period=90d" in opened.page.url


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900)])
def test_nothing_is_wider_than_the_window(
    width: int, height: int, tiny_dashboard: str, open_page: Open
) -> None:
    opened = open_page(tiny_dashboard, width=width, height=height)
    for analysis in ANALYSES:
        opened.show(analysis)
        assert opened.page.evaluate("document.documentElement.scrollWidth") == width, analysis
        wide = opened.page.locator(f"#panel-{analysis} canvas").evaluate_all(
            "all => all.filter(one => one.getBoundingClientRect().right > innerWidth).length"
        )
        assert wide == 0, analysis


def test_light_and_dark_by_the_system_and_by_choice(tiny_dashboard: str, open_page: Open) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = open_page(tiny_dashboard, theme="light")
    dark = open_page(tiny_dashboard, theme="dark")
    assert light.page.evaluate(paper) == "rgb(250, 245, 234)"
    assert dark.page.evaluate(paper) == "rgb(27, 23, 19)"
    dark.page.locator("#theme").click()
    assert dark.page.evaluate(paper) == "rgb(250, 245, 234)"
    light.page.locator("#theme").click()
    assert light.page.evaluate(paper) == "rgb(27, 23, 19)"

"""A real browser: Debian's Chromium, driven by Playwright. Neither is downloaded by the tests."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.opened import Open, Opened

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
REQUIRED = "PRODUCT_RECOMMENDER_REQUIRE_BROWSER"
"""Set in the environment, a missing browser fails the tests instead of skipping them."""


def missing(what: str) -> None:
    message = f"NO BROWSER TESTS: {what}"
    if os.environ.get(REQUIRED):
        pytest.fail(f"{message} ({REQUIRED} is set)")
    pytest.skip(message)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Chromium, started once; skips in one loud line where it or Playwright is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("the Python package playwright is not installed")
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if executable is None:
        missing(f"none of {', '.join(CHROMIUM_NAMES)} is on the path (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Open an HTML document from disk; fails at the end if the page complained about anything."""
    windows: list[Opened] = []
    contexts = []

    def open_(
        html: str,
        width: int = 1440,
        height: int = 900,
        theme: str = "light",
        view: str = "",
    ) -> Opened:
        path = tmp_path / f"dashboard_{len(windows)}.html"
        path.write_text(html, encoding="utf-8")
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme
        )
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("console", lambda message: _note(opened, message))
        opened.page.on("pageerror", lambda error: opened.problems.append(f"uncaught: {error}"))
        address = path.as_uri()

        def on_request(request: Any) -> None:
            if request.url.split("#")[0] != address:
                opened.problems.append(f"request: {request.url[:200]}")

        opened.page.on("request", on_request)
        opened.page.goto(f"{address}#{view}")
        if 'id="payload"' in html:
            opened.settle()
        windows.append(opened)
        return opened

    yield open_
    for context in contexts:
        context.close()
    assert [problem for opened in windows for problem in opened.problems] == []


def _note(opened: Opened, message: Any) -> None:
    if message.type in ("error", "warning"):
        opened.problems.append(f"console {message.type}: {message.text}")


@pytest.fixture(scope="session")
def tiny_dashboard(tiny_run: Any) -> str:
    """The page of the tiny world, as the run wrote it."""
    return str(tiny_run.load("dashboard"))


@pytest.fixture
def tiny_payload(tiny_run: Any) -> dict[str, Any]:
    """The payload of the tiny world, to be changed at will."""
    payload: dict[str, Any] = copy.deepcopy(tiny_run.load("dashboard_data"))
    json.dumps(payload)
    return payload

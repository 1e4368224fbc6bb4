"""The README's pictures of the dashboard, taken by headless Chromium.

kedro run --pipelines=reporting           # after `make run`: writes the page
python -m benchmarks.dashboard_pictures   # data/08_reporting/dashboard.html
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from benchmarks.kedro_runs import PROJECT
from benchmarks.pictures import CHROMIUM_NAMES

WINDOWS = {"dashboard.png": (1440, 1085, 1.0), "dashboard_phone.png": (390, 1180, 1.5)}
"""Width and height of the window in CSS pixels, and pixels of the picture for each of them."""


def main() -> None:
    """Write the pictures to `docs/pictures/`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--page",
        type=Path,
        default=PROJECT / "data" / "08_reporting" / "dashboard.html",
        help="the page; the one of the last run on generated data by default",
    )
    options = parser.parse_args()
    if not options.page.is_file():
        parser.error(f"{options.page} is not there; `kedro run --pipelines=reporting` writes it")
    browser = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if browser is None:
        parser.error(f"no browser: install one of {', '.join(CHROMIUM_NAMES)}")
    for path in take(browser, options.page, PROJECT / "docs" / "pictures"):
        print(f"{path.name}: {path.stat().st_size // 1024} KB")


def take(browser: str, page: Path, folder: Path) -> list[Path]:
    """Open the page in each window and take a picture of what is seen first.

    Parameters
    ----------
    browser
        Path of a Chromium.
    page
        A dashboard.
    folder
        Where the pictures go.

    Returns
    -------
    list of Path
        The pictures.
    """
    from playwright.sync_api import sync_playwright

    written = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for name, (width, height, scale) in WINDOWS.items():
            opened = chromium.new_context(
                viewport={"width": width, "height": height},
                device_scale_factor=scale,
                color_scheme="light",
            ).new_page()
            opened.goto(page.resolve().as_uri())
            opened.wait_for_function("() => document.querySelector('main').ariaBusy === 'false'")
            written.append(folder / name)
            opened.screenshot(path=written[-1])
        chromium.close()
    return written


if __name__ == "__main__":
    main()

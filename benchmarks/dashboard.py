"""Size, first paint and filter changes of the dashboard in headless Chromium.

    kedro run --pipelines=synthetic_data,__default__      # the page of the generated data
    python -m benchmarks.dashboard --page generated=data/08_reporting/dashboard.html \\
        --page Digital_Software=data/amazon_us/08_reporting/dashboard.html

A filter change is timed from the control's event until the frame after it has been handed to the
screen, so it holds the page's own work, layout and painting, and up to a frame of waiting. What is
out of sight is drawn after that, piece by piece; the time until all of it stands is measured too.
Every choice of every control is made in every analysis. First paint is the browser's own
first-contentful-paint of a page opened from disk in a fresh profile.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
from pathlib import Path
from typing import Any

from benchmarks.pictures import CHROMIUM_NAMES
from benchmarks.record import described, write_result
from product_recommender.machine import describe_machine

LIMITS = {"megabytes": 6.0, "first_paint_ms": 1_500.0, "filter_change_ms": 100.0}
"""What the page promises."""

STARTS = 7
ANALYSES = ("overview", "sales", "customers", "products", "trends", "recommendations")

CHANGE_EVERYTHING = """async () => {
    const settled = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    const changes = [];
    const timed = async (control, choice, act) => {
        await settled();
        const start = performance.now();
        act();
        const worked = performance.now() - start;
        await settled();
        const painted = performance.now() - start;
        const busy = () => document.getElementById("main").getAttribute("aria-busy") === "true";
        while (busy()) await settled();
        changes.push({control, choice, work_ms: worked, painted_ms: painted,
                      complete_ms: performance.now() - start});
    };
    for (const input of [...document.querySelectorAll("#control-period input"),
                         document.querySelector("#control-period input:checked")])
        await timed("period", input.value, () => input.click());
    for (const name of ["category", "price_band", "customer_type"]) {
        const list = document.getElementById(`control-${name}`);
        if (list.disabled) continue;
        for (const at of [...list.options].map((_, n) => n).slice(1).concat(0))
            await timed(name, list.options[at].value, () => {
                list.selectedIndex = at;
                list.dispatchEvent(new Event("change", {bubbles: true}));
            });
    }
    return changes;
}"""


def main() -> None:
    """Measure the pages and write ``benchmarks/results/dashboard.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--page",
        action="append",
        required=True,
        metavar="NAME=FILE",
        help="a dashboard.html that a run has written, and what to call its data; repeatable",
    )
    options = parser.parse_args()
    pages = {}
    for page in options.page:
        name, _, path = page.partition("=")
        if not path or not Path(path).is_file():
            parser.error(
                f"--page {page}: no such file; `kedro run --pipelines=reporting` writes one"
            )
        pages[name] = Path(path)
    measured = {name: measure(path) for name, path in pages.items()}
    command = "python -m benchmarks.dashboard " + " ".join(f"--page {name}=..." for name in pages)
    content = {"limits": LIMITS, "load_average": os.getloadavg()[0], "pages": measured}
    print(as_markdown(measured, describe_machine()))
    print(write_result("dashboard", command, content))


def measure(path: Path) -> dict[str, Any]:
    """Open one page again and again, then change every control in every analysis.

    Parameters
    ----------
    path
        The page.

    Raises
    ------
    SystemExit
        Without Playwright or a Chromium.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise SystemExit("install playwright: .venv/bin/pip install playwright") from error
    browser_path = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if browser_path is None:
        raise SystemExit(f"no browser: install one of {', '.join(CHROMIUM_NAMES)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        version = browser.version
        starts = [_start(browser, path) for _ in range(STARTS + 1)][1:]
        changes = _changes(browser, path)
        browser.close()
    return {"browser": f"Chromium {version}", "bytes": path.stat().st_size} | summed(
        starts, changes
    )


def summed(
    starts: list[dict[str, float]], changes: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """Medians and extremes of what was timed.

    Parameters
    ----------
    starts
        ``first_paint_ms`` and ``first_view_ms`` of each start.
    changes
        By analysis: ``control``, ``choice``, ``work_ms``, ``painted_ms`` and
        ``complete_ms`` of each change.
    """
    every = [
        {"analysis": analysis, **change} for analysis, rows in changes.items() for change in rows
    ]
    slowest = max(every, key=lambda change: change["painted_ms"])
    return {
        **{
            name: _spread([start[name] for start in starts])
            for name in ("first_paint_ms", "first_view_ms")
        },
        "filter_changes": len(every),
        "filter_change_ms": _spread([change["painted_ms"] for change in every]),
        "filter_complete_ms": _spread([change["complete_ms"] for change in every]),
        "filter_work_ms": _spread([change["work_ms"] for change in every]),
        "filter_change_ms_by_analysis": {
            analysis: _spread([change["painted_ms"] for change in rows])
            for analysis, rows in changes.items()
        },
        "slowest": {key: slowest[key] for key in ("analysis", "control", "choice")},
    }


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 1),
        "highest": round(ordered[-1], 1),
    }


def _start(browser: Any, path: Path) -> dict[str, float]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(path.resolve().as_uri())
    page.wait_for_function(
        "() => performance.getEntriesByName('first-contentful-paint').length > 0"
    )
    times: dict[str, float] = page.evaluate(
        """() => ({
            first_paint_ms: performance.getEntriesByName("first-contentful-paint")[0].startTime,
            first_view_ms: performance.getEntriesByName("dashboard-drawn")
                .map(one => one.startTime + one.duration)[0],
        })"""
    )
    context.close()
    return times


def _changes(browser: Any, path: Path) -> dict[str, list[dict[str, Any]]]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(path.resolve().as_uri())
    page.wait_for_function("() => window.Plotly")
    found = {}
    for analysis in ANALYSES:
        page.locator(f"#tab-{analysis}").click()
        page.wait_for_timeout(500)
        found[analysis] = page.evaluate(CHANGE_EVERYTHING)
    return found


def as_markdown(measured: dict[str, dict[str, Any]], machine: dict[str, Any]) -> str:
    """The figures as a table.

    Parameters
    ----------
    measured
        As in ``dashboard.json``.
    machine
        As returned by ``describe_machine``.
    """
    lines = [
        f"Headless Chromium on {described(machine)}; a filter change until its frame is painted.",
        "",
        "| data | file | first paint, median (highest) | filter change, median (95 %, highest) |",
        "|---|---|---|---|",
    ]
    for name, row in measured.items():
        paint, change = row["first_paint_ms"], row["filter_change_ms"]
        lines.append(
            f"| {name} | {row['bytes'] / 1e6:.2f} MB | {paint['median']:.0f} ms "
            f"({paint['highest']:.0f}) | {change['median']:.0f} ms "
            f"({change['p95']:.0f}, {change['highest']:.0f}), {row['filter_changes']} changes |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()

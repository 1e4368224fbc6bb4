"""The README's figures as pictures, drawn from the catalog of the last run by headless Chromium.

    python -m benchmarks.pictures            # the generated data of `make run`

The lineage (`docs/pictures/lineage.png`) is a screenshot of `make viz`: pipeline `modeling`, drawn
from left to right.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.kedro_runs import PROJECT, load_catalog

PICTURES = {
    "evaluation_ranking_figure": (860, 760),
    "evaluation_segments_figure": (860, 700),
    "segmentation_profiles_figure": (860, 520),
    "eda_purchases_over_time_figure": (860, 460),
    "propensity_reliability_figure": (900, 560),
}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--virtual-time-budget=8000",
)


def main() -> None:
    """Write one PNG per figure to `docs/pictures/`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default=None, help="Kedro environment; none is generated data")
    options = parser.parse_args()
    browser = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if browser is None:
        raise SystemExit(f"no browser: install one of {', '.join(CHROMIUM_NAMES)}")
    catalog = load_catalog(options.env)
    for name, (width, height) in PICTURES.items():
        path = PROJECT / "docs" / "pictures" / f"{name.removesuffix('_figure')}.png"
        draw(browser, catalog.load(name), path, width, height)
        print(f"{path.relative_to(PROJECT)}: {path.stat().st_size // 1024} KB")


def draw(browser: str, figure: Any, path: Path, width: int, height: int) -> None:
    """Let the browser draw one plotly figure into a PNG.

    Parameters
    ----------
    browser
        Path of a Chromium.
    figure
        A plotly figure.
    path
        The PNG; its folder is made.
    width, height
        Pixels; a figure with a height of its own keeps that.
    """
    import plotly.io

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "figure.html"
        height = int(figure.layout.height or height)  # a figure that needs more says so
        body = plotly.io.to_html(
            figure,
            include_plotlyjs=True,
            full_html=False,
            default_width=f"{width}px",
            default_height=f"{height}px",
            config={"displayModeBar": False},
        )
        page.write_text(
            f'<!doctype html><meta charset="utf-8"><body style="margin:0">{body}</body>',
            encoding="utf-8",
        )
        arguments = [f"--user-data-dir={folder}/profile", f"--window-size={width},{height}"]
        command = [browser, *QUIET, *arguments, f"--screenshot={path}", page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)


if __name__ == "__main__":
    main()

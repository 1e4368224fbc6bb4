"""The static lineage: nothing in it calls another server or names this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from product_recommender.lineage_site import clean_site

PAGE = """<html><head>
<link rel="preconnect" href="https://fonts.gstatic.com" crossorigin />
<link
  href="https://fonts.googleapis.com/css2?family=Inter"
  rel="stylesheet"
/>
<script type="text/javascript">window.heap=window.heap||[];heap.load("42");</script>
<script async src="//cdn.example.org/track.js"></script>
<script type="module" crossorigin src="./assets/index.js"></script>
<link rel="stylesheet" href="./assets/index.css">
</head><body>See https://example.org for more</body></html>"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = tmp_path / "build"
    (site / "api" / "nodes").mkdir(parents=True)
    (site / "index.html").write_text(PAGE)
    (site / "telemetry.html").write_text("<script>heap</script>")
    (site / "api" / "nodes" / "a1").write_text(
        json.dumps({"filepath": f"{tmp_path}/data/03_primary/reviews.parquet"})
    )
    return site


def test_trackers_and_fonts_are_gone_and_our_own_parts_stay(site: Path, tmp_path: Path) -> None:
    clean_site(site, tmp_path)
    page = (site / "index.html").read_text()
    assert not (site / "telemetry.html").exists()
    for foreign in ("heap", "gstatic", "googleapis", "cdn.example.org"):
        assert foreign not in page
    assert 'src="./assets/index.js"' in page
    assert 'href="./assets/index.css"' in page
    assert "See https://example.org for more" in page


def test_paths_are_those_of_the_project(site: Path, tmp_path: Path) -> None:
    clean_site(site, tmp_path)
    node = json.loads((site / "api" / "nodes" / "a1").read_text())
    assert node["filepath"] == "data/03_primary/reviews.parquet"


def test_what_still_calls_elsewhere_is_refused(site: Path, tmp_path: Path) -> None:
    (site / "index.html").write_text('<img src="https://example.org/pixel.gif">')
    with pytest.raises(ValueError, match=r"index\.html still loads"):
        clean_site(site, tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        clean_site(tmp_path, tmp_path)

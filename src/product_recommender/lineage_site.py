"""``make docs``: the lineage as a static site, without anything that calls home.

kedro-viz builds the pages. What it adds for its makers and for looks is taken out again: the
tracking script, fonts from another server, and the paths of the machine that it was built on.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

BUILT = Path("build")
"""Where kedro-viz writes, without asking."""

SITE = Path("build") / "lineage"
_TRACKING = "telemetry.html"
_ELSEWHERE = re.compile(
    r"<(?:link|script)\b[^>]*(?:href|src)=[\"'](?:https?:)?//[^>]*>(?:\s*</script>)?", re.IGNORECASE
)
_TRACKING_SCRIPT = re.compile(r"<script\b[^>]*>(?:(?!</script>).)*\bheap\b.*?</script>", re.S)


def clean_site(site: Path, project: Path) -> None:
    """Take out of a built site what would call another server or name this machine.

    Parameters
    ----------
    site
        Folder with ``index.html`` and ``api``, as ``kedro viz build`` leaves it; changed in place.
    project
        Root of the project: paths below it become relative to it.

    Raises
    ------
    FileNotFoundError
        If the folder holds no site.
    ValueError
        If a page still loads something from elsewhere.
    """
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"{site} holds no index.html: kedro-viz has built nothing there")
    (site / _TRACKING).unlink(missing_ok=True)
    for page in site.glob("*.html"):
        text = _TRACKING_SCRIPT.sub("", page.read_text(encoding="utf-8"))
        text = _ELSEWHERE.sub("", text)
        if re.search(r"(?:src|href)=[\"'](?:https?:)?//", text) or "heapanalytics" in text:
            raise ValueError(f"{page} still loads something from another server: look at it")
        page.write_text(text, encoding="utf-8")
    prefix = f"{project.resolve()}/"
    for answer in (path for path in (site / "api").rglob("*") if path.is_file()):
        text = answer.read_text(encoding="utf-8")
        if prefix in text:
            answer.write_text(text.replace(prefix, ""), encoding="utf-8")


def build(project: Path) -> Path:
    """Build the site of the last run, figures and tables included.

    Parameters
    ----------
    project
        Root of the project.

    Returns
    -------
    pathlib.Path
        The folder of the site.

    Raises
    ------
    RuntimeError
        If kedro-viz cannot build it, with what it said.
    """
    site, built = project / SITE, project / BUILT
    shutil.rmtree(site, ignore_errors=True)
    folders = [path for path in built.glob("*") if path.is_dir()]
    not_ours = {path.name for path in folders} - {"api", "assets"}
    command = [sys.executable, "-m", "kedro", "viz", "build", "--include-previews"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    if done.returncode != 0 or not (built / "index.html").is_file():
        raise RuntimeError(f"`kedro viz build` failed: {(done.stderr or done.stdout)[-800:]}")
    site.mkdir(parents=True)
    for path in built.iterdir():
        if path != site and path.name not in not_ours:
            shutil.move(str(path), site / path.name)
    clean_site(site, project)
    return site


def main() -> None:
    """Build the site here and say how to look at it."""
    try:
        site = build(Path.cwd())
    except (RuntimeError, OSError, ValueError) as error:
        sys.exit(f"Error: {error}")
    print(f"The lineage is in {site.relative_to(Path.cwd())}. Browsers load it from a server only:")
    print(f"  {sys.executable} -m http.server -d {site.relative_to(Path.cwd())}")


if __name__ == "__main__":
    main()

"""One self-contained HTML file from the payload and the page's parts.

Nothing in the file loads anything: scripts, styles and data are inline, and a Content Security
Policy in the page forbids every request and every script but the bundled ones, which it names by
their SHA-256. A product title that got past the escaping would therefore still not run.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from product_recommender.dashboard.palette import css_variables

PAGE = Path(__file__).parent / "page"
STYLES = ("base.css", "cards.css", "charts.css")
ENTRY = "main.js"
VENDORED = {
    "chart.js 4.6.1 (chart.umd.min.js)": ("chart.umd.min.js", "chart.LICENSE.md"),
    "plotly.js 4.1.1 (plotly.js-cartesian-dist-min)": (
        "plotly-cartesian.min.js",
        "plotly.LICENSE.txt",
    ),
}
"""npm package, file and licence of what is vendored in ``page/vendor``."""

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.{1,2}/[\w./-]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|let|class)\b)", re.MULTILINE)
_DECLARED = re.compile(r"^(?:async )?(?:function\*?|const|let|class) (\w+)", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def dashboard_html(payload: Mapping[str, Any]) -> str:
    """Put payload, scripts and styles into the page.

    Parameters
    ----------
    payload
        JSON values only (see ``payload.py``); ``meta.title`` becomes the document's title.

    Returns
    -------
    str
        A whole HTML document that needs no network.

    Raises
    ------
    ValueError
        If the payload holds a value that JSON has no word for (NaN, infinity), or a part of the
        page cannot be bundled.
    """
    chart, plotly = (_vendored(name) for name, _ in VENDORED.values())
    page = join_modules(PAGE / "js", ENTRY)
    parts = {
        "title": html.escape(str(payload["meta"]["title"])),
        "policy": html.escape(content_policy(chart, plotly, page)),
        "styles": "\n".join([css_variables(), *(_read(PAGE / "css" / name) for name in STYLES)]),
        "payload": json_for_html(payload),
        "licences": html.escape(_licences()),
        "chart": chart,
        "plotly": plotly,
        "page": page,
    }
    template = _read(PAGE / "template.html")
    named = set(re.findall(r"\{\{(\w+)\}\}", template))
    if named != set(parts):
        raise ValueError(f"template.html names {sorted(named)}, bundle.py fills {sorted(parts)}")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def json_for_html(value: Any) -> str:
    """Write JSON that may stand inside a ``<script>`` element.

    ``<``, ``>`` and ``&`` are written as escapes, so neither ``</script>`` nor ``<!--`` can occur;
    so are U+2028 and U+2029, which end a line in older JavaScript.

    Parameters
    ----------
    value
        JSON values only.

    Raises
    ------
    ValueError
        If it holds NaN or an infinity, which browsers refuse to parse.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValueError(
            f"the dashboard's payload holds a number that JSON cannot write ({error}); "
            "an unknown value must be null"
        ) from error
    for character in ("<", ">", "&", "\u2028", "\u2029"):
        text = text.replace(character, f"\\u{ord(character):04x}")
    # A lone surrogate has no UTF-8: a title cut in the middle of an emoji must not break the file.
    return text.encode("utf-8", "replace").decode("utf-8")


def content_policy(*scripts: str) -> str:
    """Allow these inline scripts and the page's own styles, and nothing else.

    Parameters
    ----------
    *scripts
        Texts of the inline scripts, exactly as they stand between the tags.
    """
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in scripts
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def join_modules(folder: Path, entry: str) -> str:
    """Join ES modules into one classic script that runs in a scope of its own.

    A module may use ``import { a, b } from "./other.js";``, on a line of its own, and ``export``
    before a declaration; names are shared after joining, so no two modules may declare the same.

    Parameters
    ----------
    folder
        Where the modules lie.
    entry
        The first module; its imports, and theirs, come before it.

    Returns
    -------
    str
        JavaScript.

    Raises
    ------
    ValueError
        If a module imports what is not exported, two modules declare the same name, modules import
        each other in a circle, or a line uses another form of ``import`` or ``export``.
    """
    order: list[Path] = []
    _visit((folder / entry).resolve(), (), order)
    bodies, owners = [], dict[str, str]()
    for path in order:
        source = _read(path)
        for names, where in _IMPORT.findall(source):
            exported = _exports(_read((path.parent / where).resolve()))
            unknown = {name.strip() for name in names.split(",") if name.strip()} - exported
            if unknown:
                raise ValueError(f"{path.name}: {where} exports no {', '.join(sorted(unknown))}")
        body = _EXPORT.sub("", _IMPORT.sub("", source)).strip()
        if left_over := _LEFT_OVER.search(body):
            raise ValueError(f"{path.name}: this form cannot be joined: {left_over[0]}")
        for name in _DECLARED.findall(body):
            if name in owners:
                raise ValueError(f"{path.name} and {owners[name]} both declare {name}")
            owners[name] = path.name
        bodies.append(f"// {path.relative_to(folder.resolve()).as_posix()}\n{body}")
    return '(() => {\n"use strict";\n' + "\n\n".join(bodies) + "\n})();\n"


def _visit(path: Path, above: tuple[Path, ...], order: list[Path]) -> None:
    if path in above:
        circle = " -> ".join(module.name for module in (*above, path))
        raise ValueError(f"modules import each other in a circle: {circle}")
    if path in order:
        return
    for _, where in _IMPORT.findall(_read(path)):
        _visit((path.parent / where).resolve(), (*above, path), order)
    order.append(path)


def _exports(source: str) -> set[str]:
    return set(
        re.findall(r"^export (?:async )?(?:function\*?|const|let|class) (\w+)", source, re.M)
    )


def _vendored(name: str) -> str:
    text = _read(PAGE / "vendor" / name)
    if re.search(r"</script|<!--", text, re.IGNORECASE):
        raise ValueError(f"{name} holds text that would end its script element")
    return text


def _licences() -> str:
    return "\n\n".join(
        f"{package}\n\n{_read(PAGE / 'vendor' / licence).strip()}"
        for package, (_, licence) in VENDORED.items()
    )


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")

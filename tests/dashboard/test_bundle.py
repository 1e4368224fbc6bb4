"""One HTML file: data cannot end its script, nothing is loaded, modules are joined in order."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from product_recommender.dashboard.bundle import (
    PAGE,
    VENDORED,
    content_policy,
    dashboard_html,
    join_modules,
    json_for_html,
)

HOSTILE = "</script><script>alert(1)</script><!-- ]]> & \u2028 é 漢"


class Elements(HTMLParser):
    """Scripts, and every address that an element names, as a browser's parser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.addresses: list[str] = []
        self.policy = ""
        self.inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.addresses += [str(named[name]) for name in ("src", "href", "action") if name in named]
        if named.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(named["content"])
        self.inside = tag
        if tag == "script":
            self.scripts.append((named, ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = None

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)


def parsed(page: str) -> Elements:
    elements = Elements()
    elements.feed(page)
    elements.close()
    return elements


def test_json_survives_and_cannot_end_a_script() -> None:
    written = json_for_html({"title": HOSTILE, "n": None})
    assert json.loads(written) == {"title": HOSTILE, "n": None}
    assert not set("<>&\u2028") & set(written)


def test_numbers_without_json_are_refused() -> None:
    with pytest.raises(ValueError, match="must be null"):
        json_for_html({"x": float("nan")})


def test_half_an_emoji_does_not_break_the_file() -> None:
    assert json.loads(json_for_html("ab\ud83d")) == "ab?"


def test_a_hostile_payload_stays_data() -> None:
    payload = {"meta": {"title": HOSTILE}, "products": {"titles": [HOSTILE]}}
    elements = parsed(dashboard_html(payload))
    kinds = [attributes.get("type") for attributes, _ in elements.scripts]
    assert kinds == ["application/json", "text/plain", None, None]
    assert json.loads(elements.scripts[0][1]) == payload


def test_every_script_of_the_page_is_in_the_policy_and_nothing_is_loaded() -> None:
    page = dashboard_html({"meta": {"title": "A title"}})
    elements = parsed(page)
    allowed = re.findall(r"'sha256-([^']+)'", elements.policy)
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for attributes, text in elements.scripts
        if attributes.get("type") != "application/json"
    ]
    assert sorted(allowed) == sorted(hashes)
    assert "default-src 'none'" in elements.policy
    assert "unsafe-eval" not in elements.policy
    assert set(elements.addresses) == {"#main", "data:,"}
    assert "<title>A title</title>" in page
    for package, (_, licence) in VENDORED.items():
        assert package in page
        assert "Permission is hereby granted" in (PAGE / "vendor" / licence).read_text()


def test_policy_hashes_what_stands_between_the_tags() -> None:
    # printf 'alert(1)' | openssl dgst -sha256 -binary | base64
    assert "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='" in content_policy("alert(1)")


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return folder


def test_modules_are_joined_after_what_they_import(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        main='import { two } from "./b.js";\nimport { one } from "./a.js";\nshow(one, two);\n',
        b='import { one } from "./a.js";\nexport const two = one + 1;\n',
        a="export const one = 1;\n",
    )
    joined = join_modules(folder, "main.js")
    assert joined == (
        '(() => {\n"use strict";\n// a.js\nconst one = 1;\n\n// b.js\nconst two = one + 1;\n\n'
        "// main.js\nshow(one, two);\n})();\n"
    )


@pytest.mark.parametrize(
    ("modules", "complaint"),
    [
        ({"main": 'import { x } from "./a.js";\n', "a": "const x = 1;\n"}, "exports no x"),
        (
            {
                "main": 'import { x } from "./a.js";\nconst y = 1;',
                "a": "export const x = 1, z = 2;\nlet y;",
            },
            "both declare y",
        ),
        (
            {
                "main": 'import { x } from "./a.js";\n',
                "a": 'import { y } from "./b.js";\nexport const x = 1;\n',
                "b": 'import { x } from "./a.js";\nexport const y = 1;\n',
            },
            "circle: main.js -> a.js -> b.js -> a.js",
        ),
        ({"main": 'import * as a from "./a.js";\n'}, "cannot be joined: import"),
        ({"main": "export default 1;\n"}, "cannot be joined: export default"),
    ],
)
def test_modules_that_cannot_be_joined_are_refused(
    tmp_path: Path, modules: dict[str, str], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        join_modules(write(tmp_path, **modules), "main.js")


def test_page_never_parses_strings_as_html() -> None:
    for path in (PAGE / "js").rglob("*.js"):
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
            path.read_text(),
        ), path.name


def test_vendored_libraries_are_those_that_their_readme_names() -> None:
    readme = (PAGE / "vendor" / "README.md").read_text()
    for name, _ in VENDORED.values():
        text = (PAGE / "vendor" / name).read_bytes()
        assert f"`{hashlib.sha256(text).hexdigest()}`" in readme, name

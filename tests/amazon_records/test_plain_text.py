"""Mark-up out of texts: by hand, and whatever strangers write."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from product_recommender.amazon_records.plain_text import (
    joined_parts,
    one_line,
    plain_parts,
    plain_text,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lux &amp; Co", "Lux & Co"),
        ("Dad&#39;s &quot;day&quot;", 'Dad\'s "day"'),
        ("one<br>two<BR />three", "one\ntwo\nthree"),
        ("<p>one</p><p class='x'>two</p>", "one\ntwo"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<b>bold</b>ly", "bold ly"),
        ("a < b and c > d, 5 <3", "a < b and c > d, 5 <3"),
        ("&lt;b&gt;twice&lt;/b&gt; &amp;amp; more", "twice & more"),
        ("before<script>var x = 1;</script>after", "before after"),
        ("before<STYLE type='a'>p {x: 1}</Style >after", "before after"),
        ("before<!-- <b>not</b> shown -->after", "before after"),
        ("kept<script>never closed", "kept"),
        ('<span class="a-size-base">\n      No fees.\n   </span>', "No fees."),
        ("  many \t  spaces\r\n\r\n  and\rlines ", "many spaces\nand\nlines"),
        ("x\xa0y&nbsp;z", "x y z"),
        ("good text\n.a-box-inner{background-color:#fff}", "good text"),
        (".a-box-inner{background-color:#fff}#widget .selected{color:red}", None),
        ("var aPageStart = (new Date()).getTime(); (function(a){})", None),
        ("The var and function of a gene, 3.5 {sic}", "The var and function of a gene, 3.5 {sic}"),
        ("nul\0 and \ud800", "nul\ufffd and \ufffd"),
        ("&#xD800; &#0;", "\ufffd \ufffd"),
        ("<br/>", None),
        ("   ", None),
        (42, "42"),
        (True, None),
        (4.5, None),
        (None, None),
        (["a"], None),
        ({"a": 1}, None),
    ],
)
def test_what_a_person_would_read(text: object, expected: str | None) -> None:
    assert plain_text(text) == expected


def test_lists_of_texts() -> None:
    parts = ["<b>One</b>\ntwo", "", None, "three", {"x": 1}, "three", ["four"], "<br>"]
    assert plain_parts(parts) == ["One two", "three"]
    assert joined_parts(parts) == "One\ntwo\nthree"
    assert (plain_parts("just one"), joined_parts("just one")) == (["just one"], "just one")
    assert (plain_parts([]), joined_parts([]), joined_parts(None)) == ([], None, None)
    assert one_line("by\n    \n   Lux") == "by Lux"


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<script",
        "<script>",
        "<!--",
        "<a ",
        "&",
        "&lt;",
        "&amp;",
        " ",
        "\n ",
        "\r",
        ".a{",
        "#-",
    ],
)
def test_long_hostile_texts_end_quickly(piece: str) -> None:
    start = time.perf_counter()
    plain_text(piece * (300_000 // len(piece)) + "x")
    assert time.perf_counter() - start < 3


@given(st.text(alphabet="<>/abr!-&;#3 \n\r\0\ud800ltgsciptye{}.:", max_size=60))
def test_the_result_can_be_stored_and_has_no_empty_lines(text: str) -> None:
    found = plain_text(text)
    if found is not None:
        found.encode()
        assert "\0" not in found
        assert "\r" not in found
        assert all(line and line == line.strip() for line in found.split("\n"))

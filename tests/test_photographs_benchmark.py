"""The measurements on photographs, on made-up products whose answers are worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import photographs

TYPES = np.array(["lamp", "lamp", "lamp", "rug", "rug"])
NOTHING = np.eye(5, dtype=bool)


def test_base_rates_count_candidates_of_the_type() -> None:
    assert photographs.base_rate(TYPES, NOTHING).tolist() == [0.5, 0.5, 0.5, 0.25, 0.25]
    twin = NOTHING.copy()
    twin[0, 1] = twin[1, 0] = True
    assert photographs.base_rate(TYPES, twin).tolist() == pytest.approx(
        [1 / 3, 1 / 3, 0.5, 0.25, 0.25]
    )


def test_precision_counts_the_nearest_that_are_allowed() -> None:
    similarity = -np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
    found = photographs.neighbour_precision(similarity, TYPES, NOTHING, 2)
    # nearest of 0: 1, 2; of 1: 0, 2; of 2: 1, 3; of 3: 2, 4; of 4: 3, 2
    assert found.tolist() == [1, 1, 0.5, 0.5, 0.5]
    twin = NOTHING.copy()
    twin[0, 1] = twin[1, 0] = True
    assert photographs.neighbour_precision(similarity, TYPES, twin, 2).tolist()[0] == 0.5


def test_words_of_types_leave_the_text() -> None:
    words = photographs.type_words(["Box with lid", "Rugs, low pile", "Lamp"])
    text = "This BOX, a lampshade (low) on a Rug; boxes and rugged lids."
    # `rugged` begins with `rugs`? No: it stays, being another word.
    assert photographs.without_words(text, words) == "This , a () on a ; and rugged ."


def test_pictures_of_one_room_are_one_room() -> None:
    names = [
        "images/room_scenes/ikea-a-hall__1364309642958-s4.jpg",
        "images/room_scenes/ikea-a-hall-1364309642929.jpg",
        "images/room_scenes/ikea-a-hall.jpg",
    ]
    assert {photographs.room_of(name) for name in names} == {"ikea-a-hall"}
    assert photographs.room_of("x/ikea-another-hall-1.jpg") == "ikea-another-hall"


def products(rooms: list[list[str]]) -> list[dict[str, list[str]]]:
    return [{"room_scenes": [f"r/{name}-1.jpg" for name in seen]} for seen in rooms]


def test_a_room_left_out_is_not_known() -> None:
    table = photographs.room_table(products([["a", "b"], ["a", "b"], ["b"], ["c"]]))
    assert table.astype(int).tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 0, 1]]
    without_a = photographs.rooms_shared(table, 0)
    assert without_a[0, 1] == pytest.approx(1)
    assert without_a[0, 2] == pytest.approx(1)
    without_b = photographs.rooms_shared(table, 1)
    assert without_b[0, 1] == pytest.approx(1)
    assert without_b[0, 2] == 0


def test_types_that_share_rooms_more_than_by_chance_come_first() -> None:
    table = photographs.room_table(products([["a", "b", "c"], ["a", "b", "c"], ["d", "e"]]))
    lift = photographs.types_shared(table, 2, np.array(["lamp", "rug", "bowl"]))
    # Rooms a, b, d, e: lamp and rug are in a and b, expected 2 * 2 / 4 = 1; bowl is in d and e.
    assert lift[0, 1] == pytest.approx((2 + 1) / (1 + 1))
    assert lift[0, 2] == pytest.approx((0 + 1) / (1 + 1))


def test_hits_of_a_room_count_its_other_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "COMPLEMENTS", 1)
    scores = np.array([[0, 5, 1, 0], [0, 0, 5, 0], [5, 1, 0, 9], [0, 0, 0, 0]], dtype=float)
    inside = np.array([True, True, True, False])
    # 0 finds 1, 1 finds 2, 2 finds 3, which is not in the room.
    assert photographs.room_hits(scores, inside, np.eye(4, dtype=bool)) == (2, 6)
    twins = np.eye(4, dtype=bool)
    twins[0, 1] = twins[1, 0] = True  # now 0 finds 2
    assert photographs.room_hits(scores, inside, twins) == (2, 4)


def test_a_whole_report_from_similarities() -> None:
    listed = [
        {
            "type": kind,
            "name": f"n{i}",
            "photograph": f"h{i}",
            "room_scenes": [f"r/{room}-1.jpg"],
        }
        for i, (kind, room) in enumerate(zip(TYPES, "abcab", strict=True))
    ] * 3
    for i, product in enumerate(listed):
        listed[i] = product | {"photograph": f"h{i}", "name": f"n{i}"}
    draw = np.random.default_rng(0)
    types = np.array([p["type"] for p in listed])
    telling = (types[:, None] == types[None]) + draw.random((15, 15)) * 0.1
    similarities = {
        "image": telling,
        "text without the type": draw.random((15, 15)),
        "text with the title": telling,
    }
    found = photographs.same_type(listed, similarities)["all other products"]
    assert found["image"]["precision"] == 1
    assert found["image"]["over_base"]["low"] > 0
    assert found["base rate"]["precision"] == pytest.approx((9 * 8 / 14 + 6 * 5 / 14) / 15)
    rooms = photographs.complements(listed, similarities)
    # Three rooms; a and b with six products each, c with three.
    assert rooms["pairs_in_a_room"] == 15 + 15 + 3
    content = {
        "products": 15,
        "types": 2,
        "data": "made up",
        "models": {"image": "i", "text": "t"},
        "same_type": photographs.same_type(listed, similarities),
        "rooms": rooms,
    }
    page = "\n".join(photographs.page_lines(content))
    assert "| image | 1.000 [1.000, 1.000] |" in page

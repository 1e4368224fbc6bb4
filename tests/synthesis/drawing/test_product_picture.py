"""Everything in the vocabulary can be drawn, and every visual attribute shows."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from product_recommender.synthesis.drawing.colours import COLOUR_WORDS
from product_recommender.synthesis.drawing.look import LOOKS, Look
from product_recommender.synthesis.drawing.product_picture import (
    SILHOUETTES,
    draw_product,
    png_of,
)
from product_recommender.synthesis.vocabulary import VOCABULARIES

PLAIN = Look(**dict.fromkeys(LOOKS, 0.0))
SOME = (
    ("Electronics", "speaker", "Blue"),
    ("Furniture", "bed frame", "Walnut"),
    ("Major Appliances", "refrigerator", "White"),
    ("Personal_Care_Appliances", "epilator", "Purple"),
)


def pixels(category: str, noun: str, colour: str, look: Look) -> np.ndarray:
    return np.asarray(draw_product(category, noun, colour, look), dtype=np.float64)


def test_every_category_kind_and_colour_of_the_vocabulary_is_drawn_and_no_other() -> None:
    assert set(SILHOUETTES) == set(VOCABULARIES)
    for category, vocabulary in VOCABULARIES.items():
        assert list(SILHOUETTES[category]) == [kind.noun for kind in vocabulary.kinds]
        assert set(vocabulary.colors) <= set(COLOUR_WORDS)
    used = {colour for vocabulary in VOCABULARIES.values() for colour in vocabulary.colors}
    assert used == set(COLOUR_WORDS)


@pytest.mark.parametrize("category", sorted(SILHOUETTES))
def test_no_two_kinds_of_a_category_look_alike(category: str) -> None:
    colour = VOCABULARIES[category].colors[0]
    drawn = [pixels(category, noun, colour, PLAIN) for noun in SILHOUETTES[category]]
    for number, one in enumerate(drawn):
        for other in drawn[:number]:
            differs = (np.abs(one - other).max(axis=2) > 24).mean()
            assert differs > 0.04  # of all pixels: a product covers about a third


@pytest.mark.parametrize("category", sorted(SILHOUETTES))
def test_every_product_stays_inside_the_frame(category: str) -> None:
    colour = VOCABULARIES[category].colors[0]
    for slenderness, shift in ((-1.0, 3.0), (1.0, -3.0)):
        look = dataclasses.replace(PLAIN, slenderness=slenderness, zoom=1.04, shift=shift)
        room = None
        for noun in SILHOUETTES[category]:
            picture = pixels(category, noun, colour, look)
            room = picture if room is None else room
            # The outermost pixels of the wall show no product; on the floor lies its shadow.
            for edge in (np.s_[:96, :1], np.s_[:96, -1:], np.s_[:2]):
                np.testing.assert_array_equal(picture[edge], room[edge], err_msg=noun)


@pytest.mark.parametrize(("colour", "channel"), [("Red", 0), ("Blue", 2)])
def test_the_colour_of_the_title_is_the_colour_of_the_product(colour: str, channel: int) -> None:
    body = pixels("Electronics", "speaker", colour, PLAIN)[104:107, 50:78].mean(axis=(0, 1))
    assert body[channel] > 1.4 * np.delete(body, channel).max()


def warmth(picture: np.ndarray) -> float:
    return float((picture[..., 0] - picture[..., 2]).mean())


def lightness(picture: np.ndarray) -> float:
    return float(picture.mean())


def ornament(picture: np.ndarray) -> float:
    """Contrast between neighbours at the edge of the wall, where nothing but wallpaper is."""
    return float(np.abs(np.diff(picture[:80, :20].mean(axis=2), axis=0)).mean())


def roundness(picture: np.ndarray) -> float:
    """How far the panel's upper left corner is from the panel's colour."""
    return float(np.abs(picture[14:18, 26:30] - picture[14:18, 62:66]).mean())


@pytest.mark.parametrize("product", SOME, ids=[noun for _, noun, _ in SOME])
@pytest.mark.parametrize("measure", [warmth, lightness, ornament, roundness])
def test_a_visual_attribute_grows_step_by_step(measure, product) -> None:  # type: ignore[no-untyped-def]
    seen = [
        measure(pixels(*product, dataclasses.replace(PLAIN, **{measure.__name__: value})))
        for value in (-1.0, -0.4, 0.2, 0.8)
    ]
    assert seen == sorted(seen)
    assert seen[-1] - seen[0] > 4.0  # of 255 grey levels


def extent(look: Look) -> tuple[int, int]:
    """Width and height of what differs between two kinds in the same room: the larger of them."""
    one = pixels("Major Appliances", "refrigerator", "Black", look)
    two = pixels("Major Appliances", "cooktop", "Black", look)
    rows, columns = np.nonzero(np.abs(one - two).max(axis=2) > 40)
    return int(np.ptp(columns)), int(np.ptp(rows))


def test_slender_products_are_narrower_and_taller() -> None:
    widths, heights = zip(
        *(extent(dataclasses.replace(PLAIN, slenderness=v)) for v in (-1.0, 0.0, 1.0)),
        strict=True,
    )
    assert widths[0] > widths[1] > widths[2]
    assert heights[0] < heights[1] < heights[2]


def test_gloss_deepens_the_shading_of_the_product() -> None:
    spreads = [
        pixels(
            "Major Appliances",
            "refrigerator",
            "Stainless Steel",
            dataclasses.replace(PLAIN, gloss=gloss, ornament=-1.0),
        )[48:100, 50:78].std()
        for gloss in (-1.0, 0.0, 1.0)
    ]
    assert spreads == sorted(spreads)
    assert spreads[2] > 1.2 * spreads[0]


def test_a_mirrored_product_stands_the_other_way_round_in_the_same_room() -> None:
    bare = dataclasses.replace(PLAIN, warmth=-1.0, lightness=-1.0, ornament=-1.0)
    one = pixels("Personal_Care_Appliances", "hair dryer", "Pink", bare)
    two = pixels(
        "Personal_Care_Appliances", "hair dryer", "Pink", dataclasses.replace(bare, mirrored=True)
    )
    product = slice(20, 92)
    assert np.abs(one[product] - two[product]).mean() > 4.0
    assert np.abs(one[product] - two[product, ::-1]).mean() < 2.0


def test_the_file_is_the_picture_in_few_colours() -> None:
    for category, noun, colour in SOME:
        drawn = draw_product(category, noun, colour, PLAIN)
        again = Image.open(io.BytesIO(png_of(drawn)))
        assert again.mode == "P"
        assert len(again.getcolors() or []) <= 64
        difference = np.asarray(again.convert("RGB"), dtype=float) - np.asarray(drawn, dtype=float)
        assert np.abs(difference).mean() < 4.0


def test_what_nobody_has_drawn_is_an_error() -> None:
    with pytest.raises(KeyError, match="Mauve"):
        draw_product("Electronics", "speaker", "Mauve", PLAIN)
    with pytest.raises(KeyError, match="teapot"):
        draw_product("Electronics", "teapot", "Black", PLAIN)

"""Pictures and descriptions show the style as strongly as asked, and move nothing else."""

from __future__ import annotations

import io
import itertools
import json

import numpy as np
import pytest
from PIL import Image
from tests.synthesis.worlds import review_bytes, world

from product_recommender.synthesis.drawing.look import LOOKS
from product_recommender.synthesis.files import metadata_files
from product_recommender.synthesis.pictures import looks_of, picture_files, shown_styles
from product_recommender.synthesis.products import (
    Products,
    aspect_directions,
    make_products,
    vocabulary_of,
)
from product_recommender.synthesis.settings import WorldSettings
from product_recommender.synthesis.taste_weights import attraction_weights

SMALL = {"n_products": 60, "n_customers": 200, "n_reviews": 800}
MANY = WorldSettings(n_products=6_000, n_customers=6_000)


def drawn(settings: WorldSettings, products: Products) -> dict[str, bytes]:
    return {name: b"".join(blocks) for name, blocks in picture_files(settings, products).items()}


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), dtype=np.float64)


# ---- the style that is shown


def test_at_full_strength_the_picture_shows_the_own_style_and_nothing_else() -> None:
    products = make_products(MANY)
    np.testing.assert_array_equal(shown_styles(MANY, products.styles), products.styles)
    louder = MANY.model_copy(update={"picture_strength": 3.0})
    np.testing.assert_array_equal(shown_styles(louder, products.styles), products.styles)


@pytest.mark.parametrize(
    ("picture", "signal", "expected"), [(0.6, 1.0, 0.6), (0.8, 0.5, 0.4), (0.0, 1.0, 0.0)]
)
def test_the_correlation_of_shown_and_own_style_is_the_strength(
    picture: float, signal: float, expected: float
) -> None:
    changes = {"picture_strength": picture, "signal_strength": signal}
    settings = MANY.model_copy(update=changes)
    styles = make_products(MANY).styles
    shown = shown_styles(settings, styles)
    for own, seen in zip(styles.T, shown.T, strict=True):
        # Four standard errors of a correlation over 6,000 products.
        assert abs(np.corrcoef(own, seen)[0, 1] - expected) < 0.052
    np.testing.assert_allclose(shown.std(axis=0), 1.0, atol=0.05)


def share_explained(values: np.ndarray, groups: np.ndarray) -> float:
    """Share of the variance that lies between groups, less what chance gives (omega squared)."""
    _, codes = np.unique(groups, axis=0, return_inverse=True)
    counts = np.bincount(codes)
    means = np.stack([np.bincount(codes, v) / counts for v in values.T], axis=1)
    inside = ((values - means[codes]) ** 2).sum() / (len(values) - len(counts))
    return 1.0 - inside / values.var(axis=0, ddof=1).sum()


def test_at_strength_zero_the_shown_style_knows_neither_kind_nor_brand_nor_parent() -> None:
    products = make_products(MANY)
    shown = shown_styles(MANY.model_copy(update={"picture_strength": 0.0}), products.styles)
    for codes in (products.kinds, products.brands):
        groups = np.column_stack([products.categories, codes])
        assert share_explained(products.styles, groups) > 0.15
        assert abs(share_explained(shown, groups)) < 0.02
    assert share_explained(products.styles, products.parents) > 0.8
    assert abs(share_explained(shown, products.parents)) < 0.1


# ---- from style to look


def test_each_visual_attribute_follows_one_style_dimension() -> None:
    settings = WorldSettings(taste_dimensions=6)
    styles = np.zeros((3, 6))
    styles[0] = [1.1, -1.1, 0.0, 2.2, -2.2, 0.55]
    styles[1] = 9.0
    looks = looks_of(settings, styles)
    values = [[getattr(look, name) for name in LOOKS] for look in looks]
    np.testing.assert_allclose(values[0], [0.5, -0.5, 0.0, 1.0, -1.0, 0.25])
    np.testing.assert_allclose(values[1:], [[1.0] * 6, [0.0] * 6])


def test_a_long_style_shows_the_dimensions_that_weigh_most() -> None:
    settings = WorldSettings(taste_dimensions=9, taste_overlap=0.5)
    styles = np.arange(9.0)[None, :] / 10.0
    (look,) = looks_of(settings, styles)
    # The first three weigh most in the choice, the last three in the stars.
    shown = [round(getattr(look, name) * 22.0) for name in LOOKS]
    assert shown == [0, 1, 2, 6, 7, 8]


def test_attributes_without_a_style_dimension_are_drawn_at_random() -> None:
    looks = looks_of(WorldSettings(taste_dimensions=1), np.zeros((400, 1)))
    for name in LOOKS[1:]:
        values = np.array([getattr(look, name) for look in looks])
        assert 0.35 < values.std() < 0.55  # 1 / 2.2, a little less for the ends
        assert abs(values.mean()) < 0.1
    assert {getattr(look, LOOKS[0]) for look in looks} == {0.0}
    assert {look.motif for look in looks} == {0, 1, 2}
    assert {look.mirrored for look in looks} == {False, True}


# ---- the files


def test_every_product_has_its_picture_and_metadata_name_it() -> None:
    made = world(**SMALL)
    files = drawn(made.settings, made.products)
    lines = b"".join(metadata_files(made.settings, made.products)["products.jsonl"]).splitlines()
    assert [json.loads(line)["image"] for line in lines] == list(files)
    assert list(files) == [f"{product}.png" for product in made.products.ids]
    assert len(set(files.values())) == 60
    for content in files.values():
        picture = Image.open(io.BytesIO(content))
        assert (picture.format, picture.size, picture.mode) == ("PNG", (128, 128), "P")
        assert len(content) < 5_000


def test_a_limit_leaves_the_other_pictures_as_they_are() -> None:
    made = world(**SMALL)
    few = made.settings.model_copy(update={"max_pictures": 7})
    expected = dict(itertools.islice(drawn(made.settings, made.products).items(), 7))
    assert drawn(few, made.products) == expected
    lines = b"".join(metadata_files(few, made.products)["products.jsonl"]).splitlines()
    named = [json.loads(line)["image"] for line in lines]
    assert named[:7] == list(expected)
    assert named[7:] == [None] * 53
    none = made.settings.model_copy(update={"max_pictures": 0})
    assert picture_files(none, made.products) == {}


def test_same_settings_same_bytes_in_any_order_of_asking() -> None:
    made = world(**SMALL)
    once = drawn(made.settings, made.products)
    files = picture_files(made.settings, make_products(made.settings))
    again = {name: b"".join(files[name]) for name in reversed(list(files))}
    assert once == again


def test_pictures_and_wordings_move_neither_reviews_nor_anything_else() -> None:
    made = world(**SMALL)
    changed = world(**SMALL, picture_strength=0.0, wording_strength=0.0, max_pictures=3)
    assert review_bytes(made) == review_bytes(changed)
    for name in ("ids", "titles", "styles", "price", "stock", "aspects"):
        ours, theirs = getattr(made.products, name), getattr(changed.products, name)
        np.testing.assert_array_equal(ours, theirs, err_msg=name)


def predicted_styles(settings: WorldSettings) -> np.ndarray:
    """Correlation with each style dimension of a ridge on coarse pixels, on the other half."""
    products = make_products(settings)
    pictures = np.stack([pixels(content) for content in drawn(settings, products).values()])
    blocks = pictures.reshape(-1, 16, 8, 16, 8, 3).mean(axis=(2, 4)).reshape(len(pictures), -1)
    edges = np.abs(np.diff(pictures, axis=1)).mean(axis=(2, 3))
    coarse = np.hstack([blocks, edges])
    coarse = (coarse - coarse.mean(axis=0)) / (coarse.std(axis=0) + 1e-9)
    half = len(coarse) // 2
    learn, judge = coarse[:half], coarse[half:]
    duals = np.linalg.solve(learn @ learn.T + 100.0 * np.eye(half), products.styles[:half])
    found, truth = judge @ learn.T @ duals, products.styles[half:]
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(found.T, truth.T, strict=True)])


def test_pixels_alone_tell_the_style_and_at_strength_zero_they_do_not() -> None:
    sizes = {"n_products": 300, "n_customers": 300, "n_reviews": 300}
    seen = predicted_styles(WorldSettings(**sizes))
    blind = predicted_styles(WorldSettings(**sizes, picture_strength=0.0))
    assert (seen > 0.6).all()
    # The kind, which a picture always shows, has a quarter of the style in it.
    assert (blind < 0.42).all()
    assert (seen - blind > 0.4).all()


# ---- the wordings


def named_among_best(strength: float) -> float:
    """Share of the named aspects that are among the two which show the product's style most."""
    settings = WorldSettings(n_products=2_000, wording_strength=strength)
    products = make_products(settings)
    directions = aspect_directions(settings)[products.categories]
    weighted = products.styles * np.sqrt(attraction_weights(settings))
    visible = np.einsum("md,mkd->mk", weighted, directions)
    best = np.argsort(-visible, axis=1)[:, :2]
    hits = 0
    for row, description in enumerate(products.descriptions):
        aspects = vocabulary_of(settings, int(products.categories[row])).aspects
        named = description.split("Designed for ")[1].removesuffix(".")
        hits += sum(aspects[k].name in named.split(" and ") for k in best[row])
    return hits / (2 * len(products))


def test_descriptions_name_what_shows_most_as_strongly_as_asked() -> None:
    assert named_among_best(1.0) == 1.0
    # Two of eight aspects at random: a quarter; four standard errors over 4,000 are 0.027.
    assert abs(named_among_best(0.0) - 0.25) < 0.027
    assert 0.35 < named_among_best(0.7) < 0.9

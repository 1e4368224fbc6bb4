"""The dashboard's colours: text is readable, marks stand out, groups stay apart."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from figures.test_theme import DEFICIENCIES, contrast, lab
from product_recommender.dashboard.palette import (
    CATEGORICAL,
    DARK,
    LIGHT,
    SEQUENTIAL,
    css_variables,
)

SURFACES = {"light": LIGHT, "dark": DARK}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_reaches_wcag_aa_on_everything_it_stands_on(theme: str) -> None:
    surfaces = SURFACES[theme]
    grounds = ("paper", "card", "raised", "spring-tint", "autumn-tint")
    for text, ground in itertools.product(("ink", "soft"), grounds):
        assert contrast(surfaces[text], surfaces[ground]) >= 4.5, (text, ground)
    for text in ("accent", "spring", "good", "bad"):
        for ground in ("paper", "card"):
            assert contrast(surfaces[text], surfaces[ground]) >= 4.5, (text, ground)
    assert contrast(surfaces["on-accent"], surfaces["accent"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_marks_and_edges_of_controls_stand_out(theme: str) -> None:
    for colour in (*CATEGORICAL[theme], SURFACES[theme]["edge"]):
        assert contrast(colour, SURFACES[theme]["card"]) >= 3, colour


@pytest.mark.parametrize("deficiency", list(DEFICIENCIES))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_categorical_colours_stay_apart(theme: str, deficiency: str) -> None:
    places = [lab(colour, DEFICIENCIES[deficiency]) for colour in CATEGORICAL[theme]]
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(places, 2))
    assert nearest > 20  # 2.3 is just noticeable (CIE76)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("deficiency", list(DEFICIENCIES))
def test_the_heat_scale_only_gets_darker_or_only_lighter(theme: str, deficiency: str) -> None:
    lightness = [lab(colour, DEFICIENCIES[deficiency])[0] for colour in SEQUENTIAL[theme]]
    steps = np.diff(lightness) * (-1 if theme == "light" else 1)
    assert steps.min() > 5


def test_both_themes_define_the_same_variables() -> None:
    assert set(LIGHT) == set(DARK)
    light, by_system, by_choice = css_variables().strip().split("\n")
    names = [re.findall(r"--([\w-]+):", rule) for rule in (light, by_system, by_choice)]
    assert names[0] == names[1] == names[2]
    assert {"ink", "series-6", "heat-5"} <= set(names[0])
    assert f"--paper:{DARK['paper']}" in by_choice
    assert f"--paper:{LIGHT['paper']}" in light

"""The palette is legible, labels are safe, every figure says its data."""

import itertools

import numpy as np
import plotly.graph_objects as go
import pytest

from product_recommender.figures import theme

# Severity 1.0 of Machado, Oliveira and Fernandes (2009), on linear RGB.
DEFICIENCIES = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}


def lab(colour: str, matrix: np.ndarray) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    seen = np.clip(matrix @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    xyz = to_xyz @ seen / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(np.maximum(xyz, 1e-9)), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("deficiency", list(DEFICIENCIES))
@pytest.mark.parametrize("colours", [theme.CATEGORICAL, tuple(theme.STAR_COLOURS.values())])
def test_colours_stay_apart(deficiency: str, colours: tuple[str, ...]) -> None:
    places = [lab(colour, DEFICIENCIES[deficiency]) for colour in colours]
    nearest = min(np.linalg.norm(a - b) for a, b in itertools.combinations(places, 2))
    assert nearest > 18  # 2.3 is just noticeable (CIE76)


@pytest.mark.parametrize("paper", [theme.PAPER, "#EEEEEE", "#111111"])
def test_marks_stand_out_from_every_paper(paper: str) -> None:
    for colour in theme.CATEGORICAL:
        assert contrast(colour, paper) > 2, (colour, paper)


def contrast(a: str, b: str) -> float:
    low, high = sorted([theme.relative_luminance(a), theme.relative_luminance(b)])
    return (high + 0.05) / (low + 0.05)


def test_text_has_readable_contrast() -> None:
    assert contrast(theme.INK, theme.PAPER) > 7
    for colour in theme.STAR_COLOURS.values():
        assert contrast(theme.text_colour_on(colour), colour) > 4.5


def test_relative_luminance_of_black_white_and_red() -> None:
    assert theme.relative_luminance("#000000") == 0
    assert theme.relative_luminance("#FFFFFF") == pytest.approx(1)
    assert theme.relative_luminance("#FF0000") == pytest.approx(0.2126)


def test_blend_interpolates_and_clips() -> None:
    scale = ((0.0, "#000000"), (0.5, "#808080"), (1.0, "#FFFFFF"))
    assert theme.blend(scale, 0.25) == "#404040"
    assert theme.blend(scale, -3) == "#000000"
    assert theme.blend(scale, 7) == "#FFFFFF"


def test_plain_text_defuses_markup_and_shortens() -> None:
    assert theme.plain_text("<a href='x'>A & B</a>") == "&lt;a href='x'&gt;A &amp; B&lt;/a&gt;"
    assert theme.plain_text("two\n\twords") == "two words"
    assert theme.plain_text("abcdefghij", limit=5) == "abcd…"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (950, "950"),
        (9999, "9,999"),
        (12_345, "12.3k"),
        (4_070_000, "4.07M"),
        (2.5, "2.5"),
    ],
)
def test_short_number(value: float, text: str) -> None:
    assert theme.short_number(value) == text


def test_subtitle_names_the_data_and_says_generated_once() -> None:
    report = {"data": {"label": "seed <7>", "generated": True}}
    assert theme.data_subtitle(report) == "seed &lt;7&gt; · generated data"
    report = {"data": {"label": "Generated data, seed 7", "generated": True}}
    assert theme.data_subtitle(report, "weekly") == "Generated data, seed 7 · weekly"
    report = {"data": {"label": "Digital Software", "generated": False}}
    assert theme.data_subtitle(report) == "Digital Software"


@pytest.mark.parametrize("report", [{}, {"data": {"label": "x"}}, {"data": {"generated": True}}])
def test_an_unlabelled_figure_is_refused(report: dict) -> None:
    with pytest.raises(ValueError, match="data_processing"):
        theme.data_subtitle(report)


def test_a_themed_figure_survives_plotly_json() -> None:
    import plotly.io as pio

    figure = theme.apply_theme(go.Figure(), "Title", "data")
    again = pio.from_json(figure.to_json())
    assert again.layout.title.text.startswith("<b>Title</b><br>")
    assert again.layout.template.layout.paper_bgcolor == theme.PAPER

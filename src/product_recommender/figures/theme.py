"""One look for every figure of the project.

The palette is warm (rust, ochre, plum, rose) with two cool notes (teal, dusty blue). Its colours
stay apart for readers with protanopia and deuteranopia (a test simulates both), and each is legible
on the cream paper of this template as well as on the light and the dark panel of kedro-viz, which
replaces paper, fonts and margins of a figure. Hence two habits of every builder: text takes the
figure's own font colour unless it stands on a coloured mark, and marks are labelled directly where
that is possible, because kedro-viz hides legends in its small panel.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

RUST, TEAL, OCHRE, PLUM, BLUE, ROSE = (
    "#A64028",
    "#36A3A1",
    "#CD9931",
    "#793C6D",
    "#718DC8",
    "#D98879",
)
CATEGORICAL: tuple[str, ...] = (RUST, TEAL, OCHRE, PLUM, BLUE, ROSE)
"""Colours for unordered groups, in order of use."""

MUTED = "#9A9088"
"""For what is beside the point: reference lines, everything else, customers without history."""

PAPER = "#FCF8F1"
INK = "#3B312B"
DARK_TEXT = "#2A211C"
GRID = "rgba(140, 124, 110, 0.22)"

STAR_COLOURS: Mapping[int, str] = {
    1: "#8C2F25",
    2: "#CF7B52",
    3: "#EBCF9C",
    4: "#7DBBB4",
    5: "#1F7F80",
}
"""One star to five: diverging, from brick over sand to teal."""

SEQUENTIAL: tuple[tuple[float, str], ...] = (
    (0.0, "#FBF1DD"),
    (0.3, "#EDC178"),
    (0.6, "#C96F3B"),
    (1.0, "#6E2440"),
)
DIVERGING: tuple[tuple[float, str], ...] = (
    (0.0, "#8C2F25"),
    (0.25, "#D99070"),
    (0.5, "#FAF3E6"),
    (0.75, "#7DBBB4"),
    (1.0, "#14636A"),
)

FONT = "Inter, 'Source Sans 3', 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif"


def template() -> go.layout.Template:
    """Build the plotly template; figures carry it with them when saved.

    Returns
    -------
    plotly.graph_objects.layout.Template
        Layout defaults only, so that it stays small in every saved figure.
    """
    import plotly.graph_objects as go

    axis: dict[str, Any] = {
        "automargin": True,
        "gridcolor": GRID,
        "gridwidth": 1,
        "linecolor": MUTED,
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": MUTED,
        "tickfont": {"size": 11},
        "title": {"font": {"size": 12}, "standoff": 8},
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": PAPER,
            "plot_bgcolor": PAPER,
            "colorway": list(CATEGORICAL),
            "font": {"family": FONT, "size": 12, "color": INK},
            # The title hangs in the middle of the top margin, flush with the plot: the one place
            # that it also keeps in kedro-viz, which fixes anchor and margin.
            "title": {"x": 0, "xref": "paper", "yanchor": "middle", "font": {"size": 17}},
            "margin": {"l": 64, "r": 28, "t": 76, "b": 56},
            "xaxis": axis,
            "yaxis": axis,
            "legend": {
                "orientation": "h",
                "x": 1,
                "xanchor": "right",
                "y": 1.0,
                "yanchor": "bottom",
                "bgcolor": "rgba(0,0,0,0)",
            },
            "hoverlabel": {"font": {"family": FONT}},
            "hovermode": "closest",
            "bargap": 0.25,
        }
    )


def apply_theme(figure: go.Figure, title: str, subtitle: str) -> go.Figure:
    """Give a figure the project's look, a title and a line that says which data it shows.

    Parameters
    ----------
    figure
        Changed in place.
    title
        What the figure shows. Plain text of our own; may hold plotly's markup.
    subtitle
        The data, as :func:`data_subtitle` makes it.

    Returns
    -------
    plotly.graph_objects.Figure
        The same figure.
    """
    figure.update_layout(
        template=template(),
        title={
            "text": f"<b>{title}</b><br><span style='font-size:0.72em'>{subtitle}</span>",
        },
    )
    return figure


def data_subtitle(report: Mapping[str, Any], detail: str = "") -> str:
    """Say which data a figure shows, and that it is generated where it is.

    Parameters
    ----------
    report
        ``data_quality_report``; its ``data`` holds ``label`` and ``generated``.
    detail
        Further words, for example the unit of observation; appended.

    Returns
    -------
    str
        Safe for plotly titles.

    Raises
    ------
    ValueError
        If the report has no label: an unlabelled figure must not be drawn.
    """
    data = report.get("data") or {}
    label = data.get("label")
    if not label or "generated" not in data:
        raise ValueError(
            "data_quality_report has no data.label or data.generated; run the pipeline "
            "data_processing again"
        )
    parts = [plain_text(str(label), limit=80)]
    if data["generated"] and "generated data" not in str(label).lower():
        parts.append("generated data")
    if detail:
        parts.append(detail)
    return " · ".join(parts)


def plain_text(text: str, limit: int = 40) -> str:
    """Make text of strangers (categories, labels) safe and short for a figure.

    Plotly reads ``<b>``, ``<a href>`` and entities in every text; such text must stay text.

    Parameters
    ----------
    text
        Any text.
    limit
        Characters kept at most; a longer text ends in an ellipsis.

    Returns
    -------
    str
        Escaped text on one line.
    """
    short = " ".join(str(text).split())
    if len(short) > limit:
        short = short[: limit - 1].rstrip() + "…"
    return html.escape(short, quote=False)


def text_colour_on(colour: str) -> str:
    """Choose dark or light text for a filled mark, whichever has more contrast (WCAG).

    Parameters
    ----------
    colour
        ``#RRGGBB``.

    Returns
    -------
    str
        ``#RRGGBB``.
    """
    dark, light = relative_luminance(DARK_TEXT), 1.0
    fill = relative_luminance(colour)
    prefers_dark = (fill + 0.05) / (dark + 0.05) > (light + 0.05) / (fill + 0.05)
    return DARK_TEXT if prefers_dark else "#FFFFFF"


def relative_luminance(colour: str) -> float:
    """Relative luminance of a colour after WCAG 2.

    Parameters
    ----------
    colour
        ``#RRGGBB``.

    Returns
    -------
    float
        0 (black) to 1 (white).
    """
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def blend(scale: tuple[tuple[float, str], ...], position: float) -> str:
    """Colour of a scale at a position, interpolated in RGB as plotly does.

    Parameters
    ----------
    scale
        Stops ``(position, '#RRGGBB')`` from 0 to 1.
    position
        Clipped to 0 .. 1.

    Returns
    -------
    str
        ``#RRGGBB``.
    """
    position = min(max(position, 0.0), 1.0)
    for (left, first), (right, second) in itertools.pairwise(scale):
        if position <= right:
            t = (position - left) / (right - left)
            pairs = zip(_channels(first), _channels(second), strict=True)
            return "#" + "".join(f"{round(a + t * (b - a)):02X}" for a, b in pairs)
    return scale[-1][1]


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def short_number(value: float) -> str:
    """Write a count so that it fits a label: 950, 12.3k, 4.07M.

    Parameters
    ----------
    value
        A count or amount.

    Returns
    -------
    str
        At most three significant digits from 10,000 on; thousands separators below.
    """
    if abs(value) >= 999_500:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 10_000:
        return f"{value / 1e3:.3g}k"
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}"

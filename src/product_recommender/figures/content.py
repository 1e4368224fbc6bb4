"""Maps of products: what they say and how they look, coloured by category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from product_recommender.figures.theme import (
    CATEGORICAL,
    MUTED,
    apply_theme,
    data_subtitle,
    plain_text,
    text_colour_on,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

UNKNOWN = "unknown"
OTHERS = "other categories"
TITLE_CHARACTERS = 70


def map_figure(
    products: pd.DataFrame,
    title: str,
    axes: Sequence[str] | None,
    report: Mapping[str, Any],
    total: int,
    content: str,
) -> go.Figure:
    """Draw products as points; hovering tells title, brand and price.

    Parameters
    ----------
    products
        One row a drawn product: ``x``, ``y``, ``product_title``, ``product_category``, ``brand``,
        ``list_price``; any of the last four may be null. Texts are strangers': they are escaped.
    title
        What the map shows.
    axes
        Titles of the axes; None where directions mean nothing, and then there are no ticks either.
    report
        ``data_quality_report``.
    total
        How many products have the content; more than are drawn where a sample is.
    content
        ``text`` or ``an image``, for the subtitle.

    Returns
    -------
    plotly.graph_objects.Figure
        Without a product: an empty one that says so.
    """
    import plotly.graph_objects as go

    if products.empty:
        figure = go.Figure()
        figure.add_annotation(
            text=f"No product has {content}.",
            x=0.5,
            y=0.5,
            xref="paper",
            yref="paper",
            showarrow=False,
            font={"size": 15},
        )
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        return apply_theme(figure, title, data_subtitle(report, "nothing to draw"))
    figure = go.Figure()
    categories = products["product_category"].fillna(UNKNOWN).astype(str)
    colours = category_colours(categories)
    group = categories.where(categories.isin(list(colours)), OTHERS)
    labels = []
    for name, colour in colours.items():
        own = products[(group == name).to_numpy()]
        if own.empty:
            continue
        figure.add_scatter(
            x=own["x"].round(4).tolist(),
            y=own["y"].round(4).tolist(),
            mode="markers",
            marker={"size": 6, "color": colour, "opacity": 0.7},
            name=plain_text(name),
            text=[hover_text(row) for row in own.to_dict(orient="records")],
            hovertemplate="%{text}<extra></extra>",
        )
        if name != OTHERS:  # they have no middle worth a name
            labels.append((name, colour, float(own["x"].median()), float(own["y"].median())))
    _add_labels(figure, labels, products)
    figure.update_layout(showlegend=False)
    if axes is None:
        for update in (figure.update_xaxes, figure.update_yaxes):
            update(showticklabels=False, ticks="", showgrid=False)
    else:
        figure.update_xaxes(title_text=axes[0])
        figure.update_yaxes(title_text=axes[1])
    drawn = len(products)
    detail = f"{drawn:,} products with {content}"
    if drawn < total:
        detail = f"a random {drawn:,} of {total:,} products with {content}"
    if OTHERS in colours:
        detail += f" · grey: {categories.nunique() - len(CATEGORICAL)} {OTHERS}"
    return apply_theme(figure, title, data_subtitle(report, detail))


def category_colours(categories: pd.Series) -> dict[str, str]:
    """A colour for each of the largest categories, and a muted one for the rest.

    Parameters
    ----------
    categories
        Category of each product.

    Returns
    -------
    dict of str to str
        Category to ``#RRGGBB``, largest first (names decide among equals).
        ``OTHERS`` is there where there are more categories than colours.
    """
    counts = categories.value_counts()
    order = sorted(counts.index, key=lambda name: (-counts[name], name))
    colours = dict(zip(order, CATEGORICAL, strict=False))
    return colours if len(order) <= len(CATEGORICAL) else colours | {OTHERS: MUTED}


def hover_text(product: Mapping[Any, Any]) -> str:
    """Title, brand and price of a product on three lines; what is unknown is left out.

    Parameters
    ----------
    product
        With ``product_id`` and the columns of ``map_figure``.
    """
    known = {key: value for key, value in product.items() if not pd.isna(value)}
    title = plain_text(str(known.get("product_title") or known.get("product_id")), TITLE_CHARACTERS)
    lines = [f"<b>{title}</b>", plain_text(str(known.get("product_category", UNKNOWN)))]
    if known.get("brand"):
        lines.append(plain_text(str(known["brand"])))
    if "list_price" in known:
        lines.append(f"{float(known['list_price']):,.2f}")
    return "<br>".join(lines)


def _add_labels(
    figure: go.Figure, labels: Sequence[tuple[str, str, float, float]], products: pd.DataFrame
) -> None:
    """Names at the middle of each category, moved apart where they would cover one another."""
    height = float(np.ptp(products["y"])) or 1.0
    width = float(np.ptp(products["x"])) or 1.0
    placed: list[tuple[float, float]] = []
    for name, colour, x, y in labels:
        while any(abs(x - px) < 0.22 * width and abs(y - py) < 0.06 * height for px, py in placed):
            y += 0.062 * height
        placed.append((x, y))
        figure.add_annotation(
            x=x,
            y=y,
            text=f"<b>{plain_text(name)}</b>",
            showarrow=False,
            font={"size": 12, "color": text_colour_on(colour)},
            bgcolor=colour,
            borderpad=3,
            opacity=0.92,
        )

"""Figures of activity: who reviews how much, how concentrated it is, what filtering leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from product_recommender.figures.theme import (
    MUTED,
    OCHRE,
    RUST,
    TEAL,
    apply_theme,
    plain_text,
    short_number,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go


PANEL_COLOURS = {"customers": RUST, "products": TEAL, "reviews": OCHRE}


def lorenz_curve(sizes: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Lorenz curve and Gini coefficient of grouped counts.

    Parameters
    ----------
    sizes
        int ``[n]``: reviews per customer (or product).
    counts
        int ``[n]``: how many customers (products) have that many.

    Returns
    -------
    tuple
        Cumulative share of customers and of reviews, smallest first, both starting at 0; and the
        Gini coefficient, 0 (equal) towards 1.
    """
    order = np.argsort(sizes)
    people = np.concatenate([[0.0], np.cumsum(counts[order], dtype=float)])
    reviews = np.concatenate([[0.0], np.cumsum((sizes * counts)[order], dtype=float)])
    x, y = people / people[-1], reviews / max(reviews[-1], 1.0)
    gini = 1.0 - float(np.sum(np.diff(x) * (y[1:] + y[:-1])))
    return x, y, max(gini, 0.0)


def activity_figure(table: pd.DataFrame, who: str, subtitle: str) -> go.Figure:
    """Draw the long tail of activity (log-log) beside its Lorenz curve.

    Parameters
    ----------
    table
        ``reviews_each`` and ``<who>s`` (how many have exactly that many).
    who
        ``customer`` or ``product``.
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    from plotly.subplots import make_subplots

    sizes = table["reviews_each"].to_numpy(dtype=np.int64)
    counts = table[f"{who}s"].to_numpy(dtype=np.int64)
    total, singles = int(counts.sum()), int(counts[sizes == 1].sum())
    figure = make_subplots(cols=2, column_widths=[0.56, 0.44], horizontal_spacing=0.13)

    seen = sizes > 0
    colour = RUST if who == "customer" else TEAL
    figure.add_scatter(
        x=sizes[seen].tolist(),
        y=counts[seen].tolist(),
        mode="markers",
        marker={"size": 8, "color": colour, "opacity": 0.85},
        hovertemplate=f"%{{x:,}} reviews each: %{{y:,}} {who}s<extra></extra>",
        showlegend=False,
        row=1,
        col=1,
    )
    figure.update_xaxes(
        title_text=f"reviews per {who}", **_log_axis(int(sizes.max(initial=1))), row=1, col=1
    )
    figure.update_yaxes(
        title_text=f"number of {who}s", **_log_axis(int(counts[seen].max(initial=1))), row=1, col=1
    )
    never = int(counts[sizes == 0].sum())
    note = f"{singles / max(total, 1):.0%} of {short_number(total)}<br>have one review"
    if never:
        note += f"<br>{short_number(never)} have none"
    _corner_note(figure, note)

    x, y, gini = lorenz_curve(sizes, counts)
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": MUTED, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
        showlegend=False,
        row=1,
        col=2,
    )
    figure.add_scatter(
        x=x.tolist(),
        y=y.tolist(),
        mode="lines",
        line={"color": colour, "width": 3},
        fill="tozeroy",
        fillcolor=_transparent(colour, 0.12),
        hovertemplate=f"%{{x:.1%}} of {who}s wrote %{{y:.1%}}<extra></extra>".replace(
            "wrote", "wrote" if who == "customer" else "received"
        ),
        showlegend=False,
        row=1,
        col=2,
    )
    share = {"tickformat": ".0%", "range": [0, 1.0], "dtick": 0.25}
    figure.update_xaxes(title_text=f"share of {who}s, least active first", **share, row=1, col=2)
    figure.update_yaxes(title_text="share of reviews", **share, row=1, col=2)
    figure.add_annotation(
        text=f"Gini {gini:.2f}",
        xref="x2",
        yref="y2",
        x=0.06,
        y=0.93,
        xanchor="left",
        showarrow=False,
        font={"size": 13},
    )
    return apply_theme(figure, f"How many reviews {who}s have", subtitle)


def _corner_note(figure: go.Figure, text: str) -> None:
    figure.add_annotation(
        text=text,
        xref="x domain",
        yref="y domain",
        x=0.97,
        y=0.97,
        xanchor="right",
        yanchor="top",
        align="right",
        showarrow=False,
        font={"size": 12},
    )


def _log_axis(largest: int) -> dict[str, object]:
    """A log axis from just below 1, with decade ticks that stay readable in a small panel."""
    top = max(np.log10(max(largest, 1)), 0.3)
    decades = [10**power for power in range(int(np.ceil(top)) + 1)]
    return {
        "type": "log",
        "range": [-0.12, top * 1.08 + 0.1],
        "tickvals": decades,
        "ticktext": [short_number(value) for value in decades],
    }


def _transparent(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha})"


def sparsity_figure(table: pd.DataFrame, subtitle: str) -> go.Figure:
    """Draw what k-core filtering leaves of customers, products and reviews.

    Parameters
    ----------
    table
        ``filter``, ``customers``, ``products``, ``reviews``, ``density``, ``converged``; the first
        row is the unfiltered data.
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    names = [
        f"<b>{row['filter']}</b>{'' if row['converged'] else ' *'}<br>{_density(row['density'])}"
        for row in table.to_dict("records")
    ]
    shares = {
        name: (table[name] / max(int(table[name].iloc[0]), 1)).tolist()
        for name in ("customers", "products", "reviews")
    }
    counts = {name: table[name].tolist() for name in shares}
    figure = _bar_panels(names, shares, counts)
    if not bool(table["converged"].all()):
        subtitle += " · * stopped before the core was stable"
    return apply_theme(figure, "What a k-core filter would leave", subtitle)


def _density(density: float) -> str:
    if pd.isna(density):
        return "empty"
    percent = density * 100
    return f"{percent:.2g} % filled" if percent < 10 else f"{percent:.0f} % filled"


def categories_figure(table: pd.DataFrame, limit: int, subtitle: str) -> go.Figure:
    """Draw reviews, customers and products per category as bars that share their rows.

    Parameters
    ----------
    table
        ``product_category``, ``reviews``, ``customers``, ``products``; largest first.
    limit
        Categories drawn; the others are counted in the subtitle.
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    shown = table.head(limit)
    names = [plain_text(name, 26) for name in shown["product_category"]]
    counts = {name: shown[name].tolist() for name in ("reviews", "customers", "products")}
    figure = _bar_panels(names, counts, counts)
    if len(table) > limit:
        subtitle += f" · largest {limit} of {len(table)} categories"
    return apply_theme(figure, "Reviews, customers and products by category", subtitle)


def _bar_panels(
    names: list[str], lengths: dict[str, list[float]], counts: dict[str, list[int]]
) -> go.Figure:
    """Three panels of horizontal bars that share their rows, each bar labelled with its count."""
    from plotly.subplots import make_subplots

    # Rows are numbers and names are tick texts: two names may be equal once they are shortened.
    rows = list(range(len(names)))[::-1]
    figure = make_subplots(cols=len(lengths), shared_yaxes=True, horizontal_spacing=0.04)
    for column, (name, values) in enumerate(lengths.items(), start=1):
        figure.add_bar(
            y=rows,
            x=values,
            orientation="h",
            width=0.62,
            marker_color=PANEL_COLOURS[name],
            text=[short_number(count) for count in counts[name]],
            textposition="outside",
            cliponaxis=False,
            customdata=counts[name],
            hovertemplate=f"%{{customdata:,}} {name}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        figure.update_xaxes(
            title_text=name,
            range=[0, 1.32 * max([*values, 1e-9])],
            showticklabels=False,
            showgrid=False,
            ticks="",
            showline=False,
            row=1,
            col=column,
        )
    # A single row keeps the thickness that it would have among three.
    middle, half = (len(names) - 1) / 2, max(len(names), 3) / 2
    figure.update_yaxes(showgrid=False, ticks="", range=[middle - half, middle + half])
    figure.update_yaxes(tickvals=rows, ticktext=names, showticklabels=True, col=1)
    return figure

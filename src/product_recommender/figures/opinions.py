"""Figures of what customers say: stars, length of their reviews, votes of other customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from product_recommender.figures.theme import (
    OCHRE,
    STAR_COLOURS,
    TEAL,
    apply_theme,
    plain_text,
    short_number,
    text_colour_on,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

ALL = "all"
"""The row of a table that covers everything."""


def stars_figure(table: pd.DataFrame, limit: int, subtitle: str) -> go.Figure:
    """Draw the distribution of stars, overall and by category, as stacked shares.

    Parameters
    ----------
    table
        ``product_category`` (``all`` for the whole), ``star_rating`` 1 to 5, ``reviews``,
        ``share``; five rows per category, the whole first, then the largest.
    limit
        Categories drawn at most, beside the whole.
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    share = {
        (row["product_category"], row["star_rating"]): float(row["share"])
        for row in table.to_dict("records")
    }
    names = [name for name in dict.fromkeys(table["product_category"]) if name != ALL]
    counts = table.groupby("product_category")["reviews"].sum()
    # With one category its row would repeat the whole.
    shown = [ALL, *(names[:limit] if len(names) > 1 else [])][::-1]
    labels = [
        ("<b>All reviews</b>" if name == ALL else plain_text(name, 26))
        + f"<br>{short_number(int(counts[name]))}"
        for name in shown
    ]
    rows, half = list(range(len(shown))), max(len(shown), 3) / 2
    figure = go.Figure()
    for stars, colour in STAR_COLOURS.items():
        shares = [share[name, stars] for name in shown]
        figure.add_bar(
            name=f"{stars} star" + ("s" if stars > 1 else ""),
            y=rows,
            x=shares,
            orientation="h",
            marker={"color": colour, "line": {"width": 0}},
            text=[f"{stars}★ {share:.0%}" if share >= 0.055 else "" for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": text_colour_on(colour), "size": 12},
            hovertemplate=f"{stars} stars: %{{x:.1%}}<extra></extra>",
        )
    figure.update_layout(barmode="stack", showlegend=False, bargap=0.3)
    figure.update_xaxes(
        tickformat=".0%", range=[0, 1], title_text="share of reviews", showgrid=False
    )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=labels,
        showgrid=False,
        ticks="",
        # A single row keeps the thickness that it would have among three.
        range=[(len(rows) - 1) / 2 - half, (len(rows) - 1) / 2 + half],
    )
    mean = sum(stars * share[ALL, stars] for stars in STAR_COLOURS)
    if len(names) > limit:
        subtitle += f" · largest {limit} of {len(names)} categories"
    return apply_theme(figure, f"Stars: {mean:.2f} on average", subtitle)


def review_length_figure(table: pd.DataFrame, subtitle: str) -> go.Figure:
    """Draw words per review by stars: 10th, 25th, 50th, 75th and 90th percentile on a log axis.

    Parameters
    ----------
    table
        ``stars`` (``1`` .. ``5``, ``all``), ``reviews``, ``empty_share``, ``words_p10`` ...
        ``words_p90`` (of reviews with a text; null where there is none).
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    drawn = table[(table["stars"] != ALL) & table["words_p50"].notna()]
    for row in drawn.to_dict("records"):
        label, colour = f"{row['stars']}★", STAR_COLOURS[int(row["stars"])]
        figure.add_trace(
            go.Box(
                x=[label],
                lowerfence=[row["words_p10"]],
                q1=[row["words_p25"]],
                median=[row["words_p50"]],
                q3=[row["words_p75"]],
                upperfence=[row["words_p90"]],
                fillcolor=colour,
                line={"color": "#8A7C72", "width": 1.5},
                width=0.55,
                showlegend=False,
                name=label,
            )
        )
        figure.add_annotation(
            x=label,
            y=0,
            yref="y domain",
            yanchor="bottom",
            text=f"median {row['words_p50']:.0f}",
            showarrow=False,
            font={"size": 12},
        )
    if len(drawn):
        low = np.log10(max(float(drawn["words_p10"].min()), 1.0))
        high = np.log10(max(float(drawn["words_p90"].max()), 2.0))
        # Room below the lowest whisker for the medians.
        figure.update_yaxes(type="log", range=[low - 0.14 * (high - low) - 0.1, high + 0.08])
        ticks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]
        figure.update_yaxes(tickvals=ticks, ticktext=[f"{tick:,}" for tick in ticks])
    else:
        _say(figure, "no review in this data has a text")
    figure.update_yaxes(title_text="words per review (log scale)")
    figure.update_xaxes(title_text="stars given", type="category", showgrid=False)
    whole = table[table["stars"] == ALL].iloc[0]
    subtitle += " · box: middle half, whiskers: 10th to 90th percentile"
    if whole["empty_share"] > 0.0005:
        subtitle += f" · {whole['empty_share']:.1%} without text left out"
    return apply_theme(figure, "Length of reviews by stars", subtitle)


def votes_figure(table: pd.DataFrame, subtitle: str) -> go.Figure:
    """Draw how many reviews get votes, and how many of the votes say helpful, by stars.

    Parameters
    ----------
    table
        ``stars`` (``1`` .. ``5``, ``all``), ``reviews``, ``voted_share``, ``helpful_share`` (null
        where no votes were cast).
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    from plotly.subplots import make_subplots

    rows = table[table["stars"] != ALL]
    whole = table[table["stars"] == ALL].iloc[0]
    labels = [f"{stars}★" for stars in rows["stars"]]
    figure = make_subplots(cols=2, horizontal_spacing=0.13)
    panels = (
        ("voted_share", "reviews with any vote", OCHRE, whole["voted_share"]),
        ("helpful_share", "votes that say helpful", TEAL, whole["helpful_share"]),
    )
    for column, (name, title, colour, mean) in enumerate(panels, start=1):
        values = [None if pd.isna(value) else float(value) for value in rows[name]]
        figure.add_bar(
            x=labels,
            y=values,
            marker_color=colour,
            text=["" if value is None else f"{value:.0%}" for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y:.1%}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        known = [value for value in values if value is not None]
        top = max([*known, 0.05])
        figure.update_yaxes(
            tickformat=".0%", range=[0, 1.18 * top], title_text=title, row=1, col=column
        )
        figure.update_xaxes(
            title_text="stars given", type="category", showgrid=False, row=1, col=column
        )
        if not pd.isna(mean) and known:
            figure.add_hline(
                y=float(mean), line={"dash": "dot", "width": 1.5, "color": "#8A7C72"}, col=column
            )
    if not whole["total_votes"]:
        _say(figure, "no votes in this data")
    subtitle += " · dotted: all reviews · votes are shown, never an input to a model"
    return apply_theme(figure, "Which reviews other customers find helpful", subtitle)


def _say(figure: go.Figure, text: str) -> None:
    figure.add_annotation(
        text=text,
        xref="paper",
        yref="paper",
        x=0.5,
        y=0.5,
        showarrow=False,
        font={"size": 14},
    )

"""Figures of time: purchases per week with spikes, seasonality by month and by weekday."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from product_recommender.figures.theme import MUTED, OCHRE, RUST, TEAL, apply_theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

LABELLED_SPIKES = 4


def purchases_figure(
    table: pd.DataFrame, boundaries: Mapping[str, Any], rule: str, subtitle: str
) -> go.Figure:
    """Draw reviews per week, their rolling median, the spikes, and where the split falls.

    Parameters
    ----------
    table
        ``week`` (Monday, ISO date), ``reviews``, ``rolling_median``, ``robust_z``, ``is_spike``.
    boundaries
        ``train_until`` and ``validation_until`` as ISO dates, where known.
    rule
        The rule of the spikes in words.
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    weeks = table["week"].astype(str)
    figure.add_scatter(
        x=weeks.tolist(),
        y=table["reviews"].tolist(),
        mode="lines" if len(table) > 1 else "markers",
        line={"color": OCHRE, "width": 1.4},
        fill="tozeroy",
        fillcolor="rgba(205, 153, 49, 0.22)",
        name="reviews per week",
        hovertemplate="week of %{x|%d %b %Y}: %{y:,}<extra></extra>",
    )
    figure.add_scatter(
        x=weeks.tolist(),
        y=[None if pd.isna(value) else float(value) for value in table["rolling_median"]],
        mode="lines",
        line={"color": TEAL, "width": 2.4},
        name="rolling median",
        hoverinfo="skip",
    )
    spikes = table[table["is_spike"]]
    if len(spikes):
        figure.add_scatter(
            x=spikes["week"].astype(str).tolist(),
            y=spikes["reviews"].tolist(),
            mode="markers",
            marker={"color": RUST, "size": 9, "line": {"color": "white", "width": 1}},
            name="spike",
            customdata=spikes["robust_z"].round(1).tolist(),
            hovertemplate="week of %{x|%d %b %Y}: %{y:,} (z %{customdata})<extra></extra>",
        )
        for row in _tallest_apart(spikes, table["week"]).to_dict("records"):
            figure.add_annotation(
                x=str(row["week"]),
                y=row["reviews"],
                text=f"{pd.Timestamp(row['week']):%d %b %Y}",
                showarrow=False,
                yshift=13,
                font={"size": 11},
            )
    top = 1.14 * max(int(table["reviews"].max()), 1)
    _draw_split(figure, boundaries, table)
    figure.update_yaxes(title_text="reviews per week", range=[0, top])
    figure.update_xaxes(type="date", showgrid=False)
    # The legend goes below: above is the line that says which data this is.
    figure.update_layout(legend={"x": 0, "xanchor": "left", "y": -0.09, "yanchor": "top"})
    words = "no spike" if spikes.empty else f"{len(spikes)} spike" + "s" * (len(spikes) > 1)
    return apply_theme(figure, f"Reviews over time: {words}", f"{subtitle} · {rule}")


def _tallest_apart(spikes: pd.DataFrame, weeks: pd.Series) -> pd.DataFrame:
    """The tallest spikes whose labels would not overlap: an eighth of the picture apart."""
    times = pd.to_datetime(spikes["week"])
    gap = (pd.Timestamp(weeks.iloc[-1]) - pd.Timestamp(weeks.iloc[0])) / 8
    chosen: list[Any] = []
    for index in spikes["reviews"].sort_values(ascending=False).index:
        if all(abs(times[index] - times[other]) > gap for other in chosen):
            chosen.append(index)
        if len(chosen) == LABELLED_SPIKES:
            break
    return spikes.loc[chosen]


def _draw_split(figure: go.Figure, boundaries: Mapping[str, Any], table: pd.DataFrame) -> None:
    first, last = str(table["week"].iloc[0]), str(table["week"].iloc[-1])
    marks = (("train_until", "training until here"), ("validation_until", "validation"))
    for key, _ in marks:
        day = boundaries.get(key)
        if day and first < str(day) < last:
            figure.add_shape(
                type="line",
                x0=str(day),
                x1=str(day),
                y0=0,
                y1=1,
                yref="y domain",
                line={"color": MUTED, "dash": "dash", "width": 1.2},
            )
    day = boundaries.get("train_until")
    if day and first < str(day) < last:
        late = pd.Timestamp(str(day)) - pd.Timestamp(first) > 0.35 * (
            pd.Timestamp(last) - pd.Timestamp(first)
        )
        figure.add_annotation(
            x=str(day),
            y=1.0,
            yref="y domain",
            yanchor="top",
            xanchor="right" if late else "left",
            xshift=-4 if late else 4,
            text="training ends" + (" →" if late else ""),
            showarrow=False,
            font={"size": 11},
        )


def seasonality_figure(table: pd.DataFrame, subtitle: str) -> go.Figure:
    """Draw the seasonal index of months and weekdays; 1 is an average day.

    Parameters
    ----------
    table
        ``kind`` (``month``, ``weekday``), ``name``, ``index`` (null where unknown), ``low``,
        ``high`` (lowest and highest year; null with fewer than two), ``trend``.
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(cols=2, column_widths=[0.6, 0.4], horizontal_spacing=0.06)
    ceiling = 1.0
    for column, (kind, colour) in enumerate((("month", RUST), ("weekday", TEAL)), start=1):
        rows = table[table["kind"] == kind]
        known = rows[rows["index"].notna()]
        whiskers = known[known["low"].notna()]
        ceiling = max([ceiling, *known["index"], *whiskers["high"]])
        figure.add_bar(
            x=known["name"].tolist(),
            # Bars grow from 1, the average day, up or down.
            y=(known["index"] - 1).tolist(),
            base=[1.0] * len(known),
            marker={"color": colour, "opacity": 0.6},
            hovertemplate="%{x}: %{customdata:.2f} × an average day<extra></extra>",
            customdata=known["index"].tolist(),
            showlegend=False,
            row=1,
            col=column,
        )
        for row in whiskers.to_dict("records"):
            figure.add_scatter(
                x=[row["name"], row["name"]],
                y=[row["low"], row["high"]],
                mode="lines",
                line={"color": colour, "width": 2},
                hovertemplate=f"years: {row['low']:.2f} to {row['high']:.2f}<extra></extra>",
                showlegend=False,
                row=1,
                col=column,
            )
        figure.update_xaxes(
            categoryorder="array",
            categoryarray=rows["name"].tolist(),
            range=[-0.6, len(rows) - 0.4],
            showgrid=False,
            title_text=kind,
            row=1,
            col=column,
        )
        figure.add_hline(y=1, line={"color": "#8A7C72", "width": 1.2}, row=1, col=column)
    lows = [*table["index"].dropna(), *table["low"].dropna(), 1.0]
    reach = [max(0.0, min(lows) - 0.08), ceiling + 0.08]
    figure.update_yaxes(range=reach)
    figure.update_yaxes(title_text="index (1 = average day)", row=1, col=1)
    figure.update_yaxes(showticklabels=False, row=1, col=2)
    trends = set(table.loc[table["kind"] == "month", "trend"].dropna())
    how = (
        "growth removed · thin lines: lowest and highest year"
        if trends == {"moving_average"}
        else "too few months to remove growth from the months"
    )
    return apply_theme(figure, "Seasonality by month and weekday", f"{subtitle} · {how}")

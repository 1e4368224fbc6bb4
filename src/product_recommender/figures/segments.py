"""Figures of the segmentation: profiles, the choice of k, the map of customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from product_recommender.figures.theme import (
    CATEGORICAL,
    DIVERGING,
    MUTED,
    RUST,
    TEAL,
    apply_theme,
    blend,
    plain_text,
    short_number,
    text_colour_on,
)
from product_recommender.interactions import NEW

if TYPE_CHECKING:
    import plotly.graph_objects as go

FEATURE_NAMES: Mapping[str, str] = {
    "purchase_count": "purchases",
    "purchases_per_month": "purchases a month",
    "recency_days": "days since last",
    "tenure_days": "days since first",
    "days_between_purchases": "days between",
    "star_mean": "mean stars",
    "star_std": "spread of stars",
    "sentiment_mean": "sentiment of texts",
    "verified_share": "verified",
    "category_count": "categories",
    "category_entropy": "category spread",
    "value_sum": "total list value",
    "value_mean": "mean list value",
}
"""Names of features as a reader says them; others are shown with spaces for underscores."""

SATURATION = 1.5
"""Standard deviations at which the profile's colour scale ends."""


def segment_colours(names: Sequence[str]) -> dict[str, str]:
    """One colour per segment, the same in every figure; ``New`` is muted.

    Parameters
    ----------
    names
        Segments in cluster order.

    Returns
    -------
    dict[str, str]
        Segment to ``#RRGGBB``.
    """
    named = [name for name in names if name != NEW]
    colours = {name: CATEGORICAL[i % len(CATEGORICAL)] for i, name in enumerate(named)}
    return colours | {NEW: MUTED}


def profiles_figure(
    profiles: pd.DataFrame, deviations: pd.DataFrame, weak: Sequence[str], subtitle: str
) -> go.Figure:
    """Draw a grid of segments by features: colour is the deviation, text is the mean.

    Parameters
    ----------
    profiles
        As ``segment_profiles``; ``New`` is left out (it has no features).
    deviations
        Mean standardised features: index segment, columns features.
    weak
        Segments whose name is a weak match.
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    rows = profiles[profiles["segment"] != NEW].set_index("segment")
    names, features = list(rows.index), list(deviations.columns)[::-1]
    values = deviations.loc[names, features].to_numpy().T
    figure = go.Figure(
        go.Heatmap(
            z=values.tolist(),
            x=list(range(len(names))),
            y=list(range(len(features))),
            zmin=-SATURATION,
            zmax=SATURATION,
            colorscale=[list(stop) for stop in DIVERGING],
            xgap=3,
            ygap=3,
            hovertemplate="%{z:+.2f} standard deviations<extra></extra>",
            colorbar={
                "title": {"text": "against the average<br>customer (sd)", "font": {"size": 11}},
                "thickness": 10,
                "tickvals": [-1, 0, 1],
                "ticktext": ["−1", "0", "+1"],
                "outlinewidth": 0,
                "len": 0.9,
            },
        )
    )
    for column, name in enumerate(names):
        for row, feature in enumerate(features):
            mean = rows.loc[name].get(f"{feature}_mean", np.nan)
            fill = blend(DIVERGING, (float(values[row, column]) / SATURATION + 1) / 2)
            figure.add_annotation(
                x=column,
                y=row,
                text=format_value(feature, mean),
                showarrow=False,
                font={"size": 12, "color": text_colour_on(fill)},
            )
    total = max(int(profiles["customers"].sum()), 1)
    heads = [
        f"<b>{_two_lines(name)}</b><br>{short_number(int(rows.loc[name, 'customers']))}"
        f" ({rows.loc[name, 'customers'] / total:.0%})" + ("<br>weak match" if name in weak else "")
        for name in names
    ]
    figure.update_xaxes(
        tickvals=list(range(len(names))), ticktext=heads, tickangle=0, side="bottom"
    )
    figure.update_yaxes(
        tickvals=list(range(len(features))), ticktext=[feature_name(name) for name in features]
    )
    figure.update_xaxes(showgrid=False, ticks="", showline=False)
    figure.update_yaxes(showgrid=False, ticks="", showline=False)
    new = int(profiles.loc[profiles["segment"] == NEW, "customers"].sum())
    if new:
        subtitle += f" · {short_number(new)} new customers ({new / total:.0%}) not shown"
    return apply_theme(figure, "Who the segments are", subtitle)


def selection_figure(report: Mapping[str, Any], subtitle: str) -> go.Figure:
    """Draw inertia and silhouette against the number of clusters, the chosen one marked.

    Parameters
    ----------
    report
        ``candidates`` (``k``, ``inertia``, ``silhouette``), ``chosen_k``, ``elbow_k``,
        ``silhouette_k``.
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    from plotly.subplots import make_subplots

    rows = report["candidates"]
    figure = make_subplots(cols=2, horizontal_spacing=0.14)
    panels = (
        ("inertia", "inertia per customer", RUST, report["elbow_k"], "elbow"),
        ("silhouette", "mean silhouette", TEAL, report["silhouette_k"], "highest"),
    )
    for column, (measure, title, colour, best, word) in enumerate(panels, start=1):
        drawn = [row for row in rows if row[measure] is not None]
        ks, values = [row["k"] for row in drawn], [row[measure] for row in drawn]
        chosen = [k == report["chosen_k"] for k in ks]
        figure.add_scatter(
            x=ks,
            y=values,
            mode="lines+markers",
            line={"color": colour, "width": 2.5},
            marker={
                "size": [15 if is_chosen else 8 for is_chosen in chosen],
                "color": colour,
                "line": {
                    "width": [2 if is_chosen else 0 for is_chosen in chosen],
                    "color": "white",
                },
            },
            hovertemplate="k = %{x}: %{y:.3f}<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        for k, value in zip(ks, values, strict=True):
            words = [word] * (k == best) + ["chosen"] * (k == report["chosen_k"])
            if words:
                figure.add_annotation(
                    x=k,
                    y=value,
                    text=" and ".join(words),
                    showarrow=False,
                    yshift=12,
                    xshift=6,
                    xanchor="left",
                    row=1,
                    col=column,
                )
        if values:
            low, high = min(values), max(values)
            room = 0.18 * (high - low) or 0.1
            figure.update_yaxes(range=[low - room / 2, high + room], row=1, col=column)
        else:
            figure.add_annotation(
                text="too few different customers<br>to compare",
                xref=f"x{column} domain" if column > 1 else "x domain",
                yref=f"y{column} domain" if column > 1 else "y domain",
                x=0.5,
                y=0.5,
                showarrow=False,
            )
        figure.update_xaxes(title_text="number of clusters k", dtick=1, row=1, col=column)
        figure.update_yaxes(title_text=title, row=1, col=column)
    return apply_theme(figure, f"How many segments: k = {report['chosen_k']}", subtitle)


def map_figure(
    points: np.ndarray,
    segments: Sequence[str],
    names: Sequence[str],
    axes: Sequence[str],
    subtitle: str,
) -> go.Figure:
    """Draw a sample of customers on the first two principal components.

    Parameters
    ----------
    points
        float ``[n, 2]``.
    segments
        Segment of each point.
    names
        All segments in cluster order, for the colours.
    axes
        Titles of the two axes.
    subtitle
        The data.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    colours, labels = segment_colours(names), np.asarray(segments)
    spread = np.ptp(points, axis=0) if len(points) else np.ones(2)
    # Equal customers lie on one another; a little jitter shows how many they are.
    jitter = np.random.default_rng(0).normal(size=points.shape) * spread * 0.006
    shown = np.round(points + jitter, 3)
    for name in names:
        own = shown[labels == name]
        if len(own):
            figure.add_scatter(
                x=own[:, 0].tolist(),
                y=own[:, 1].tolist(),
                mode="markers",
                marker={"size": 4.5, "color": colours[name], "opacity": 0.55},
                name=plain_text(name),
                hovertemplate=f"{plain_text(name)}<extra></extra>",
            )
    for name in names:
        own = points[labels == name]
        if len(own):
            figure.add_annotation(
                x=float(np.median(own[:, 0])),
                y=float(np.median(own[:, 1])),
                text=f"<b>{plain_text(name)}</b>",
                showarrow=False,
                font={"size": 12, "color": text_colour_on(colours[name])},
                bgcolor=colours[name],
                borderpad=3,
                opacity=0.92,
            )
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title_text=axes[0])
    figure.update_yaxes(title_text=axes[1])
    return apply_theme(figure, "Map of customers", subtitle)


def axis_title(number: int, share: float, loadings: np.ndarray, features: Sequence[str]) -> str:
    """Name a principal component by the features that load most on it.

    Parameters
    ----------
    number
        1-based.
    share
        Of the variance.
    loadings
        float ``[f]``.
    features
        Names of the features.

    Returns
    -------
    str
        For example ``component 1 (34 %): more purchases, fewer days since last``.
    """
    strongest = np.argsort(-np.abs(loadings), kind="stable")[:2]
    words = [
        ("↑ " if loadings[i] > 0 else "↓ ") + feature_name(features[i])
        for i in strongest
        if abs(loadings[i]) >= 0.2
    ]
    return f"component {number} ({share:.0%}): {', '.join(words)}"


def feature_name(feature: str) -> str:
    """Name of a feature as a reader says it."""
    return FEATURE_NAMES.get(feature, feature.replace("_", " "))


def format_value(feature: str, value: float) -> str:
    """Write a mean in its own unit, short enough for a cell."""
    if value is None or pd.isna(value):
        return "–"
    if feature.endswith("_share"):
        return f"{value:.0%}"
    if feature.endswith("_days") or feature == "days_between_purchases":
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return short_number(round(value))
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def _two_lines(name: str) -> str:
    """Break a name at the space nearest its middle, so that heads stay narrow."""
    text = plain_text(name)
    spaces = [i for i, character in enumerate(text) if character == " "]
    if len(text) < 14 or not spaces:
        return text
    cut = min(spaces, key=lambda i: abs(i - len(text) / 2))
    return f"{text[:cut]}<br>{text[cut + 1 :]}"

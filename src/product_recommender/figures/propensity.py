"""Figure of the chances of a purchase: what was promised against what came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from product_recommender.figures.theme import (
    BLUE,
    MUTED,
    RUST,
    apply_theme,
    data_subtitle,
    plain_text,
    short_number,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

_BASELINE = "recency_frequency"
_SPOKEN = {
    "splines": "curves",
    "trees": "boosted trees",
    "splines_and_trees": "curves and trees",
    "base_rate": "the category's rate",
    _BASELINE: "recency and frequency",
}
_TICKS = (1e-5, 1e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def reliability_figure(
    table: pd.DataFrame,
    metrics: pd.DataFrame,
    report: Mapping[str, Any],
    data_quality_report: Mapping[str, Any],
    level: float = 0.95,
) -> go.Figure:
    """Draw promised chances against the share that bought, bin by bin, on logarithmic axes.

    Parameters
    ----------
    table
        ``propensity_reliability_table``; without rows the figure says why there is nothing.
    metrics
        ``propensity_metrics``, for the numbers in the legend.
    report
        ``propensity_report``.
    data_quality_report
        For the label of the data.
    level
        Of the intervals in the table.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    detail = f"{report['questions']:,} chances, {report['purchases']:,} came true"
    subtitle = data_subtitle(data_quality_report, detail)
    figure.update_layout(height=560)
    title = f"Chance of a purchase within {report['period_days']} days, promised and kept"
    if table.empty:
        figure.add_annotation(
            text="<br>".join(plain_text(note, 110) for note in report["notes"]) or "no period",
            showarrow=False,
            font={"size": 12},
        )
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        return apply_theme(figure, title, subtitle)
    low, high = _limits(table)
    figure.add_trace(
        go.Scatter(
            x=[low, high],
            y=[low, high],
            mode="lines",
            line={"color": MUTED, "width": 1, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    for name, colour, size in ((_BASELINE, BLUE, 8), (str(report["model"]), RUST, 11)):
        rows = table[table["model"] == name]
        if len(rows):
            words = _words(name, metrics)
            figure.add_trace(_points(rows, words, colour, size, low, labelled=name != _BASELINE))
    ticks = [tick for tick in _TICKS if low <= tick <= high]
    axis = {
        "type": "log",
        "range": [np.log10(low), np.log10(high)],
        "tickvals": ticks,
        "ticktext": [_percent(tick) for tick in ticks],
    }
    figure.update_xaxes(title_text="promised: mean chance in the bin", **axis)
    figure.update_yaxes(title_text="kept: share that bought", **axis)
    middle = (np.log10(low) + np.log10(high)) / 2
    figure.add_annotation(
        text="as promised",
        x=np.log10(low) + 0.35 * (middle - np.log10(low)),
        y=np.log10(low) + 0.35 * (middle - np.log10(low)),
        xanchor="left",
        yanchor="top",
        showarrow=False,
        font={"size": 11, "color": MUTED},
    )
    in_bin = table.loc[table["model"] == report["model"], "questions"].median()
    figure.add_annotation(
        text=f"numbers: purchases among the {in_bin:,.0f} chances in a bin; triangle: none"
        f"<br>bars: {level:.0%} interval of the share",
        xref="paper",
        yref="paper",
        x=0.99,
        y=0.02,
        xanchor="right",
        yanchor="bottom",
        align="right",
        showarrow=False,
        font={"size": 11},
    )
    figure.update_layout(
        legend={"orientation": "v", "x": 0.01, "xanchor": "left", "y": 0.99, "yanchor": "top"}
    )
    return apply_theme(figure, title, subtitle)


def _points(
    rows: pd.DataFrame, words: str, colour: str, size: int, floor: float, labelled: bool
) -> go.Scatter:
    """One point a bin; a bin without any purchase sits on the floor as an open triangle."""
    import plotly.graph_objects as go

    rows = rows.iloc[::-1]  # the legend shows the symbol of the first point: one with purchases
    share = rows["purchase_share"].to_numpy(dtype=np.float64)
    none = share <= 0
    shown = np.where(none, floor * 1.08, share)
    return go.Scatter(
        x=np.maximum(rows["mean_probability"], floor),
        y=shown,
        mode="markers+lines+text" if labelled else "markers+lines",
        name=words,
        line={"color": colour, "width": 2 if labelled else 1},
        marker={
            "color": colour,
            "size": size,
            "symbol": np.where(none, "triangle-down-open", "circle"),
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": np.where(none, 0.0, rows["high"] - share),
            "arrayminus": np.where(none, 0.0, np.minimum(share - rows["low"], shown - floor)),
            "color": colour,
            "thickness": 1,
            "width": 3,
        },
        text=[f" {short_number(float(count))}" for count in rows["purchases"]],
        textposition="bottom right",
        textfont={"size": 10},
        customdata=np.stack([rows["questions"], rows["purchases"], rows["purchase_share"]], axis=1),
        hovertemplate="promised %{x:.2%}, kept %{customdata[2]:.2%}<br>"
        "%{customdata[1]:,} purchases of %{customdata[0]:,}<extra></extra>",
    )


def _words(name: str, metrics: pd.DataFrame) -> str:
    overall = metrics[(metrics["model"] == name) & (metrics["slice"] == "overall")]
    values = overall.set_index("metric")["value"]
    words = _SPOKEN.get(name, name)
    if "auc" not in values:
        return words
    return f"{words}: AUC {values['auc']:.3f}, calibration error {values['calibration_error']:.4f}"


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    seen = np.concatenate([table["mean_probability"], table["purchase_share"], table["low"]])
    positive = seen[seen > 0]
    largest = max(float(table["high"].max()), float(table["mean_probability"].max()))
    return max(float(positive.min()) / 1.3, 1e-5), min(largest * 1.3, 1.0)


def _percent(share: float) -> str:
    return f"{share:.3%}".rstrip("%").rstrip("0").rstrip(".") + "%"

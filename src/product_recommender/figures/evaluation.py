"""Figures of the evaluation: who ranks best, for whom, and how far predicted stars are off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from product_recommender.figures.theme import (
    BLUE,
    MUTED,
    OCHRE,
    RUST,
    SEQUENTIAL,
    TEAL,
    apply_theme,
    blend,
    data_subtitle,
    plain_text,
    text_colour_on,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

HISTORY_SLICES = ("history=0", "history=1", "history=2-4", "history=5+")
COLD_PRODUCTS, KNOWN_PRODUCTS = "cold products", "known products"
BASELINES = ("random", "popularity", "recent_popularity", "bias", "global_mean")
ENSEMBLES = ("ensemble", "ensemble_equal")

_GROUPS: tuple[tuple[str, str, str, float], ...] = (
    ("cold", "without history", BLUE, -0.24),
    ("overall", "all customers", RUST, 0.0),
    ("warm", "with history", OCHRE, 0.24),
)


def ranking_figure(metrics: pd.DataFrame, report: Mapping[str, Any]) -> go.Figure:
    """Draw NDCG of every model at the test, with intervals: all customers, warm and cold.

    Parameters
    ----------
    metrics
        The dataset of that name.
    report
        ``data_quality_report``, for the label.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    import plotly.graph_objects as go

    metric = _ndcg_name(metrics)
    test = _test_rows(metrics, metric)
    order = _worst_first(test)
    figure = go.Figure()
    for name, words, colour, shift in _GROUPS:
        rows = test[test["slice"] == name].set_index("model").reindex(order)
        if rows["value"].notna().any():
            n = int(rows["n_users"].max())
            figure.add_trace(
                _dots(
                    rows,
                    np.arange(len(order)) + shift,
                    f"{words} ({n:,})",
                    colour,
                    10 if name == "overall" else 7,
                )
            )
    _name_rows(figure, order)
    figure.update_xaxes(
        title_text=f"{_spoken(metric)} at the test, higher is better", rangemode="tozero"
    )
    figure.update_layout(height=150 + 46 * len(order), legend={"traceorder": "reversed"})
    return _finished(figure, "Who finds what customers buy next", report, test)


def rating_figure(metrics: pd.DataFrame, report: Mapping[str, Any]) -> go.Figure:
    """Draw RMSE at the test of every model that predicts stars, with intervals.

    Parameters and return value as of ``ranking_figure``.
    """
    import plotly.graph_objects as go

    test = _test_rows(metrics, "rmse")
    overall = test[test["slice"] == "overall"].set_index("model")
    order = list(overall.sort_values("value", ascending=False).index)
    rows = overall.reindex(order)
    figure = go.Figure()
    for kind, words, colour in (
        ("baseline", "baseline", MUTED),
        ("model", "model", RUST),
        ("ensemble", "ensemble", TEAL),
    ):
        chosen = [i for i, name in enumerate(order) if _kind(name) == kind]
        if chosen:
            trace = _dots(rows.iloc[chosen], np.array(chosen), words, colour, 11)
            trace.update(
                mode="markers+text",
                text=[f"{value:.3f}" for value in rows["value"].iloc[chosen]],
                textposition="top center",
                textfont={"size": 11},
            )
            figure.add_trace(trace)
    _name_rows(figure, order)
    figure.update_xaxes(title_text="RMSE at the test in stars, lower is better")
    figure.update_layout(height=150 + 44 * len(order))
    return _finished(figure, "How far predicted stars are from given stars", report, test)


def segments_figure(metrics: pd.DataFrame, report: Mapping[str, Any]) -> go.Figure:
    """Draw test NDCG of every model in every segment as a grid; colours compare within a segment.

    Parameters and return value as of ``ranking_figure``.
    """
    metric = _ndcg_name(metrics)
    test = _test_rows(metrics, metric)
    order = _worst_first(test)
    rows = test[test["slice"].str.startswith("segment=")]
    sizes = rows.groupby("slice")["n_users"].max().sort_values(ascending=False)
    names = [
        f"{plain_text(str(name).removeprefix('segment='), 28).replace(' and ', '<br>and ')}"
        f"<br>{size:,} customers"
        for name, size in sizes.items()
    ]
    values = rows.pivot_table(index="model", columns="slice", values="value")
    values = values.reindex(index=order, columns=list(sizes.index))
    figure = _grid(values.to_numpy(), names, order)
    return apply_theme(
        figure,
        "Who is served well by which model",
        data_subtitle(report, f"{_spoken(metric)}; colour compares within a column"),
    )


def history_figure(metrics: pd.DataFrame, report: Mapping[str, Any]) -> go.Figure:
    """Draw test NDCG against the purchases before the cut, the best models highlighted.

    Parameters and return value as of ``ranking_figure``.
    """
    import plotly.graph_objects as go

    metric = _ndcg_name(metrics)
    test = _test_rows(metrics, metric)
    present = [name for name in HISTORY_SLICES if (test["slice"] == name).any()]
    table = test.pivot_table(index="model", columns="slice", values="value").reindex(
        columns=present
    )
    counts = test[test["slice"].isin(present)].groupby("slice")["n_users"].max()
    highlighted = _highlighted(test)
    figure = go.Figure()
    for name in sorted(table.index, key=lambda name: name in highlighted):
        colour = highlighted.get(name, MUTED)
        figure.add_trace(
            go.Scatter(
                x=np.arange(len(present)),
                y=table.loc[name],
                mode="lines+markers",
                name=_spoken(name),
                line={"color": colour, "width": 3 if name in highlighted else 1},
                marker={"size": 8 if name in highlighted else 4},
                opacity=1.0 if name in highlighted else 0.55,
                showlegend=False,
                hovertemplate=f"{_spoken(name)}<br>%{{y:.4f}}<extra></extra>",
            )
        )
    _label_ends(figure, table, highlighted)
    figure.update_xaxes(
        title_text="purchases before the cut",
        tickvals=list(range(len(present))),
        ticktext=[
            f"{name.removeprefix('history=')}<br>{int(counts[name]):,} customers"
            for name in present
        ],
        range=[-0.25, len(present) - 1 + 0.12 + 0.22 * len(present)],
    )
    figure.update_yaxes(title_text=_spoken(metric), rangemode="tozero")
    figure.update_layout(height=460)
    return apply_theme(
        figure, "What knowing the customer is worth", data_subtitle(report, "all models in grey")
    )


def cold_products_figure(metrics: pd.DataFrame, report: Mapping[str, Any]) -> go.Figure:
    """Draw test NDCG on targets that models have seen a purchase of, and on those they have not.

    Parameters and return value as of ``ranking_figure``. Where no target is cold, the figure says
    so instead.
    """
    import plotly.graph_objects as go

    metric = _ndcg_name(metrics)
    test = _test_rows(metrics, metric)
    figure = go.Figure()
    title = "What models make of products that nobody had bought"
    if not (test["slice"] == COLD_PRODUCTS).any():
        figure.add_annotation(
            text="Every product that was bought in the test period had a training purchase.",
            showarrow=False,
            font={"size": 14},
        )
        figure.update_xaxes(visible=False)
        figure.update_yaxes(visible=False)
        figure.update_layout(height=260)
        return apply_theme(figure, title, data_subtitle(report))
    cold = test[test["slice"] == COLD_PRODUCTS].sort_values("value", kind="stable")
    order = [str(name) for name in cold["model"]]
    for name, words, colour, shift in (
        (KNOWN_PRODUCTS, "products with training purchases", MUTED, -0.15),
        (COLD_PRODUCTS, "products without", RUST, 0.15),
    ):
        rows = test[test["slice"] == name].set_index("model").reindex(order)
        if rows["value"].notna().any():
            figure.add_trace(
                _dots(
                    rows,
                    np.arange(len(order)) + shift,
                    f"{words} ({int(rows['n_users'].max()):,} customers)",
                    colour,
                    10 if name == COLD_PRODUCTS else 7,
                )
            )
    _name_rows(figure, order)
    figure.update_xaxes(
        title_text=f"{_spoken(metric)} at the test on these targets, whole catalogue ranked",
        rangemode="tozero",
    )
    figure.update_layout(height=150 + 40 * len(order), legend={"traceorder": "reversed"})
    return _finished(figure, title, report, test)


def _grid(values: np.ndarray, columns: Sequence[str], order: Sequence[str]) -> go.Figure:
    """Rectangles with their value, coloured by the position between a column's worst and best."""
    import plotly.graph_objects as go

    low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
    share = (values - low) / np.where(high > low, high - low, 1.0)
    figure = go.Figure(
        go.Heatmap(
            z=share,
            x=np.arange(len(columns)),
            y=np.arange(len(order)),
            customdata=values,
            colorscale=[list(stop) for stop in SEQUENTIAL],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=3,
            ygap=3,
            hovertemplate="%{customdata:.4f}<extra></extra>",
        )
    )
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            figure.add_annotation(
                x=column,
                y=row,
                text=f"{value:.3f}",
                showarrow=False,
                font={"color": text_colour_on(blend(SEQUENTIAL, float(share[row, column])))},
            )
    _name_rows(figure, order)
    figure.update_yaxes(showgrid=False, showline=False, ticks="")
    figure.update_xaxes(
        tickvals=list(range(len(columns))),
        ticktext=list(columns),
        side="bottom",
        showgrid=False,
        showline=False,
        ticks="",
    )
    figure.update_layout(height=190 + 34 * len(order))
    return figure


def _dots(rows: pd.DataFrame, heights: np.ndarray, name: str, colour: str, size: int) -> go.Scatter:
    import plotly.graph_objects as go

    value = rows["value"].to_numpy(dtype=float)
    return go.Scatter(
        x=value,
        y=heights,
        mode="markers",
        name=name,
        marker={"color": colour, "size": size},
        error_x={
            "type": "data",
            "array": rows["ci_high"].to_numpy(dtype=float) - value,
            "arrayminus": value - rows["ci_low"].to_numpy(dtype=float),
            "color": colour,
            "thickness": 1.6,
            "width": 0,
        },
        text=[_spoken(model) for model in rows.index],
        customdata=rows[["ci_low", "ci_high", "n_users"]],
        hovertemplate="%{text}<br>%{x:.4f} [%{customdata[0]:.4f}, %{customdata[1]:.4f}]"
        "<br>%{customdata[2]:,} customers<extra></extra>",
    )


def _name_rows(figure: go.Figure, order: Sequence[str]) -> None:
    figure.update_yaxes(
        tickvals=list(range(len(order))),
        ticktext=[
            f"<b>{_spoken(name)}</b>" if name in ENSEMBLES else _spoken(name) for name in order
        ],
        range=[-0.6, len(order) - 0.4],
    )


def _label_ends(figure: go.Figure, table: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """Write each highlighted model's name beside the end of its line, without overlaps."""
    values = table.to_numpy(dtype=float)
    ends: list[tuple[float, int, str]] = []
    for name in colours:
        if name in table.index:
            line = values[list(table.index).index(name)]
            known = np.flatnonzero(np.isfinite(line))
            ends += [(float(line[last]), int(last), name) for last in known[-1:]]
    gap, lowest = 0.055 * float(np.nanmax(values)), -np.inf
    for height, position, name in sorted(ends):
        lowest = max(height, lowest + gap)
        figure.add_annotation(
            x=position + 0.06,
            y=lowest,
            text=f"<b>{_spoken(name)}</b>",
            font={"color": colours[name], "size": 12},
            showarrow=False,
            xanchor="left",
        )


def _highlighted(test: pd.DataFrame) -> dict[str, str]:
    """The ensemble, the best single model and the baseline to beat."""
    overall = test[test["slice"] == "overall"].set_index("model")["value"]
    single = overall.drop(
        [name for name in (*ENSEMBLES, "recent_popularity") if name in overall.index]
    )
    colours = {"recent_popularity": OCHRE}
    if len(single):
        colours[str(single.idxmax())] = RUST
    return colours | {"ensemble": TEAL}


def _test_rows(metrics: pd.DataFrame, metric: str) -> pd.DataFrame:
    return metrics[(metrics["split"] == "test") & (metrics["metric"] == metric)]


def _ndcg_name(metrics: pd.DataFrame) -> str:
    return next(str(name) for name in metrics["metric"] if str(name).startswith("ndcg@"))


def _worst_first(test: pd.DataFrame) -> list[str]:
    overall = test[test["slice"] == "overall"]
    return [str(name) for name in overall.sort_values("value")["model"]]


def _kind(model: str) -> str:
    if model in ENSEMBLES:
        return "ensemble"
    return "baseline" if model in BASELINES else "model"


def _finished(
    figure: go.Figure, title: str, report: Mapping[str, Any], test: pd.DataFrame
) -> go.Figure:
    """Theme, and a legend below the plot, where a long data label leaves it room."""
    n = int(test.loc[test["slice"] == "overall", "n_users"].max())
    detail = f"{n:,} customers, bars: bootstrap intervals"
    apply_theme(figure, title, data_subtitle(report, detail))
    figure.update_layout(
        legend={"yref": "container", "y": 0.005, "yanchor": "bottom"}, margin={"b": 84}
    )
    return figure


def _spoken(name: str) -> str:
    return name.upper() if name.startswith("ndcg@") else name.replace("_", " ")

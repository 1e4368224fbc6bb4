// Heat maps and intervals by Plotly, which is read only when the first of them is shown.

import { categorical, heatScale, shade } from "./colours.js";
import { el } from "./elements.js";
import { known, shortened } from "./format.js";

function plotly() {
  if (!window.Plotly) {
    // The same text as in the policy's hash; a script element runs as soon as it is in the page.
    const script = document.createElement("script");
    script.textContent = document.getElementById("plotly-source").textContent;
    document.head.append(script);
  }
  return window.Plotly;
}

/** Plotly reads <b>, <a href> and entities in every text; text of strangers must stay text. */
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

/** Read the library while nothing else is to do, so that its first heat map comes at once. */
export function readPlotlyWhenIdle() {
  afterPaint(() => (window.requestIdleCallback ?? setTimeout)(plotly));
}

function afterPaint(then) {
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(then, 30)));
}

const waiting = new Map();

/** Draw a figure {draw: "heat" | "intervals", ...} into a place; the first time, after the paint. */
export function drawPlotly(place, figure, label) {
  if (window.Plotly) return drawNow(place, figure, label);
  if (!waiting.size) {
    afterPaint(() => {
      const drawings = [...waiting];
      waiting.clear();
      for (const [where, drawing] of drawings) if (where.isConnected) drawNow(where, ...drawing);
    });
  }
  waiting.set(place, [figure, label]);
}

function drawNow(place, figure, label) {
  const library = plotly();
  let target = place.querySelector(".plotly-place");
  if (!target) {
    target = el("div", { class: "plotly-place", role: "img" });
    place.replaceChildren(target);
  }
  target.setAttribute("aria-label", label);
  const [traces, layout] = figure.draw === "heat" ? heat(figure) : intervals(figure);
  library.react(target, traces, { ...base(), ...layout }, { displayModeBar: false, responsive: true, staticPlot: false, showLink: false, showSendToCloud: false });
}

/** Forget what was drawn in a place. */
export function clearPlotly(place) {
  const target = place.querySelector(".plotly-place");
  if (target && window.Plotly) window.Plotly.purge(target);
}

function base() {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: shade("soft") },
    margin: { l: 8, r: 8, t: 8, b: 8 },
    hoverlabel: { bgcolor: shade("ink"), font: { color: shade("paper") }, bordercolor: shade("ink") },
    dragmode: false,
    showlegend: false,
  };
}

function axis(title, more = {}) {
  return { title: { text: plain(title), standoff: 8 }, automargin: true, fixedrange: true, zeroline: false, gridcolor: shade("line"), linecolor: shade("edge"), ...more };
}

function heat(figure) {
  const words = figure.cells.map((row, y) => row.map((cell, x) => (known(cell) ? plain(figure.words(x, y, cell)) : "")));
  const trace = {
    type: "heatmap",
    x: figure.x.labels.map((_, at) => at),
    y: figure.y.labels.map((_, at) => at),
    z: figure.cells,
    text: words,
    hovertemplate: "%{text}<extra></extra>",
    hoverongaps: false,
    colorscale: heatScale(),
    zmin: 0,
    zmax: figure.most ?? undefined,
    xgap: 2,
    ygap: 2,
    colorbar: { title: { text: plain(figure.colourTitle), side: "right" }, thickness: 12, outlinewidth: 0, tickformat: figure.tickFormat },
  };
  const ticks = (labels, every) => {
    const shown = labels.map((_, at) => at).filter((at) => at % every === 0);
    return { tickmode: "array", tickvals: shown, ticktext: shown.map((at) => plain(labels[at])), showgrid: false };
  };
  const layout = {
    xaxis: axis(figure.x.title, { ...ticks(figure.x.labels, Math.ceil(figure.x.labels.length / (innerWidth < 640 ? 7 : 14))), side: "bottom" }),
    yaxis: axis(figure.y.title, { ...ticks(figure.y.labels, Math.ceil(figure.y.labels.length / 16)), autorange: figure.y.downwards ? "reversed" : true }),
  };
  return [[trace], layout];
}

function intervals(figure) {
  const sizes = innerWidth < 640 ? 15 : 30;
  const traces = figure.series.map((one, at) => ({
    type: "scatter",
    mode: "markers",
    x: one.values,
    y: figure.x.labels.map((_, row) => row + (figure.series.length > 1 ? (at - (figure.series.length - 1) / 2) * 0.22 : 0)),
    error_x: { type: "data", symmetric: false, array: one.high.map((high, n) => (known(high) ? high - one.values[n] : 0)), arrayminus: one.low.map((low, n) => (known(low) ? one.values[n] - low : 0)), thickness: 1.6, width: 4, color: categorical(one.colour ?? at) },
    marker: { size: 8, color: categorical(one.colour ?? at) },
    text: figure.x.labels.map((label, n) => plain(`${label}: ${figure.y.format(one.values[n])} (${figure.y.format(one.low[n])} to ${figure.y.format(one.high[n])})`)),
    hovertemplate: "%{text}<extra></extra>",
  }));
  const layout = {
    xaxis: axis(figure.y.title, { rangemode: "tozero" }),
    yaxis: axis("", { tickmode: "array", tickvals: figure.x.labels.map((_, n) => n), ticktext: figure.x.labels.map((label) => plain(shortened(label, sizes))), autorange: "reversed" }),
    hovermode: "closest",
  };
  return [traces, layout];
}

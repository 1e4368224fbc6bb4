// Lines, bars and points by Chart.js. A figure says what is drawn; nothing here knows the data.
//   {draw: "lines" | "bars" | "rows" | "points", x: {title, labels, full?, format?}, y: {title,
//    format, tick?, zero?}, series: [{name, values | low, high | points, colour, as?, format?}]}

import { categorical, faded, shade } from "./colours.js";
import { el } from "./elements.js";
import { known, shortened } from "./format.js";

const FONT = getComputedStyle(document.body).fontFamily;
Chart.defaults.font.family = FONT;
Chart.defaults.font.size = 12;
Chart.defaults.animation = false;
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.normalized = true;

/** Draw into a place, or change what was drawn there; returns the chart to hand in next time. */
export function drawChart(place, figure, before, label) {
  const type = figure.draw === "lines" ? "line" : figure.draw === "points" ? "scatter" : "bar";
  const data = { labels: figure.x.labels, datasets: figure.series.flatMap((one, at) => datasets(one, at, figure)) };
  if (before && before.config.type === type && place.contains(before.canvas)) {
    before.data = data;
    before.options = options(figure, place.clientWidth);
    before.canvas.setAttribute("aria-label", label);
    before.update("none");
    return before;
  }
  before?.destroy();
  const canvas = el("canvas", { role: "img", "aria-label": label });
  place.replaceChildren(canvas);
  return new Chart(canvas, { type, data, options: options(figure, place.clientWidth) });
}

function colourOf(one, at) {
  return one.muted ? shade("edge") : categorical(one.colour ?? at);
}

function datasets(one, at, figure) {
  const colour = colourOf(one, at);
  if (one.as === "band") {
    const edge = { type: "line", borderWidth: 0, pointRadius: 0, pointHitRadius: 0, backgroundColor: faded(colour, 0.2), band: true };
    return [
      { ...edge, label: `${one.name}, lowest`, data: one.low, fill: false },
      { ...edge, label: `${one.name}, highest`, data: one.high, fill: "-1" },
    ];
  }
  if (figure.draw === "points") {
    return [{ label: one.name, data: one.points, backgroundColor: faded(colour, 0.6), borderColor: colour, borderWidth: 1, pointRadius: 4, pointHoverRadius: 6, clip: 8, format: one.format }];
  }
  const common = { label: one.name, data: one.values, format: one.format };
  if (figure.draw === "lines" && one.as !== "bar") {
    const few = figure.x.labels.length <= 40;
    return [{ ...common, borderColor: colour, backgroundColor: colour, borderWidth: 2, borderDash: one.dashed ? [5, 4] : [], pointRadius: few ? 2 : 0, pointHoverRadius: 5, pointHitRadius: 12, clip: 6, tension: 0, spanGaps: false }];
  }
  const fills = one.colours?.map((position) => categorical(position)) ?? one.values.map((_, n) => (one.partial?.[n] ? faded(colour, 0.45) : colour));
  return [{ ...common, backgroundColor: fills, borderRadius: 3, maxBarThickness: 34, categoryPercentage: 0.82, barPercentage: 0.92 }];
}

function options(figure, width) {
  const sideways = figure.draw === "rows";
  const measured = {
    beginAtZero: figure.y.zero !== false,
    grace: figure.draw === "lines" && figure.y.max === undefined ? "4%" : 0,
    min: figure.y.min,
    max: figure.y.max,
    type: figure.y.log ? "logarithmic" : "linear",
    title: { display: true, text: figure.y.title, color: shade("soft") },
    ticks: { color: shade("soft"), callback: (value) => (figure.y.tick ?? figure.y.format)(value), maxTicksLimit: 6, precision: figure.y.precision, stepSize: figure.y.step },
    grid: { color: shade("line") },
    border: { display: false },
    stacked: figure.stacked,
  };
  const named = {
    title: { display: Boolean(figure.x.title) && !sideways, text: figure.x.title, color: shade("soft") },
    grid: { display: figure.draw === "points", color: shade("line") },
    border: { color: shade("edge") },
    stacked: figure.stacked,
    ticks: { color: shade("soft"), autoSkip: !sideways, maxRotation: 0, autoSkipPadding: 14 },
  };
  if (sideways) named.ticks.callback = (_, at) => shortened(figure.x.labels[at], Math.max(14, Math.min(60, Math.round(width / 19))));
  if (figure.draw === "points") {
    Object.assign(named, { type: figure.x.log ? "logarithmic" : "linear", min: figure.x.min });
    const round = (value) => [1, 2, 5].some((step) => Math.abs(value / 10 ** Math.floor(Math.log10(value) + 1e-9) - step) < 1e-6);
    named.ticks.callback = (value) => (figure.x.log && !round(value) ? null : figure.x.format(value));
  }
  return {
    indexAxis: sideways ? "y" : "x",
    interaction: figure.draw === "points" ? { mode: "nearest", intersect: true } : { mode: "index", intersect: false, axis: sideways ? "y" : "x" },
    scales: sideways ? { x: measured, y: named } : { x: named, y: measured },
    plugins: { legend: { display: false }, tooltip: tooltip(figure) },
  };
}

function tooltip(figure) {
  return {
    backgroundColor: shade("ink"),
    titleColor: shade("paper"),
    bodyColor: shade("paper"),
    padding: 10,
    boxPadding: 4,
    filter: (item) => item.dataset.band || figure.draw === "points" || known(item.parsed[figure.draw === "rows" ? "x" : "y"]),
    callbacks: {
      title: (items) => (items.length && figure.draw !== "points" ? shortened((figure.x.full ?? figure.x.labels)[items[0].dataIndex], 60) : ""),
      label: (item) => {
        if (figure.draw === "points") return item.raw.words ?? "";
        const format = item.dataset.format ?? figure.y.format;
        return `${item.dataset.label}: ${format(item.parsed[figure.draw === "rows" ? "x" : "y"])}`;
      },
    },
  };
}

/** What the colours mean, in text; nothing where there is one series. */
export function key(figure) {
  if (!figure.series || figure.series.length < 2) return null;
  return el(
    "ul",
    { class: "key" },
    figure.series.map((one, at) => {
      const form = one.as === "band" ? "band" : figure.draw === "lines" && one.as !== "bar" ? (one.dashed ? "line dashed" : "line") : "";
      return el("li", {}, el("span", { class: `swatch ${form}`, style: { "--swatch": colourOf(one, at) }, "aria-hidden": "true" }), one.name);
    }),
  );
}

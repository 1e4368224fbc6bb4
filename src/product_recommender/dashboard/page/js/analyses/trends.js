// Market trends: seasons, year on year, and a forecast that says how wrong it was before.

import { card } from "../card.js";
import { compact, count, day, decimal, known, percent, stars, stepLabel } from "../format.js";
import { choices, payload, series } from "../payload.js";
import { nothing } from "../selection.js";

/** The cards of the trend analysis. */
export function trends() {
  return [
    card({ analysis: "trends", name: "forecast", span: 12, height: 320, figure: ahead }),
    card({ analysis: "trends", name: "months", figure: (panel, at) => seasons(panel, at, "Month") }),
    card({ analysis: "trends", name: "weekdays", figure: (panel, at) => seasons(panel, at, "Day") }),
    card({ analysis: "trends", name: "year_on_year", span: 12, height: 320, figure: yearOnYear }),
  ];
}

function seasons(panel, at, title) {
  const [index, low, high] = ["index", "low", "high"].map((name) => panel[name][at.category]);
  if (!index.some(known)) return { empty: "Too little data in this category for a season" };
  const removed = panel.growth_removed;
  return {
    draw: "lines",
    x: { title, labels: panel.labels.map((label) => label.slice(0, 3)), full: panel.labels },
    y: { title: "Index", format: stars, tick: decimal },
    series: [
      { name: "Index", values: index, colour: title === "Month" ? 0 : 1 },
      { name: "Lowest to highest year", as: "band", low, high, colour: title === "Month" ? 2 : 1 },
    ],
    note: removed ? (removed[at.category] ? "Growth is removed here." : "Growth is not removed here: the history is too short.") : "",
  };
}

function yearOnYear(panel, at) {
  const last = panel.series_period;
  const found = series({ ...at, period: last }, ["orders"]);
  if (!found.orders.some((n) => n > 0)) return nothing({ ...at, period: last });
  const perYear = found.step === "month" ? 12 : 4;
  const slots = Array.from({ length: perYear }, (_, slot) => {
    const month = String((slot * 12) / perYear + 1).padStart(2, "0");
    return found.step === "month" ? stepLabel(`2001-${month}-01`, "month").slice(0, 3) : `Quarter ${slot + 1}`;
  });
  const years = [...new Set(found.labels.map((iso) => iso.slice(0, 4)))];
  const shown = years.slice(-6);
  const lines = years.map((year) => ({ name: year, values: slots.map(() => null) }));
  found.labels.forEach((iso, n) => {
    const slot = Math.floor(((Number(iso.slice(5, 7)) - 1) * perYear) / 12);
    lines[years.indexOf(iso.slice(0, 4))].values[slot] = found.orders[n];
  });
  const word = found.step;
  return {
    draw: "lines",
    x: { title: word === "month" ? "Month" : "Quarter", labels: slots },
    y: { title: `Estimated orders a ${word}`, format: count, tick: compact, precision: 0 },
    series: lines.filter((line) => shown.includes(line.name)).map((line, n, all) => ({ ...line, colour: all.length - 1 - n })),
    note: [
      years.length > shown.length ? `The last ${shown.length} years are drawn; the table has all ${years.length}.` : "",
      partialSteps(found),
    ].join(" "),
    table: { columns: [{ name: "Year" }, ...slots.map((slot) => ({ name: slot, number: true, format: count }))], rows: lines.map((line) => [line.name, ...line.values]) },
  };
}

function partialSteps(found) {
  const { first_day, last_day } = choices("period")[choices("period").length - 1];
  const steps = found.labels.length;
  return steps > 1 ? `The first ${found.step} begins on ${day(first_day)}, the last ends on ${day(last_day)}.` : "";
}

function ahead(panel, at) {
  const forecast = panel.forecasts[at.category];
  if (!forecast) return { empty: "No forecast for this category", more: panel.why };
  const history = panel.history[at.category];
  const gap = Array(history.length).fill(null);
  const labels = [...panel.history_labels, ...panel.labels];
  const { error, naive_error: naive, coverage, questions } = forecast.backtest;
  // The line of the forecast starts at the last known week, so that no gap is drawn.
  const start = [...gap.slice(0, -1), history[history.length - 1]];
  return {
    draw: "lines",
    x: { title: "Week from", labels: labels.map((iso) => stepLabel(iso, "day")), full: labels.map((iso) => `Week from ${day(iso)}`) },
    y: { title: "Estimated orders a week", format: (value) => (known(value) ? count(value) : "–"), tick: compact },
    series: [
      { name: "Orders so far", values: [...history, ...panel.labels.map(() => null)], colour: 0 },
      { name: "Forecast", values: [...start, ...forecast.expected], colour: 1, dashed: true },
      { name: "Interval", as: "band", low: [...gap, ...forecast.low], high: [...gap, ...forecast.high], colour: 1 },
    ],
    table: {
      columns: [{ name: "Week from" }, { name: "Orders", number: true, format: count }, { name: "Forecast", number: true, format: count }, { name: "Lowest", number: true, format: count }, { name: "Highest", number: true, format: count }],
      rows: [...panel.history_labels.map((iso, n) => [day(iso), history[n], null, null, null]), ...panel.labels.map((iso, n) => [day(iso), null, forecast.expected[n], forecast.low[n], forecast.high[n]])],
    },
    note: `Method: ${forecast.method}. On ${count(questions)} past questions that had no part in the choice it was wrong by ${percent(error)} of the orders (the mean of the last weeks: ${percent(naive)}), and ${percent(coverage)} of the weeks lay inside the interval.`,
  };
}

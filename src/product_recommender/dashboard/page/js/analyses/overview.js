// Business overview: the numbers at a glance, categories, satisfaction.

import { card } from "../card.js";
import { el } from "../elements.js";
import { change, compact, count, day, dollars, known, percent, ratio, shortDollars, stars, wholePercent } from "../format.js";
import { along, choices, measure, payload } from "../payload.js";
import { nothing } from "../selection.js";
import { quotientOverTime } from "../time_figures.js";

/** The cards of the business overview. */
export function overview() {
  return [
    card({ analysis: "overview", name: "kpis", unit: "", span: 12, bare: true, figure: kpis }),
    card({ analysis: "overview", name: "category_distribution", span: 4, figure: categories }),
    card({ analysis: "overview", name: "satisfaction", height: 300, span: 5, figure: satisfaction }),
    card({ analysis: "overview", name: "stars", height: 300, span: 3, figure: starShares }),
  ];
}

/** A number with its name, and what it was before. */
export function tile({ name, value, unknown, detail, before, position }) {
  return el(
    "div",
    { class: "tile", style: { "--tile": `var(--series-${(position % 6) + 1})` } },
    el("dt", {}, name),
    el("dd", { class: unknown ? "value unknown" : "value", "data-value": name }, unknown ?? value),
    detail ? el("dd", { class: "detail" }, detail) : null,
    before ? el("dd", { class: "detail" }, before) : null,
  );
}

/** A growth rate with its direction; "unchanged" where there is none. */
export function rateWords(rate) {
  if (Math.abs(rate) < 0.0005) return "unchanged";
  return el("span", { class: rate < 0 ? "down" : "up" }, `${rate < 0 ? "▼" : "▲"} ${change(rate)}`);
}

/** "+3.1 % on the period before", coloured, or why that is not known. */
export function against(now, before, at) {
  const period = choices("period")[at.period];
  if (!period.previous) return period.previous_missing ? "No period before to compare with" : null;
  const rate = known(now) && known(before) && before !== 0 ? now / before - 1 : null;
  if (rate === null) return known(before) ? `${count(before)} in the period before` : null;
  return [rateWords(rate), Math.abs(rate) < 0.0005 ? " from the period before" : " on the period before"];
}

function kpis(panel, at) {
  const orders = measure("orders", at);
  const priced = measure("priced_orders", at);
  const mean = ratio(measure("stars_sum", at), orders);
  const previousOrders = measure("previous_orders", at);
  const previousMean = ratio(measure("previous_stars_sum", at), previousOrders);
  const revenue = payload.meta.prices_known && priced > 0 ? measure("revenue_cents", at) : null;
  const tiles = [
    { name: "Estimated orders", value: count(orders), detail: "one for each review", before: against(orders, previousOrders, at) },
    { name: "Active customers", value: count(measure("customers", at)), detail: "with an order, each counted once", before: against(measure("customers", at), measure("previous_customers", at), at) },
    { name: "Products ordered", value: count(measure("products", at)), detail: `${count(payload.meta.counts.products)} products in the data` },
    { name: "Average stars", value: stars(mean), unknown: known(mean) ? null : "no reviews", detail: "1 to 5", before: known(previousMean) ? `${stars(previousMean)} in the period before` : null },
    {
      name: "Estimated revenue",
      value: revenue !== null && revenue >= 1e8 ? shortDollars(revenue) : dollars(revenue),
      unknown: known(revenue) ? null : payload.meta.prices_known ? "no order with a known price" : "not known: the data hold no prices",
      detail: known(revenue) ? `list prices, known for ${percent(ratio(priced, orders))} of orders` : null,
      before: known(revenue) ? against(revenue, measure("previous_revenue_cents", at), at) : null,
    },
  ];
  return {
    draw: "nodes",
    nodes: [el("dl", { class: "tiles", style: { margin: 0 } }, tiles.map((one, position) => tile({ ...one, position })))],
    table: { columns: [{ name: "Number" }, { name: "Value", number: true }, { name: "Meaning", words: true }], rows: tiles.map((one) => [one.name, one.unknown ?? one.value, one.detail ?? ""]) },
    note: choices("period")[at.period].previous ? `The period before: ${day(choices("period")[at.period].previous.first_day)} to ${day(choices("period")[at.period].previous.last_day)}.` : choices("period")[at.period].previous_missing,
  };
}

/** A measure by category, the largest first; the chosen category stands out. */
export function byCategory(at, name, y) {
  const all = choices("category");
  const values = along(payload.cubes[name], "category", at, all.length);
  const shown = all.map((_, position) => position).slice(1).filter((position) => known(values[position]) && values[position] !== 0);
  shown.sort((a, b) => values[b] - values[a]);
  if (!shown.length) return null;
  const total = values[0];
  return {
    draw: "rows",
    height: Math.max(240, 60 + 26 * shown.length),
    x: { title: "Category", labels: shown.map((position) => all[position].label) },
    y,
    series: [{ name: y.title, values: shown.map((position) => values[position]), colours: at.category ? shown.map((position) => (position === at.category ? 0 : 2)) : null, colour: y.colour ?? 0 }],
    table: {
      columns: [{ name: "Category", words: true }, { name: y.title, number: true, format: y.format }, { name: "Share", number: true, format: percent }],
      rows: shown.map((position) => [all[position].label, values[position], ratio(values[position], total)]),
    },
  };
}

function categories(panel, at) {
  return byCategory(at, "orders", { title: "Estimated orders", format: count, tick: compact, precision: 0 }) ?? nothing({ ...at, category: 0 });
}

function satisfaction(panel, at) {
  if (!measure("orders", at)) return nothing(at);
  return quotientOverTime(at, ["stars_sum", "orders"], "Average stars", { title: "Average stars", format: stars, min: 1, max: 5, step: 1, zero: false, colour: 1, tick: (value) => String(value) });
}

function starShares(panel, at) {
  const orders = measure("orders", at);
  if (!orders) return nothing(at);
  const labels = payload.cubes.star_counts.labels.stars;
  const counts = along(payload.cubes.star_counts, "stars", at, labels.length);
  return {
    draw: "bars",
    x: { title: "Stars", labels: labels.map(String) },
    y: { title: "Share of reviews", format: percent, tick: wholePercent },
    series: [{ name: "Share of reviews", values: counts.map((n) => ratio(n, orders)), colour: 2 }],
    table: { columns: [{ name: "Stars" }, { name: "Reviews", number: true, format: count }, { name: "Share", number: true, format: percent }], rows: labels.map((label, n) => [label, counts[n], ratio(counts[n], orders)]) },
  };
}

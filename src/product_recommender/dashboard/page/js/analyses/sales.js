// Sales: orders and revenue over time and by category, order value, growth, margin.

import { card } from "../card.js";
import { el } from "../elements.js";
import { change, compact, count, day, dollars, known, percent, ratio, shortDollars, wholePercent } from "../format.js";
import { choices, measure, payload } from "../payload.js";
import { nothing } from "../selection.js";
import { overTime, quotientOverTime } from "../time_figures.js";
import { byCategory, rateWords, tile } from "./overview.js";

const WORDS_FOR = { orders: "estimated orders (reviews)", revenue: "list price of each reviewed product, dollars" };
const MONEY = { format: dollars, tick: shortDollars, colour: 3 };

/** The cards of the sales analysis. */
export function sales() {
  return [
    card({ analysis: "sales", name: "growth", span: 12, figure: growth }),
    card({ analysis: "sales", name: "over_time", title: "Orders over time", unit: WORDS_FOR.orders, span: payload.meta.prices_known ? 6 : 12, figure: ordersOverTime }),
    payload.meta.prices_known ? card({ analysis: "sales", name: "over_time", title: "Revenue over time", unit: WORDS_FOR.revenue, figure: revenueOverTime }) : null,
    payload.meta.prices_known ? card({ analysis: "sales", name: "by_category", title: "Revenue by category", unit: WORDS_FOR.revenue, figure: revenueByCategory }) : null,
    card({ analysis: "sales", name: "by_category", title: "Growth by category", unit: "orders against the period before", figure: growthByCategory }),
    card({ analysis: "sales", name: "average_order_value", figure: orderValue }),
    card({ analysis: "sales", name: "margin", figure: margin }),
  ];
}

function ordersOverTime(panel, at) {
  if (!measure("orders", at)) return nothing(at);
  return overTime(at, "orders", "Estimated orders", { title: "Estimated orders", format: count, tick: compact, precision: 0, colour: 0 });
}

function unpriced(at) {
  return { ...nothing(at, "reviews of products with a known price"), note: "" };
}

function pricedShare(at) {
  return `The price is known for ${percent(ratio(measure("priced_orders", at), measure("orders", at)))} of the orders shown.`;
}

function revenueOverTime(panel, at) {
  if (!measure("priced_orders", at)) return unpriced(at);
  return { ...overTime(at, "revenue_cents", "Estimated revenue", { title: "Estimated revenue", ...MONEY }), note: pricedShare(at) };
}

function revenueByCategory(panel, at) {
  const figure = byCategory(at, "revenue_cents", { title: "Estimated revenue", ...MONEY });
  return figure ?? unpriced({ ...at, category: 0 });
}

function orderValue(panel, at) {
  if (!measure("priced_orders", at)) return unpriced(at);
  const mean = ratio(measure("revenue_cents", at), measure("priced_orders", at));
  const note = `Over the whole period: ${dollars(mean)}.`;
  return { ...quotientOverTime(at, ["revenue_cents", "priced_orders"], "Average order value", { title: "Average order value", ...MONEY, colour: 4 }), note };
}

function rate(now, before) {
  return known(now) && before ? now / before - 1 : null;
}

function noGrowth(at) {
  const period = choices("period")[at.period];
  return period.previous ? null : { empty: "Growth cannot be told", more: period.previous_missing };
}

function growthByCategory(panel, at) {
  const rows = choices("category")
    .map((choice, position) => {
      const here = { ...at, category: position };
      const [now, before] = [measure("orders", here), measure("previous_orders", here)];
      return { label: choice.label, now, before, rate: rate(now, before) };
    })
    .slice(1);
  const shown = rows.filter((row) => known(row.rate)).sort((a, b) => b.rate - a.rate);
  if (noGrowth(at)) return noGrowth(at);
  if (!shown.length) return { empty: "No orders in the period before", more: "Growth needs orders in the period before to compare with." };
  return {
    draw: "rows",
    height: Math.max(240, 60 + 26 * shown.length),
    x: { title: "Category", labels: shown.map((row) => row.label) },
    y: { title: "Growth of orders", format: change, tick: wholePercent },
    series: [{ name: "Growth of orders", values: shown.map((row) => row.rate), colours: shown.map((row) => (row.rate < 0 ? 0 : 1)) }],
    table: {
      columns: [{ name: "Category", words: true }, { name: "Orders", number: true, format: count }, { name: "Before", number: true, format: count }, { name: "Growth", number: true, format: change }],
      rows: rows.map((row) => [row.label, row.now, row.before, row.rate]),
    },
  };
}

function growth(panel, at) {
  if (noGrowth(at)) return noGrowth(at);
  const mean = (prefix) => ratio(measure(`${prefix}revenue_cents`, at), measure(`${prefix}priced_orders`, at));
  const lines = [
    ["Estimated orders", measure("orders", at), measure("previous_orders", at), count],
    ["Active customers", measure("customers", at), measure("previous_customers", at), count],
  ];
  if (payload.meta.prices_known) {
    lines.push(["Estimated revenue", measure("revenue_cents", at), measure("previous_revenue_cents", at), dollars]);
    lines.push(["Average order value", mean(""), mean("previous_"), dollars]);
  }
  const tiles = lines.map(([name, now, before, format], position) => {
    const grown = rate(now, before);
    const text = known(grown) ? rateWords(grown) : null;
    return tile({ name, value: text, unknown: text ? null : "nothing before to compare with", detail: `${format(now)} after ${format(before)}`, position });
  });
  const { first_day, last_day } = choices("period")[at.period].previous;
  return {
    draw: "nodes",
    nodes: [el("dl", { class: "tiles", style: { margin: 0 } }, tiles)],
    table: { columns: [{ name: "Number" }, { name: "Now", number: true }, { name: "Before", number: true }, { name: "Growth", number: true, format: change }], rows: lines.map(([name, now, before, format]) => [name, format(now), format(before), rate(now, before)]) },
    note: `The period before: ${day(first_day)} to ${day(last_day)}.`,
  };
}

function margin(panel, at) {
  const costed = measure("costed_orders", at);
  if (!costed) return nothing(at, "orders of products with a known cost");
  const all = choices("category");
  const rows = all
    .map((choice, position) => {
      const here = { ...at, category: position };
      return { label: choice.label, margin: measure("margin_cents", here), revenue: measure("costed_revenue_cents", here) };
    })
    .slice(1)
    .filter((row) => row.revenue);
  rows.sort((a, b) => b.margin / b.revenue - a.margin / a.revenue);
  return {
    draw: "rows",
    height: Math.max(240, 60 + 26 * rows.length),
    x: { title: "Category", labels: rows.map((row) => row.label) },
    y: { title: "Margin as a share of revenue", format: percent },
    series: [{ name: "Margin", values: rows.map((row) => ratio(row.margin, row.revenue)), colour: 1 }],
    note: `Altogether ${dollars(measure("margin_cents", at))} on ${dollars(measure("costed_revenue_cents", at))} of revenue whose cost is known (${percent(ratio(costed, measure("orders", at)))} of orders).`,
    table: { columns: [{ name: "Category", words: true }, { name: "Margin", number: true, format: dollars }, { name: "Revenue with known cost", number: true, format: dollars }, { name: "Share", number: true, format: percent }], rows: rows.map((row) => [row.label, row.margin, row.revenue, ratio(row.margin, row.revenue)]) },
  };
}

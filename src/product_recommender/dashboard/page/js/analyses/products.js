// Products: best sellers, rising and falling, stars against popularity, the long tail, stock cover.

import { card } from "../card.js";
import { change, compact, count, decimal, dollars, known, percent, ratio, shortened, stars, wholePercent } from "../format.js";
import { along, choices, measure, payload, product, rows } from "../payload.js";
import { nothing } from "../selection.js";

/** The cards of the product analysis. */
export function products() {
  return [
    card({ analysis: "products", name: "best_sellers", span: 12, figure: bestSellers }),
    card({ analysis: "products", name: "rising", figure: (panel, at) => moving(panel, at, 1) }),
    card({ analysis: "products", name: "falling", figure: (panel, at) => moving(panel, at, 0) }),
    card({ analysis: "products", name: "rating_popularity", height: 340, figure: ratingPopularity }),
    card({ analysis: "products", name: "long_tail", height: 340, figure: longTail }),
    card({ analysis: "products", name: "stock_cover", span: 12, figure: stockCover }),
  ];
}

function bestSellers(panel, at) {
  const list = rows(panel.list, at);
  if (!list.length) return nothing(at);
  const lines = list.map((row) => ({ ...row, ...product(row.product), stars: ratio(row.stars_sum, row.orders) }));
  return {
    draw: "rows",
    height: 70 + 27 * lines.length,
    x: { title: "Product", labels: lines.map((line) => line.title) },
    y: { title: "Estimated orders", format: count, tick: compact, precision: 0 },
    series: [{ name: "Estimated orders", values: lines.map((line) => line.orders), colour: 0 }],
    table: {
      columns: [
        { name: "Product", words: true },
        { name: "Id" },
        { name: "Category" },
        { name: "Orders", number: true, format: count },
        { name: "Average stars", number: true, format: stars },
        ...(payload.meta.prices_known ? [{ name: "List price", number: true, format: dollars }] : []),
      ],
      rows: lines.map((line) => [line.title, line.id, line.category, line.orders, line.stars, line.priceCents]),
    },
  };
}

function moving(panel, at, colour) {
  const period = choices("period")[at.period];
  if (!period.previous) return { empty: "Nothing to compare with", more: period.previous_missing };
  const list = rows(panel.list, at);
  if (!list.length) return { empty: colour ? "No product rises clearly here" : "No product falls clearly here" };
  const lines = list.map((row) => ({ ...row, ...product(row.product) }));
  return {
    draw: "rows",
    height: 90 + 40 * lines.length,
    x: { title: "Product", labels: lines.map((line) => line.title) },
    y: { title: "Estimated orders", format: count, tick: compact, precision: 0 },
    series: [
      { name: "This period", values: lines.map((line) => line.orders), colour },
      { name: "The period before", values: lines.map((line) => line.previous_orders), muted: true },
    ],
    table: {
      columns: [{ name: "Product", words: true }, { name: "Id" }, { name: "Orders", number: true, format: count }, { name: "Before", number: true, format: count }, { name: "Change", number: true, format: change }],
      rows: lines.map((line) => [line.title, line.id, line.orders, line.previous_orders, line.previous_orders ? line.orders / line.previous_orders - 1 : null]),
    },
  };
}

function ratingPopularity(panel, at) {
  const { points } = panel;
  const { categories, price_bands: bands } = payload.products;
  const lines = points.product
    .map((position, n) => ({ position, orders: points.orders[at.period][n], mean: ratio(points.stars_sum[at.period][n], points.orders[at.period][n]) }))
    .filter(({ position, orders }) => orders > 0 && (!at.category || categories[position] === at.category) && (!at.price_band || bands[position] === at.price_band));
  if (!lines.length) return nothing({ ...at, customer_type: 0 }, "reviews of the most ordered products");
  const most = Math.max(...lines.map((line) => line.orders));
  const named = lines.map((line) => ({ ...line, ...product(line.position) }));
  return {
    draw: "points",
    x: { title: "Estimated orders", format: compact, log: most > 30, labels: [], min: most > 30 ? roundedDown(Math.min(...lines.map((line) => line.orders))) : 0 },
    y: { title: "Average stars", format: stars, tick: (value) => String(value), step: 1, zero: false, min: 1, max: 5 },
    series: [{ name: "Products", colour: 4, points: named.map((line) => ({ x: line.orders, y: line.mean, words: `${shortened(line.title, 50)}: ${stars(line.mean)} stars, ${count(line.orders)} orders` })) }],
    table: {
      columns: [{ name: "Product", words: true }, { name: "Id" }, { name: "Orders", number: true, format: count }, { name: "Average stars", number: true, format: stars }],
      rows: named.map((line) => [line.title, line.id, line.orders, line.mean]),
    },
  };
}

/** The next 1, 2 or 5 times a power of ten below a number, where a logarithmic axis may begin. */
function roundedDown(number) {
  const power = 10 ** Math.floor(Math.log10(number));
  return power * [5, 2, 1].find((step) => step * power <= number);
}

function longTail(panel, at) {
  const all = measure("orders", at);
  if (!all) return nothing(at);
  const cube = payload.cubes.long_tail;
  const labels = cube.labels.top;
  const orders = along(cube, "top", at, labels.length);
  return {
    draw: "bars",
    x: { title: "Most ordered products", labels: labels.map((label) => `top ${label}`) },
    y: { title: "Share of the orders", format: percent, tick: wholePercent, max: 1 },
    series: [{ name: "Share of the orders", values: orders.map((n) => ratio(n, all)), colour: 3 }],
    note: `${count(measure("products", at))} products were ordered in this choice.`,
    table: {
      columns: [{ name: "Most ordered" }, { name: "Orders", number: true, format: count }, { name: "Share of the orders", number: true, format: percent }],
      rows: labels.map((label, n) => [`top ${label}`, orders[n], ratio(orders[n], all)]),
    },
  };
}

function stockCover(panel, at) {
  const list = rows(panel.list, at).filter((row) => known(row.cover_days));
  if (!list.length) return { empty: "No product with a known stock was ordered lately in this choice" };
  return {
    draw: "table",
    columns: [{ name: "Product", words: true }, { name: "Id" }, { name: "Stock", number: true, format: count }, { name: "Orders lately", number: true, format: count }, { name: "Days of cover", number: true, format: decimal }],
    rows: list.map((row) => {
      const { title, id } = product(row.product);
      return [title, id, row.stock, row.orders, row.cover_days];
    }),
  };
}

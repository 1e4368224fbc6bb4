// Recommendations: suggestions, models compared, who is shown what, chances, coverage, lookup.

import { card } from "../card.js";
import { el } from "../elements.js";
import { compact, count, decimal, known, percent, ratio, score, stars } from "../format.js";
import { choices, payload, product, rows, value } from "../payload.js";
import { lookUp } from "./lookup.js";

/** The cards of the recommendation analysis; `goTo` opens a panel of another analysis. */
export function recommendations(goTo) {
  return [
    card({ analysis: "recommendations", name: "suggestions", span: 12, figure: (panel, at) => suggestions(panel, at, goTo) }),
    card({ analysis: "recommendations", name: "lookup", span: 12, figure: lookUp() }),
    card({ analysis: "recommendations", name: "leaderboard", span: 12, figure: leaderboard }),
    card({ analysis: "recommendations", name: "segments", figure: segments }),
    card({ analysis: "recommendations", name: "propensity", figure: propensity }),
    card({ analysis: "recommendations", name: "coverage", span: 12, figure: coverage }),
  ];
}

const TONES = { good: "Opportunity", warn: "Attention", info: "Worth knowing" };

function suggestions(panel, at, goTo) {
  const found = rows(panel.list, at);
  if (!found.length) return { empty: "No rule finds anything to say here", more: "Every rule needs enough orders; choose a longer time period or all categories." };
  const lines = found.map((one) =>
    el(
      "li",
      { class: `suggestion ${one.tone}` },
      el("p", {}, el("strong", {}, `${TONES[one.tone] ?? "Note"}: `), one.text),
      el("p", { class: "rule" }, `Rule: ${one.rule}. `, el("a", { href: `#analysis=${one.analysis}`, onclick: (event) => { event.preventDefault(); goTo(one.analysis, one.panel); } }, `Show the numbers (${payload.analyses[one.analysis]?.[one.panel]?.title ?? one.analysis})`)),
    ),
  );
  return { draw: "nodes", nodes: [el("ul", { class: "suggestions" }, lines)] };
}

const MEASURES = [
  ["ndcg", "NDCG", score],
  ["hit_rate", "Hit rate", score],
  ["recall", "Recall", score],
  ["coverage", "Coverage", percent],
  ["diversity", "Diversity", score],
  ["novelty", "Novelty", stars],
  ["tail_share", "Share of the tail", percent],
  ["rmse", "RMSE (stars)", score],
];

function leaderboard(panel) {
  const board = rows(panel.table).filter((row) => known(row.ndcg) || known(row.rmse));
  if (!board.length) return { empty: "No model has been judged" };
  const ranked = board.filter((row) => known(row.ndcg));
  const served = (row) => (panel.served.includes(row.model) ? `${row.model} (served)` : row.model);
  const present = MEASURES.filter(([key]) => board.some((row) => known(row[key])));
  const columns = present.flatMap(([key, name, format]) => {
    const title = key === "rmse" ? name : `${name}@${panel.list_length}`;
    const numbers = [{ name: title, number: true, format, key }];
    return board.some((row) => known(row[`${key}_low`])) ? [...numbers, { name: "from", number: true, format, key: `${key}_low` }, { name: "to", number: true, format, key: `${key}_high` }] : numbers;
  });
  return {
    draw: "intervals",
    height: 90 + 24 * ranked.length,
    x: { title: "Model", labels: ranked.map(served) },
    y: { title: `NDCG@${panel.list_length}`, format: score },
    series: [{ name: "NDCG", values: ranked.map((row) => row.ndcg), low: ranked.map((row) => row.ndcg_low), high: ranked.map((row) => row.ndcg_high), colour: 0 }],
    table: {
      columns: [{ name: "Model" }, ...columns, { name: "Against recent popularity", words: true }],
      rows: board.map((row) => [served(row), ...columns.map((column) => row[column.key]), row.verdict ?? ""]),
    },
  };
}

function segments(panel, at) {
  const list = rows(panel.list, at);
  if (!list.length) return { empty: "Nothing of this choice stands in the lists of this group" };
  const lines = list.map((row) => ({ ...row, ...product(row.product) }));
  const places = value(payload.cubes[panel.cubes.places], at);
  return {
    draw: "rows",
    height: 80 + 27 * lines.length,
    x: { title: "Product", labels: lines.map((line) => line.title) },
    y: { title: "Customers who are shown it", format: count, tick: compact, precision: 0 },
    series: [{ name: "Customers", values: lines.map((line) => line.customers), colour: 1 }],
    note: `${choices("customer_type")[at.customer_type].label}: ${count(places)} places in their lists.`,
    table: {
      columns: [{ name: "Product", words: true }, { name: "Id" }, { name: "Category" }, { name: "Customers", number: true, format: count }],
      rows: lines.map((line) => [line.title, line.id, line.category, line.customers]),
    },
  };
}

function propensity(panel, at) {
  const lines = choices("category")
    .map((choice, position) => {
      const here = { ...at, category: position };
      const [expected, customers] = ["expected", "customers"].map((role) => value(payload.cubes[panel.cubes[role]], here));
      return { position, label: choice.label, expected, customers, mean: ratio(expected, customers) };
    })
    .slice(1)
    .filter((line) => known(line.mean));
  if (!lines.length) return { empty: "No chances were estimated for this group" };
  lines.sort((a, b) => b.mean - a.mean);
  return {
    draw: "rows",
    height: Math.max(240, 80 + 27 * lines.length),
    x: { title: "Category", labels: lines.map((line) => line.label) },
    y: { title: "Mean chance of an order", format: percent },
    series: [{ name: "Mean chance", values: lines.map((line) => line.mean), colour: 2 }],
    table: {
      columns: [{ name: "Category" }, { name: "Mean chance", number: true, format: percent }, { name: "Buyers expected", number: true, format: decimal }, { name: "Customers", number: true, format: count }],
      rows: lines.map((line) => [line.label, line.mean, line.expected, line.customers]),
    },
  };
}

function coverage(panel) {
  const lines = rows(panel.table);
  if (!lines.length) return { empty: "No lists are served" };
  return {
    draw: "table",
    columns: [
      { name: "Lists of" },
      { name: "Customers", number: true, format: count },
      { name: "Different products", number: true, format: count },
      { name: "Share of the catalogue", number: true, format: percent },
      { name: "Categories in a list", number: true, format: stars },
      { name: "Places of the top 10", number: true, format: percent },
    ],
    rows: lines.map((line) => [choices("customer_type")[line.customer_type].label, line.customers, line.products, line.catalogue_share, line.categories_per_list, line.top_share]),
  };
}

// Customers: personas, new and returning, how often, retention, recency and frequency, attributes.

import { card } from "../card.js";
import { el } from "../elements.js";
import { compact, count, decimal, dollars, known, percent, ratio, stars, wholePercent } from "../format.js";
import { along, choices, measure, payload, rows, value } from "../payload.js";
import { nothing } from "../selection.js";

const UNITS = { share: percent, stars, dollars: (value) => dollars(known(value) ? value * 100 : null), orders: decimal, days: decimal, categories: decimal };

/** The cards of the customer analysis. */
export function customers() {
  return [
    card({ analysis: "customers", name: "personas", span: 12, figure: personas }),
    card({ analysis: "customers", name: "new_returning", figure: newReturning }),
    card({ analysis: "customers", name: "frequency", figure: frequency }),
    card({ analysis: "customers", name: "retention", height: 430, figure: retention }),
    card({ analysis: "customers", name: "recency_frequency", height: 430, figure: recencyFrequency }),
    ...(payload.analyses.customers.attributes?.attributes ?? [{}]).map((attribute) =>
      card({ analysis: "customers", name: "attributes", title: attribute.label, span: 4, figure: (panel, at) => attributeShares(attribute, at) }),
    ),
  ];
}

function personas(panel, at) {
  const profiles = rows(panel.profile);
  if (!profiles.length) return { empty: "No personas were found in this data" };
  const all = measure("customers", { ...at, customer_type: 0 });
  if (!all) return nothing({ ...at, customer_type: 0 });
  const columns = panel.profile_columns.map((column) => ({ name: column.label, format: UNITS[column.unit] ?? decimal, number: true, key: column.key }));
  const lines = profiles.map((profile) => {
    const here = { ...at, customer_type: profile.customer_type };
    return { profile, type: choices("customer_type")[profile.customer_type], customers: measure("customers", here), orders: measure("orders", here), revenue: measure("priced_orders", here) ? measure("revenue_cents", here) : null };
  });
  const boxes = lines.map(({ profile, type, customers, orders, revenue }, position) => {
    const facts = [
      ["customers now", `${count(customers)} (${percent(ratio(customers, all))})`],
      ["orders now", count(orders)],
      payload.meta.prices_known ? ["revenue now", dollars(revenue)] : null,
      ...columns.filter((column) => column.key !== "share" && known(profile[column.key])).map((column) => [column.name, column.format(profile[column.key])]),
    ].filter(Boolean);
    return el(
      "li",
      { class: "persona", style: { "--tile": `var(--series-${(position % 6) + 1})` } },
      el("h4", {}, type.label),
      known(profile[columns[1]?.key]) ? null : el("p", { class: "unit" }, type.note),
      el("dl", { class: "facts" }, facts.map(([name, text]) => [el("dt", {}, name), el("dd", {}, text)])),
    );
  });
  return {
    draw: "nodes",
    nodes: [el("ul", { class: "personas" }, boxes)],
    table: {
      columns: [{ name: "Persona" }, { name: "Customers now", number: true, format: count }, { name: "Orders now", number: true, format: count }, { name: "Revenue now", number: true, format: dollars }, ...columns],
      rows: lines.map((line) => [line.type.label, line.customers, line.orders, line.revenue, ...columns.map((column) => line.profile[column.key])]),
    },
  };
}

function positionOf(kind) {
  return choices("customer_type").findIndex((type) => type.kind === kind);
}

function newReturning(panel, at) {
  const kinds = ["new", "returning"].map((kind) => ({ ...at, customer_type: positionOf(kind) }));
  const people = kinds.map((here) => measure("customers", here));
  const orders = kinds.map((here) => measure("orders", here));
  if (!people[0] && !people[1]) return nothing({ ...at, customer_type: 0 });
  const shares = (numbers) => numbers.map((number) => ratio(number, numbers[0] + numbers[1]));
  const [ofPeople, ofOrders] = [shares(people), shares(orders)];
  return {
    draw: "rows",
    stacked: true,
    height: 190,
    x: { title: "Of", labels: ["Customers", "Orders"] },
    y: { title: "Share", format: percent, tick: wholePercent, max: 1 },
    series: [
      { name: "New", values: [ofPeople[0], ofOrders[0]], colour: 1 },
      { name: "Returning", values: [ofPeople[1], ofOrders[1]], colour: 0 },
    ],
    table: {
      columns: [{ name: "Customers are" }, { name: "Customers", number: true, format: count }, { name: "Share", number: true, format: percent }, { name: "Orders", number: true, format: count }, { name: "Share of orders", number: true, format: percent }],
      rows: ["New", "Returning"].map((name, n) => [name, people[n], ofPeople[n], orders[n], ofOrders[n]]),
    },
    note: `${count(people[0])} new, ${count(people[1])} returning.`,
  };
}

function frequency(panel, at) {
  const cube = payload.cubes.frequency;
  const labels = cube.labels.orders_each;
  const people = along(cube, "orders_each", at, labels.length);
  const all = measure("customers", at);
  if (!all) return nothing(at);
  return {
    draw: "bars",
    x: { title: "Orders of a customer", labels },
    y: { title: "Customers", format: count, tick: compact, precision: 0 },
    series: [{ name: "Customers", values: people, colour: 2 }],
    table: { columns: [{ name: "Orders each" }, { name: "Customers", number: true, format: count }, { name: "Share", number: true, format: percent }], rows: labels.map((label, n) => [label, people[n], ratio(people[n], all)]) },
  };
}

function retention(panel, at) {
  const cube = payload.cubes.cohorts;
  const { cohort: cohorts, age: ages } = cube.labels;
  const people = cohorts.map((_, n) => along(cube, "age", { ...at, cohort: n }, ages.length));
  if (!people.some((row) => row[0])) return { empty: "No first orders in these months for this combination" };
  const cells = people.map((row) => row.slice(1).map((number) => (row[0] ? ratio(number, row[0]) : null)));
  return {
    draw: "heat",
    x: { title: "Months after the first order", labels: ages.slice(1) },
    y: { title: "Month of first order", labels: cohorts, downwards: true },
    cells,
    colourTitle: "share that ordered",
    tickFormat: ".0%",
    words: (age, n, share) => `${percent(share)}: ${count(people[n][age + 1])} of the ${count(people[n][0])} customers of ${cohorts[n]} ordered ${ages[age + 1]} months later`,
    table: {
      columns: [{ name: "Month" }, { name: "Customers", number: true, format: count }, ...ages.slice(1).map((age) => ({ name: `+${age}`, number: true, format: percent }))],
      rows: cohorts.map((label, n) => [label, people[n][0], ...cells[n]]),
    },
  };
}

function recencyFrequency(panel, at) {
  const cube = payload.cubes.recency_frequency;
  const { recency, orders_each: each } = cube.labels;
  const cells = recency.map((_, n) => each.map((_, m) => value(cube, { ...at, recency: n, orders_each: m })));
  const all = cells.flat().reduce((sum, n) => sum + n, 0);
  if (!all) return { empty: "No customers in this combination" };
  return {
    draw: "heat",
    x: { title: "Orders so far", labels: each },
    y: { title: "Days since the last order", labels: recency.map((label) => label.replace(" days", "")), downwards: true },
    cells,
    colourTitle: "customers",
    words: (m, n, number) => `${count(number)} customers (${percent(ratio(number, all))}): ${each[m]} orders, the last ${recency[n]} ago`,
    table: { columns: [{ name: "Last order" }, ...each.map((label) => ({ name: `${label} orders`, number: true, format: count }))], rows: recency.map((label, n) => [label, ...cells[n]]) },
  };
}

function attributeShares(attribute, at) {
  const cube = payload.cubes[attribute.cube];
  const axis = cube.axes.find((name) => cube.labels?.[name]);
  const labels = cube.labels[axis];
  const people = along(cube, axis, at, labels.length);
  const all = measure("customers", at);
  if (!all) return nothing(at);
  return {
    draw: "rows",
    height: Math.max(150, 60 + 26 * labels.length),
    x: { title: attribute.label, labels },
    y: { title: "Customers", format: count, tick: compact, precision: 0 },
    series: [{ name: "Customers", values: people, colour: 4 }],
    table: { columns: [{ name: attribute.label }, { name: "Customers", number: true, format: count }, { name: "Share", number: true, format: percent }], rows: labels.map((label, n) => [label, people[n], ratio(people[n], all)]) },
  };
}

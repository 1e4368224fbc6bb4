// One customer's or product's facts: what was bought, what is recommended, and what speaks for it.

import { el, freshId, show } from "../elements.js";
import { count, counted, day, dollars, known, percent, ratio, stars } from "../format.js";
import { choices, payload, product } from "../payload.js";
import { table } from "../tables.js";
import { changeView } from "../view.js";

/** The figure of the lookup card: one form that lives on, and the answer below it. */
export function lookUp() {
  const panel = payload.analyses.recommendations?.lookup;
  if (!panel || panel.available === false) return () => ({ empty: "Nothing to look up" });
  const sides = {
    customer: { ids: panel.customers.columns.id, names: panel.customers.columns.id, answer: (at) => customerAnswer(panel, at), hint: "a customer's id" },
    product: { ids: panel.products.columns.product.map((at) => product(at).id), names: panel.products.columns.product.map((at) => product(at).title), answer: (at) => productAnswer(panel, at), hint: "a product's title or id" },
  };
  let side = "customer";
  const options = el("datalist", { id: freshId("options") });
  const input = el("input", { type: "search", id: freshId("search"), list: options.id, autocomplete: "off", spellcheck: "false" });
  const label = el("label", { for: input.id });
  const answer = el("div", { class: "lookup-result", "aria-live": "polite" });
  const name = freshId("side");
  const radios = Object.keys(sides).map((kind) => el("input", { type: "radio", name, value: kind, onchange: () => turnTo(kind, 0) }));
  const form = el(
    "form",
    { class: "lookup-form", onsubmit: (event) => { event.preventDefault(); find(); } },
    el("fieldset", { class: "control" }, el("legend", {}, "Look up a"), el("div", { class: "segments" }, radios.map((radio) => el("label", {}, radio, el("span", {}, radio.value))))),
    el("div", { class: "control" }, label, input, options),
    el("button", { type: "submit", class: "quiet" }, "Show"),
  );
  const node = el("div", { class: "lookup" }, form, answer);
  input.addEventListener("change", find);

  function turnTo(kind, at) {
    side = kind;
    radios.forEach((radio) => { radio.checked = radio.value === kind; });
    label.textContent = `Type or choose ${sides[kind].hint}`;
    show(options, sides[kind].names.map((text, n) => el("option", { value: kind === "customer" ? text : `${text} [${sides[kind].ids[n]}]` })));
    choose(at);
  }

  function choose(at) {
    const { ids, names } = sides[side];
    if (!ids.length) return show(answer, el("p", {}, `No ${side} can be looked up in this data.`));
    input.value = side === "customer" ? ids[at] : `${names[at]} [${ids[at]}]`;
    show(answer, sides[side].answer(at));
    if (ready) changeView({ lookup: `${side}:${ids[at]}` });
  }

  function find() {
    const { ids, names } = sides[side];
    const text = input.value.trim();
    const inBrackets = /\[([^[\]]+)\]$/.exec(text)?.[1];
    const at = ids.findIndex((id) => id === text || id === inBrackets);
    const byName = at < 0 ? names.findIndex((one) => one.toLowerCase() === text.toLowerCase()) : at;
    if (byName >= 0) return choose(byName);
    const command = side === "customer" ? ` Ask for any customer with: kedro recommend ${text || "CUSTOMER_ID"}` : "";
    show(answer, el("div", { class: "empty" }, el("p", { class: "empty-lead" }, `“${text}” is not in the sample of ${count(ids.length)} ${side}s.`), el("p", {}, command)));
  }

  let ready = false;
  let last = null;
  return (_, at) => {
    if (last !== at.lookup || !ready) {
      const cut = at.lookup.indexOf(":");
      const kind = sides[at.lookup.slice(0, cut)] ? at.lookup.slice(0, cut) : "customer";
      const position = sides[kind].ids.indexOf(at.lookup.slice(cut + 1));
      if (!ready || position >= 0) {
        const begin = ready;
        ready = false; // showing what the hash says must not write the hash
        turnTo(kind, Math.max(0, position));
        ready = begin || true;
      }
      last = at.lookup;
    }
    return { draw: "nodes", nodes: [node] };
  };
}

const firsts = new WeakMap();

/** The rows of one entry of {lengths, columns}: all entries' rows lie one after the other. */
function rowsOf(list, entry) {
  if (!firsts.has(list)) {
    const sums = [0];
    for (const n of list.lengths) sums.push(sums[sums.length - 1] + n);
    firsts.set(list, sums);
  }
  const first = firsts.get(list)[entry];
  return Array.from({ length: list.lengths[entry] }, (_, n) => Object.fromEntries(Object.entries(list.columns).map(([name, values]) => [name, values[first + n]])));
}

function customerAnswer(panel, at) {
  const { columns, purchases, recommendations, chances } = panel.customers;
  const persona = columns.persona[at];
  const facts = [
    ["Orders", count(columns.orders[at])],
    known(columns.value_cents[at]) ? ["Estimated value", dollars(columns.value_cents[at])] : null,
    ["First and last order", `${day(columns.first_day[at])}, ${day(columns.last_day[at])}`],
    known(persona) ? ["Persona", choices("customer_type")[persona].label] : null,
    ["Premium", columns.is_premium[at] ? "yes" : "no"],
    ["Most likely to order next", rowsOf(chances, at).map((row) => `${row.category} ${percent(row.probability)}`).join(", ") || "not estimated"],
  ].filter(Boolean);
  const shown = rowsOf(recommendations, at);
  const id = columns.id[at];
  return [
    factList(facts),
    el("h4", {}, recommendations.is_fallback[at] ? "Recommended (too little is known of this customer: what is popular)" : "Recommended"),
    shown.length
      ? table(`Recommended to ${id}`, [{ name: "Rank", number: true }, { name: "Product", words: true }, { name: "What speaks for it", words: true }, { name: "Category" }], shown.map((row, n) => [n + 1, product(row.product).title, panel.reasons[row.reason], product(row.product).category]))
      : el("p", {}, "Nothing is recommended to this customer."),
    el("h4", {}, "Ordered last"),
    table(`Last orders of ${id}`, [{ name: "Day" }, { name: "Product", words: true }, { name: "Stars", number: true }], rowsOf(purchases, at).map((row) => [day(row.day), product(row.product).title, row.stars])),
  ];
}

function productAnswer(panel, at) {
  const { columns, together, beside } = panel.products;
  const shown = product(columns.product[at]);
  const facts = [
    ["Id", shown.id],
    ["Category", shown.category],
    known(shown.priceCents) ? ["List price", dollars(shown.priceCents)] : null,
    ["Orders", `${count(columns.orders[at])} by ${counted(columns.customers[at], "customer")}, ${count(columns.recent_orders[at])} in the last ${panel.recent_days} days`],
    ["Average stars", stars(ratio(columns.stars_sum[at], columns.orders[at]))],
    ["Recommended to", counted(columns.recommended_to[at], "customer")],
  ].filter(Boolean);
  const partners = rowsOf(together, at);
  return [
    el("h4", {}, shown.title),
    factList(facts),
    el("h4", {}, "Bought together with"),
    partners.length
      ? table(`Bought together with ${shown.title}`, [{ name: "Product", words: true }, { name: "Id" }, { name: "Customers who bought both", number: true, format: count }], partners.map((row) => [product(row.product).title, product(row.product).id, row.both]))
      : el("p", {}, "No other product shares two buyers with it."),
    ...Object.values(beside).flatMap((list) => besideIt(panel, list, shown, at)),
  ];
}

/** One list beside a product (similar, complements, a step up), each row with its evidence. */
function besideIt(panel, list, shown, at) {
  const rows = rowsOf(list, at);
  return [
    el("h4", {}, list.title),
    rows.length
      ? table(`${list.title}: ${shown.title}`, [{ name: "Product", words: true }, { name: "What speaks for it", words: true }, { name: "List price", number: true, format: dollars }, { name: "Id" }], rows.map((row) => [product(row.product).title, panel.reasons[row.reason], product(row.product).priceCents, product(row.product).id]))
      : el("p", {}, panel.reasons[list.nothing[at]]),
  ];
}

function factList(facts) {
  return el("dl", { class: "facts wide" }, facts.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))));
}

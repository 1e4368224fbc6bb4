// Tables: of a figure that was asked for as one, and of panels that are one.

import { el } from "./elements.js";

/**
 * A table that scrolls by itself. Columns are {name, number?, words?, format?}; a row is a list of
 * values, the first of which heads it. A value may be an element.
 */
export function table(caption, columns, rows) {
  const kind = (column) => (column.number ? "number" : column.words ? "words" : null);
  const text = (column, value) => {
    if (value instanceof Node) return value;
    return column.format ? column.format(value) : String(value ?? "–");
  };
  return el(
    "div",
    { class: "table-frame", tabindex: "0", role: "region", "aria-label": `${caption}: table` },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, columns.map((column) => el("th", { scope: "col", class: kind(column) }, column.name)))),
      el(
        "tbody",
        {},
        rows.map((row) =>
          el(
            "tr",
            {},
            columns.map((column, at) => (at === 0 ? el("th", { scope: "row", class: kind(column) }, text(column, row[at])) : el("td", { class: kind(column) }, text(column, row[at])))),
          ),
        ),
      ),
    ),
  );
}

/** The table behind a figure: its own where it brings one, otherwise its x and its series. */
export function figureTable(caption, figure) {
  if (figure.table) return table(caption, figure.table.columns, figure.table.rows);
  const columns = [{ name: figure.x.title, words: figure.draw === "rows" }];
  for (const one of figure.series) {
    const format = one.format ?? figure.y.format;
    if (one.as === "band") columns.push({ name: `${one.name}, lowest`, number: true, format }, { name: `${one.name}, highest`, number: true, format });
    else columns.push({ name: one.name, number: true, format });
  }
  const rows = (figure.x.full ?? figure.x.labels).map((label, at) => [label, ...figure.series.flatMap((one) => (one.as === "band" ? [one.low[at], one.high[at]] : [one.values[at]]))]);
  return table(caption, columns, rows);
}

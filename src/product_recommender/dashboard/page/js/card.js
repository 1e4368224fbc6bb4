// A card: title, unit, what it shows (chart, table, tiles or an honest sentence), notes.

import { drawChart, key } from "./charts.js";
import { isDark } from "./colours.js";
import { el, freshId, show } from "./elements.js";
import { clearPlotly, drawPlotly } from "./heat.js";
import { payload } from "./payload.js";
import { figureTable, table } from "./tables.js";

const CONTROL_WORDS = { period: "time period", category: "category", price_band: "price range", customer_type: "customer type" };
const CHARTS = new Set(["lines", "bars", "rows", "points"]);

/**
 * A card for a panel of the payload.
 *
 * `figure(panel, at)` gives what to show: a chart of charts.js or heat.js, {draw: "table", columns,
 * rows}, {draw: "nodes", nodes, table?}, or {empty: reason, more?}. Returns {node, update}.
 */
export function card({ analysis, name, title, unit: unitWords, span = 6, height, bare, figure }) {
  const panel = payload.analyses[analysis]?.[name];
  if (!panel) return null;
  const named = title ?? panel.title;
  const heading = freshId("card");
  const unit = el("p", { class: "unit" });
  const body = el("div", { class: "card-body" });
  const note = el("p", { class: "note" });
  const toggle = el("button", { type: "button", class: "quiet", "aria-pressed": "false", "aria-label": `${named} as a table`, onclick: turn }, "Table");
  const node = el(
    "section",
    { class: `card span-${span}${bare ? " bare" : ""}`, "aria-labelledby": heading, "data-panel": name },
    el("div", { class: "card-head" }, el("div", {}, el("h3", { id: heading }, named), unit), toggle),
    body,
    note,
    panel.unaffected_by?.length ? el("p", { class: "unaffected" }, `Not affected by: ${panel.unaffected_by.map((control) => CONTROL_WORDS[control]).join(", ")}`) : null,
  );
  let asTable = false;
  let chart = null;
  let shown = null;

  function turn() {
    asTable = !asTable;
    toggle.setAttribute("aria-pressed", String(asTable));
    draw();
  }

  function draw() {
    const charted = !shown.empty && shown.draw !== "table" && shown.draw !== "nodes";
    toggle.hidden = Boolean(shown.empty) || shown.draw === "table" || (shown.draw === "nodes" && !shown.table);
    unit.textContent = shown.unit ?? unitWords ?? panel.unit ?? "";
    note.textContent = [panel.note, shown.note].filter(Boolean).join(" ");
    if (charted && !asTable) return drawing();
    forget();
    if (shown.empty) show(body, el("div", { class: "empty", role: "note" }, el("p", { class: "empty-lead" }, shown.empty), shown.more ? el("p", {}, shown.more) : null));
    else if (shown.draw === "table") show(body, table(named, shown.columns, shown.rows));
    else if (shown.draw === "nodes" && !asTable) show(body, ...shown.nodes);
    else show(body, figureTable(named, shown));
  }

  function drawing() {
    const engine = CHARTS.has(shown.draw) ? "chart" : "plotly";
    let place = body.querySelector(".drawing");
    if (place?.dataset.engine !== engine) {
      forget();
      place = el("div", { class: "drawing", "data-engine": engine });
      show(body, el("div", { class: "key-place" }), place);
    }
    show(body.querySelector(".key-place"), key(shown));
    // The same drawing again (another control was changed) is not drawn again.
    const print = JSON.stringify([shown, isDark(), place.clientWidth]);
    if (place.print === print) return;
    place.print = print;
    place.style.setProperty("--height", `${shown.height ?? height ?? 270}px`);
    const label = `${named}. ${unit.textContent}. The button Table shows its numbers.`;
    if (engine === "plotly") drawPlotly(place, shown, label);
    else chart = drawChart(place, shown, chart, label);
  }

  function forget() {
    chart?.destroy();
    chart = null;
    const place = body.querySelector(".drawing");
    if (place) clearPlotly(place);
  }

  function update(at) {
    try {
      shown = panel.available === false ? { empty: "Not known for this data", more: panel.why } : figure(panel, at);
      draw();
    } catch (error) {
      console.error(error); // one broken panel must not take the others with it
      forget();
      shown = { empty: "This panel could not be drawn", more: String(error) };
      draw();
    }
  }

  return { node, update };
}

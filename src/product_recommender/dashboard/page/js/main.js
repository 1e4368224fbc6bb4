// The page: header, controls, tabs; draws the chosen analysis, and only that.

import { customers } from "./analyses/customers.js";
import { overview } from "./analyses/overview.js";
import { products } from "./analyses/products.js";
import { recommendations } from "./analyses/recommendations.js";
import { sales } from "./analyses/sales.js";
import { trends } from "./analyses/trends.js";
import { offerThemes } from "./colours.js";
import { makeControls } from "./controls.js";
import { el, show } from "./elements.js";
import { day } from "./format.js";
import { readPlotlyWhenIdle } from "./heat.js";
import { payload } from "./payload.js";
import { selectionWords } from "./selection.js";
import { makeTabs } from "./tabs.js";
import { ANALYSES, changeView, current, readHash, reset } from "./view.js";

const TITLES = {
  overview: "Business overview",
  sales: "Sales",
  customers: "Customers",
  products: "Products",
  trends: "Market trends",
  recommendations: "Recommendations",
};
const LEADS = {
  overview: "How the shop does at a glance, and how content its customers are.",
  sales: "What is ordered, where it grows, and what an order is worth.",
  customers: "Who orders, how often, and who comes back.",
  products: "What sells, what rises and falls, and how much the head of the range carries.",
  trends: "What the calendar does to orders, and what the next weeks may bring.",
  recommendations: "How good the recommendations are, who gets what, and what to do about it.",
};
const MAKERS = { overview, sales, customers, products, trends, recommendations };
const main = document.getElementById("main");
const drawn = {};

function redraw() {
  performance.mark("dashboard-change");
  const at = current();
  tabs.mark(at.analysis);
  controls.mark();
  show(document.getElementById("selection"), ...selectionWords(at));
  const isNew = !drawn[at.analysis];
  if (isNew) drawn[at.analysis] = build(at.analysis);
  for (const name of ANALYSES) document.getElementById(`panel-${name}`).hidden = name !== at.analysis;
  document.title = `${TITLES[at.analysis]} · ${payload.meta.title}`;
  // What is in sight is drawn now, the rest piece by piece after the paint.
  const cards = drawn[at.analysis];
  const inSight = new Set(isNew ? cards.slice(0, 4) : cards.filter((one) => isInSight(one.node)));
  for (const one of inSight) one.update(at);
  performance.measure("dashboard-drawn", "dashboard-change");
  drawRest(cards.filter((one) => !inSight.has(one)));
}

function isInSight(node) {
  const { top, bottom } = node.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

let turn = 0;

/** Draw cards one by one, giving way to clicks in between; a later call ends an earlier one. */
function drawRest(cards) {
  turn += 1;
  const mine = turn;
  main.setAttribute("aria-busy", "true");
  const next = () => {
    if (mine !== turn) return;
    cards.shift()?.update(current());
    if (cards.length) setTimeout(next);
    else finish();
  };
  const finish = () => {
    main.setAttribute("aria-busy", "false");
    performance.measure("dashboard-complete", "dashboard-change");
  };
  if (cards.length) requestAnimationFrame(() => setTimeout(next, 20)); // the frame goes first
  else finish();
}

function build(name) {
  const cards = MAKERS[name](goTo).filter(Boolean);
  document.getElementById(`panel-${name}`).append(
    el("h2", {}, TITLES[name]),
    el("p", { class: "lead" }, LEADS[name]),
    el("div", { class: "cards" }, cards.map((one) => one.node)),
  );
  return cards;
}

function choose(changes) {
  changeView(changes);
  redraw();
}

/** Open a panel of an analysis, and bring it into view. */
function goTo(analysis, panel) {
  choose({ analysis });
  for (const one of drawn[analysis]) one.update(current()); // all heights are needed to scroll
  const node = document.querySelector(`#panel-${analysis} [data-panel="${panel}"]`);
  if (!node) return;
  node.tabIndex = -1;
  node.scrollIntoView({ block: "start" });
  node.focus({ preventScroll: true });
}

function fillHeader() {
  const { meta } = payload;
  document.getElementById("title").textContent = meta.title;
  document.getElementById("subtitle").textContent = [meta.label, `${day(meta.first_day)} to ${day(meta.last_day)}`].filter(Boolean).join(" · ");
  if (meta.is_generated) {
    const ribbon = document.getElementById("generated");
    ribbon.hidden = false;
    show(ribbon, el("span", {}, el("strong", {}, "Generated data. "), "Made by this project's own generator; no number here describes a real market."));
  }
  const versions = Object.entries(meta.versions ?? {}).map(([name, version]) => `${name} ${version}`);
  show(
    document.getElementById("footer"),
    el("p", {}, "Reviews are not sales: an order here is a review, and revenue is the list price times the reviews of products whose price is known."),
    meta.reduced?.length ? el("p", {}, `So that this file stays small, detail was taken away: ${meta.reduced.join(", ")}.`) : "",
    el("p", {}, [meta.data_sha256 ? `Data SHA-256 ${meta.data_sha256}` : null, meta.built_at ? `built ${meta.built_at}` : null, ...versions].filter(Boolean).join(" · ")),
  );
}

const skip = document.getElementById("skip");
skip.addEventListener("click", (event) => {
  event.preventDefault(); // the hash is the view's
  main.focus();
});
main.append(...ANALYSES.map((name) => el("section", { class: "analysis", role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, hidden: true })));
const tabs = makeTabs(document.getElementById("tabs"), ANALYSES, TITLES, (analysis) => choose({ analysis }));
const controls = makeControls(document.getElementById("controls"), choose, () => {
  reset();
  redraw();
});
offerThemes(document.getElementById("theme"), redraw);
window.addEventListener("hashchange", () => {
  readHash();
  redraw();
});
fillHeader();
readHash();
redraw();
readPlotlyWhenIdle();

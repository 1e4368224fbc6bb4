// What is shown lives in the URL's hash, so that a view can be shared: #analysis=sales&period=90d

import { choices, CONTROLS, payload } from "./payload.js";

/** The analyses that the payload has, in the page's order. */
export const ANALYSES = ["overview", "sales", "customers", "products", "trends", "recommendations"].filter((name) => payload.analyses[name]);

/** Where a control starts: everything; for the time the longest period that has one before it. */
function standard(control) {
  if (control !== "period") return 0;
  const compared = choices(control).findLastIndex((period) => period.previous);
  return compared < 0 ? choices(control).length - 1 : compared;
}

const view = { analysis: ANALYSES[0], lookup: "" };
for (const control of CONTROLS) view[control] = standard(control);

/** The chosen analysis, the position of each control, and the lookup's text. */
export function current() {
  return view;
}

/** Whether a control stands elsewhere than at its start. */
export function changed(control) {
  return view[control] !== standard(control);
}

/** Read the hash; what it does not name, or names wrongly, is at its start. */
export function readHash() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  const analysis = wanted.get("analysis");
  view.analysis = ANALYSES.includes(analysis) ? analysis : ANALYSES[0];
  for (const control of CONTROLS) {
    const position = choices(control).findIndex((choice) => choice.id === wanted.get(control));
    view[control] = position < 0 ? standard(control) : position;
  }
  view.lookup = wanted.get("lookup") ?? "";
}

/** Change the view, and write the hash. */
export function changeView(changes) {
  Object.assign(view, changes);
  const words = new URLSearchParams({ analysis: view.analysis });
  for (const control of CONTROLS) if (changed(control)) words.set(control, choices(control)[view[control]].id);
  if (view.lookup) words.set("lookup", view.lookup);
  try {
    history.replaceState(null, "", `#${words}`);
  } catch {
    location.hash = String(words); // browsers that keep the history of files from scripts
  }
}

/** Put every control back to its start. */
export function reset() {
  changeView(Object.fromEntries(CONTROLS.map((control) => [control, standard(control)])));
}

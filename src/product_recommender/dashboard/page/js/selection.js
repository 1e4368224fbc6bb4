// What the controls leave, in words: for the line under them and for empty panels.

import { el } from "./elements.js";
import { counted, day } from "./format.js";
import { choices, measure } from "./payload.js";

function chosenWords(at) {
  const words = [];
  if (at.category) words.push(choices("category")[at.category].label);
  if (at.price_band) words.push(choices("price_band")[at.price_band].label);
  if (at.customer_type) words.push(choices("customer_type")[at.customer_type].label);
  return words;
}

/** The line under the controls. */
export function selectionWords(at) {
  const period = choices("period")[at.period];
  const type = choices("customer_type")[at.customer_type];
  const orders = measure("orders", at);
  return [
    el("strong", {}, `${counted(orders, "order")} by ${counted(measure("customers", at), "customer")}`),
    ` · ${day(period.first_day)} to ${day(period.last_day)}`,
    ...chosenWords(at).map((word) => ` · ${word}`),
    at.customer_type && type.note ? ` (${type.note})` : "",
  ];
}

/** What an empty panel says: what was asked for and that nothing is there. */
export function nothing(at, what = "reviews") {
  const period = choices("period")[at.period];
  const words = chosenWords(at);
  return {
    empty: `No ${what} from ${day(period.first_day)} to ${day(period.last_day)}${words.length ? ` for this combination` : ""}`,
    more: words.length ? `${words.join(" · ")}. Choose a longer time period or fewer filters.` : "Choose a longer time period.",
  };
}

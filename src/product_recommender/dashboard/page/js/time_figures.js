// Figures over time: steps of the chosen period, with partial first and last steps marked.

import { day, ratio, stepLabel } from "./format.js";
import { choices, series } from "./payload.js";

const STEP_DAYS = { day: 1, week: 7, month: 28, quarter: 89 };
const STEP_WORDS = { day: "day", week: "week", month: "month", quarter: "quarter" };

/** What a step is called: "day", "week", "month", "quarter". */
export function stepWord(at) {
  return STEP_WORDS[choices("period")[at.period].step] ?? "step";
}

/** The x of a figure over the steps of a period. */
export function stepsAxis(found) {
  const word = STEP_WORDS[found.step];
  const partial = found.days.map((covered) => covered < STEP_DAYS[found.step]);
  return {
    title: word === "day" ? "Day" : `Start of the ${word}`,
    labels: found.labels.map((iso) => stepLabel(iso, found.step)),
    full: found.labels.map((iso, at) => `${day(iso)}${partial[at] ? ` (${found.days[at]} ${found.days[at] === 1 ? "day" : "days"} of the ${word})` : ""}`),
    partial,
  };
}

/** A figure of one additive measure over time. */
export function overTime(at, name, title, y, draw = "bars") {
  const found = series(at, [name]);
  const x = stepsAxis(found);
  return { draw, x, y, series: [{ name: title, values: found[name], partial: x.partial, colour: y.colour ?? 0 }] };
}

/** A figure of a quotient of two measures over time; unknown where the divisor is 0. */
export function quotientOverTime(at, [above, below], title, y) {
  const found = series(at, [above, below]);
  const values = found[above].map((value, step) => ratio(value, found[below][step]));
  return { draw: "lines", x: stepsAxis(found), y, series: [{ name: title, values, colour: y.colour ?? 0 }] };
}

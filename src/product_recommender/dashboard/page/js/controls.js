// The four controls: the time period as a row of buttons, the others as lists.

import { el, freshId } from "./elements.js";
import { choices, CONTROLS, payload } from "./payload.js";
import { changed, current } from "./view.js";

const NAMES = { period: "Time period", category: "Category", price_band: "Price range", customer_type: "Customers" };

/** Make the controls in a form; `choose` is called with what changed, `restart` by the button. */
export function makeControls(form, choose, restart) {
  form.addEventListener("submit", (event) => event.preventDefault());
  const made = Object.fromEntries(CONTROLS.map((control) => [control, control === "period" ? buttonRow(control, choose) : list(control, choose)]));
  const back = el("button", { type: "button", class: "quiet", id: "reset", onclick: restart }, "Reset filters");
  form.append(...CONTROLS.map((control) => made[control].node), back);
  return {
    mark() {
      for (const control of CONTROLS) made[control].mark(current()[control]);
      back.hidden = !CONTROLS.some(changed);
    },
  };
}

function buttonRow(control, choose) {
  const name = freshId(control);
  const inputs = choices(control).map((choice, at) =>
    el("input", { type: "radio", name, value: choice.id, onchange: () => choose({ [control]: at }) }),
  );
  const node = el(
    "fieldset",
    { class: "control control-period", id: `control-${control}` },
    el("legend", {}, NAMES[control]),
    el("div", { class: "segments" }, choices(control).map((choice, at) => el("label", {}, inputs[at], el("span", {}, choice.label)))),
  );
  return { node, mark: (position) => inputs.forEach((input, at) => { input.checked = at === position; }) };
}

function list(control, choose) {
  const id = `control-${control}`;
  const select = el(
    "select",
    { id, onchange: (event) => choose({ [control]: event.target.selectedIndex }) },
    choices(control).map((choice) => el("option", { value: choice.id, title: choice.note }, choice.label)),
  );
  const useless = choices(control).length < 2 || (control === "price_band" && !payload.meta.prices_known);
  if (useless) {
    select.disabled = true;
    select.title = control === "price_band" ? "No price is known in this data" : "This data has one";
  }
  const node = el("div", { class: `control control-${control.split("_")[0]}` }, el("label", { for: id }, useless && control === "price_band" ? `${NAMES[control]} (none known)` : NAMES[control]), select);
  return {
    node,
    mark(position) {
      select.selectedIndex = position;
      select.classList.toggle("changed", changed(control));
    },
  };
}

// The analyses as WAI-ARIA tabs: arrow keys, Home and End move between them.

import { el } from "./elements.js";

/** Make the tabs; `choose` is called with the name of the one that was picked. */
export function makeTabs(list, names, titles, choose) {
  const tabs = names.map((name) =>
    el("button", { type: "button", class: "tab", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, onclick: () => choose(name) }, titles[name]),
  );
  list.append(...tabs);
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    tabs[next].focus();
    choose(names[next]);
  });
  return {
    mark(chosen) {
      tabs.forEach((tab, at) => {
        const selected = names[at] === chosen;
        tab.setAttribute("aria-selected", String(selected));
        tab.tabIndex = selected ? 0 : -1;
        if (selected) list.scrollLeft = Math.max(0, tab.offsetLeft - 40);
      });
    },
  };
}

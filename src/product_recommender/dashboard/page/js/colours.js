// Colours come from the page's CSS variables, which palette.py writes.

/** A colour of the palette in the present theme. */
export function shade(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** The n-th categorical colour, from 0; it starts again after the sixth. */
export function categorical(position) {
  return shade(`series-${(position % 6) + 1}`);
}

/** A colour with an opacity from 0 to 1. */
export function faded(colour, opacity) {
  return colour + Math.round(opacity * 255).toString(16).padStart(2, "0");
}

/** A colour of the heat scale at a place from 0 to 1. */
export function heatScale() {
  return [1, 2, 3, 4, 5].map((step) => [(step - 1) / 4, shade(`heat-${step}`)]);
}

const wanted = window.matchMedia("(prefers-color-scheme: dark)");

/** Whether the page is dark now. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : wanted.matches;
}

/** Let a button switch between light and dark, and call back after every change. */
export function offerThemes(button, redraw) {
  const label = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `${button.textContent} colours`);
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    label();
    redraw();
  });
  wanted.addEventListener("change", () => {
    label();
    redraw();
  });
  label();
}

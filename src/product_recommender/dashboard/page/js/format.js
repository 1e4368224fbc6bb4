// Numbers and dates as text. Unknown is a dash, never a zero.

const UNKNOWN = "–";
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const two = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const four = new Intl.NumberFormat("en-US", { minimumFractionDigits: 4, maximumFractionDigits: 4 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const DATES = {
  day: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" }),
  full: new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }),
  month: new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" }),
};

/** True for a number that is known. */
export function known(value) {
  return value !== null && value !== undefined && Number.isFinite(value);
}

/** Quotient of two known numbers; null where either is unknown or the divisor is 0. */
export function ratio(numerator, denominator) {
  return known(numerator) && known(denominator) && denominator !== 0 ? numerator / denominator : null;
}

function when(formatter, scale = 1) {
  return (value) => (known(value) ? formatter.format(value * scale) : UNKNOWN);
}

export const count = when(whole);
export const decimal = when(one);
export const stars = when(two);
export const score = when(four);
export const percent = (value) => (known(value) ? `${one.format(value * 100)} %` : UNKNOWN);
export const compact = (value) => (known(value) ? (Math.abs(value) < 10000 ? (Number.isInteger(value) ? whole : one).format(value) : short.format(value)) : UNKNOWN);
export const days = (value) => (known(value) ? `${one.format(value)} days` : UNKNOWN);

/** Cents as dollars; cents are written up to a thousand dollars. */
export function dollars(cents) {
  if (!known(cents)) return UNKNOWN;
  const value = cents / 100;
  const digits = (Math.abs(value) >= 1000 ? whole : two).format(Math.abs(value));
  return `${value < 0 ? "−" : ""}$${digits}`;
}

/** Cents as dollars for an axis: $1.2K. */
export function shortDollars(cents) {
  return known(cents) ? `${cents < 0 ? "−" : ""}$${compact(Math.abs(cents) / 100)}` : UNKNOWN;
}

/** A change as +3.1 % or −3.1 %. */
export function change(value) {
  if (!known(value)) return UNKNOWN;
  return `${value < 0 ? "−" : "+"}${one.format(Math.abs(value) * 100)} %`;
}

/** A share as whole per cent, for axes. */
export function wholePercent(value) {
  return known(value) ? `${value < 0 ? "−" : ""}${whole.format(Math.abs(value) * 100)} %` : UNKNOWN;
}

/** "1 order", "2 orders"; the plural of words that do not end in y. */
export function counted(value, singular, plural = `${singular}s`) {
  return `${count(value)} ${value === 1 ? singular : plural}`;
}

/** An ISO day as 3 Aug 2014. */
export function day(iso) {
  return iso ? DATES.full.format(new Date(`${iso}T00:00:00Z`)) : UNKNOWN;
}

/** The start of a step as a label of an axis. */
export function stepLabel(iso, step) {
  return DATES[step === "month" ? "month" : "day"].format(new Date(`${iso.length === 7 ? `${iso}-01` : iso}T00:00:00Z`));
}

/** Text cut to a length, for axes; tables and tooltips show all of it. */
export function shortened(text, length = 34) {
  const plain = String(text ?? "").replace(/\s+/g, " ").trim();
  return plain.length > length ? `${plain.slice(0, length - 1).trimEnd()}…` : plain;
}

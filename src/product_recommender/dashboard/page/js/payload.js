// The payload, and how a number of it is looked up. A cube is {axes, values | sparse, labels?,
// sum_axes?}: a table over axes, row-major; null is unknown; a sparse one is 0 elsewhere.

export const payload = JSON.parse(document.getElementById("payload").textContent);

export const CONTROLS = ["period", "category", "price_band", "customer_type"];
const LISTS = { period: "periods", category: "categories", price_band: "price_bands", customer_type: "customer_types" };

/** What a control offers. */
export function choices(control) {
  return payload.controls[LISTS[control]];
}

const prepared = new WeakMap();

function prepare(cube, extra) {
  let ready = prepared.get(cube);
  if (ready) return ready;
  const summed = new Set(cube.sum_axes ?? []);
  const lengths = cube.axes.map((axis) => {
    const full = cube.labels?.[axis]?.length ?? extra[axis] ?? choices(axis).length;
    return summed.has(axis) ? full - 1 : full;
  });
  const strides = lengths.map((_, at) => lengths.slice(at + 1).reduce((product, n) => product * n, 1));
  let values = cube.values;
  if (!values) {
    values = new Float64Array(lengths.reduce((product, n) => product * n, 1));
    let index = 0;
    cube.sparse.index.forEach((step, at) => {
      index += step;
      values[index] = cube.sparse.values[at];
    });
  }
  ready = { summed, lengths, strides, values };
  prepared.set(cube, ready);
  return ready;
}

function placesOf(cube, ready, at) {
  let places = [0];
  cube.axes.forEach((axis, number) => {
    const position = at[axis] ?? 0;
    const stride = ready.strides[number];
    if (!ready.summed.has(axis)) places = places.map((place) => place + position * stride);
    else if (position > 0) places = places.map((place) => place + (position - 1) * stride);
    else places = places.flatMap((place) => Array.from({ length: ready.lengths[number] }, (_, i) => place + i * stride));
  });
  return places;
}

function sum(values, places, offset) {
  let total = 0;
  for (const place of places) {
    const number = values[place + offset];
    if (number === null || number === undefined) return null;
    total += number;
  }
  return total;
}

/**
 * One number of a cube. `at` maps axes to positions; axes of the cube that it does not name are at
 * 0. On an axis that the cube sums, position 0 is the sum of all others.
 */
export function value(cube, at) {
  const ready = prepare(cube, {});
  return sum(ready.values, placesOf(cube, ready, at), 0);
}

/** The numbers along one axis of a cube; `length` is needed where the axis has no labels. */
export function along(cube, axis, at, length) {
  const ready = prepare(cube, { [axis]: length });
  const stride = ready.strides[cube.axes.indexOf(axis)];
  if (ready.summed.has(axis)) return Array.from({ length }, (_, position) => value(cube, { ...at, [axis]: position }));
  const places = placesOf(cube, ready, { ...at, [axis]: 0 });
  return Array.from({ length }, (_, position) => sum(ready.values, places, position * stride));
}

/** The steps of a period with one or more of its measures. */
export function series(at, names) {
  const { step, labels, days, cubes } = payload.series[at.period];
  const found = { step, labels, days };
  for (const name of names) found[name] = cubes[name] ? along(cubes[name], "step", at, labels.length) : null;
  return found;
}

/** A named cube's number at the chosen cell; null where the data has no such cube. */
export function measure(name, at) {
  return payload.cubes[name] ? value(payload.cubes[name], at) : null;
}

const starts = new WeakMap();

/** The rows of a top list at the chosen cell, or of a plain table, as objects. */
export function rows(list, at = {}) {
  let first = 0;
  let length = Object.values(list.columns)[0]?.length ?? 0;
  if (list.axes) {
    let sums = starts.get(list);
    if (!sums) {
      sums = [0];
      for (const n of list.lengths) sums.push(sums[sums.length - 1] + n);
      starts.set(list, sums);
    }
    const cell = list.axes.reduce((index, axis) => index * (list.labels?.[axis]?.length ?? choices(axis).length) + (at[axis] ?? 0), 0);
    [first, length] = [sums[cell], list.lengths[cell]];
  }
  const names = Object.keys(list.columns);
  return Array.from({ length }, (_, row) => Object.fromEntries(names.map((name) => [name, list.columns[name][first + row]])));
}

/** A product by its position in the payload's one product table. */
export function product(position) {
  const { ids, titles, categories, price_cents } = payload.products;
  return {
    id: ids[position],
    title: titles[position] || ids[position],
    category: choices("category")[categories[position]]?.label ?? "",
    priceCents: price_cents?.[position] ?? null,
  };
}

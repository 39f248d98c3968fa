import { expect, it } from "vitest";

import { graticule } from "./graticule";

it.each([
  [{ west: 17, south: 59, east: 19, north: 60 }, 0.2],
  [{ west: 18.06, south: 59.32, east: 18.08, north: 59.331 }, 0.002],
  [{ west: -0.00001, south: 0, east: 0.00001, north: 0.00001 }, 0.001],
])("draws round degrees over %o", (bounds, step) => {
  const { features } = graticule(bounds);
  expect(features.length).toBeLessThan(40);
  for (const { geometry, properties } of features) {
    const [[x0, y0], [x1, y1]] = geometry.coordinates;
    const degrees = x0 === x1 ? x0 : y0;
    expect(x0 === x1 || y0 === y1).toBe(true);
    expect(Math.abs(degrees / step - Math.round(degrees / step))).toBeLessThan(1e-6);
    expect(properties!.label).toBe(`${Number(degrees.toFixed(3))}°`);
  }
});

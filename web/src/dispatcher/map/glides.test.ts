import { describe, expect, it } from "vitest";

import { Glides, HIDDEN, STRIDE } from "./glides";
import { metresBetween, toLngLat, toMercator } from "./mercator";

const a = toMercator(59.33, 18.07);
const b = toMercator(59.331, 18.07);

describe("Glides", () => {
  it("glides from where it is drawn, in the time between two fixes", () => {
    const g = new Glides();
    g.move(0, a, NaN, 100);
    expect(g.at(0, 100)).toEqual(a);
    g.move(0, b, NaN, 102); // two seconds later, so for two seconds
    expect(g.at(0, 102)).toEqual(a);
    expect(g.at(0, 103).y).toBeCloseTo((a.y + b.y) / 2, 12);
    expect(g.at(0, 104)).toEqual(b);
    expect(g.movingUntil).toBe(104);
    const half = g.at(0, 103);
    g.move(0, a, NaN, 103); // turned round half-way
    expect(g.at(0, 103)).toEqual(half);
  });

  it("jumps where nothing can have driven, and always for whom motion disturbs", () => {
    const far = toMercator(52.52, 13.4);
    for (const [g, to] of [[new Glides(), far], [new Glides(true), b]] as const) {
      g.move(0, a, NaN, 100);
      g.move(0, to, NaN, 101);
      expect(g.at(0, 101)).toEqual(to);
    }
  });

  it("turns the short way round and keeps its heading when none is told", () => {
    const g = new Glides();
    g.move(0, a, 350, 100);
    g.move(0, b, 10, 101);
    expect(((g.data[7] - g.data[6]) * 180) / Math.PI).toBeCloseTo(20, 4);
    g.move(0, b, NaN, 102);
    expect(g.data[6]).toBe(g.data[7]);
  });

  it("hides slots that have no position", () => {
    const g = new Glides();
    g.move(100, a, NaN, 0);
    expect(g.visible(99)).toBe(false);
    expect(g.data[99 * STRIDE + 8]).toBe(HIDDEN);
    expect(g.shape(99, 2)).toBe(false);
    expect(g.nearest(a, 1, 0)).toBe(100);
  });

  it("picks the nearest within reach", () => {
    const g = new Glides();
    g.move(0, a, NaN, 0);
    g.move(1, b, NaN, 0);
    expect(g.nearest({ x: b.x, y: b.y + 1e-7 }, 1e-5, 1)).toBe(1);
    expect(g.nearest({ x: 0, y: 0 }, 1e-5, 1)).toBe(-1);
  });

  it("names what changed in few runs, once", () => {
    const g = new Glides();
    for (const slot of [0, 200, 1, 20, 201]) g.move(slot, a, NaN, 0);
    expect(g.takeDirty()).toEqual([[0, 21], [200, 202]]);
    expect(g.takeDirty()).toEqual([]);
    expect(g.shape(1, 3)).toBe(true);
    expect(g.shape(1, 3)).toBe(false);
    expect(g.takeDirty()).toEqual([[1, 2]]);
  });

  it("holds centimetres near its anchor", () => {
    const g = new Glides();
    g.move(0, a, NaN, 0);
    g.anchorAt(b);
    expect(g.data[0] + b.x).toBeCloseTo(a.x, 11); // 1e-11 of the world is 0.4 mm
    expect(g.data[1] + b.y).toBeCloseTo(a.y, 11);
  });
});

describe("mercator", () => {
  it.each([[0, 0], [59.33, 18.07], [-33.9, 151.2], [85, -179.9]])("goes there and back: %d, %d", (lat, lon) => {
    const [x, y] = toLngLat(toMercator(lat, lon));
    expect([y, x]).toEqual([expect.closeTo(lat, 9), expect.closeTo(lon, 9)]);
  });
  it("measures what is near", () => {
    expect(metresBetween({ lat: 59.33, lon: 18.07 }, { lat: 59.331, lon: 18.07 })).toBeCloseTo(111.3, 0);
  });
});

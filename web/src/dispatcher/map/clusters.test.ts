import { describe, expect, it } from "vitest";

import { CLUSTERS_END, clustersOf, type Spot } from "./clusters";
import { toMercator } from "./mercator";

const spot = (slot: number, lat: number, lon: number, moving = false): Spot => ({ slot, ...toMercator(lat, lon), moving, alert: slot === 3 });
const depot = (count: number, lat: number, lon: number, first = 0) => Array.from({ length: count }, (_, i) => spot(first + i, lat + i * 1e-4, lon, i % 2 === 0));

describe("clustersOf", () => {
  it("counts those who are together, and leaves alone those who are not", () => {
    const { clusters, members } = clustersOf([...depot(20, 52.5, 13.4), ...depot(9, 48.1, 11.6, 20), spot(29, 50, 8.7)], 5);
    expect(clusters.map(({ count, moving, alerts }) => [count, moving, alerts])).toEqual([[20, 10, 1], [9, 5, 0]]);
    expect(members.size).toBe(29);
    expect(members.has(29)).toBe(false);
  });

  it("draws everybody when near", () => expect(clustersOf(depot(20, 52.5, 13.4), CLUSTERS_END).clusters).toEqual([]));
  it("draws a few one by one", () => expect(clustersOf(depot(4, 52.5, 13.4), 5).clusters).toEqual([]));

  it("holds every vehicle once, and circles that do not touch", () => {
    let seed = 7;
    const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
    const spots = Array.from({ length: 10_000 }, (_, i) => spot(i, 48 + random() * 6, 6 + random() * 9));
    for (const zoom of [1.6, 4, 6.5, 9]) {
      const { clusters, members } = clustersOf(spots, zoom);
      expect(clusters.reduce((sum, c) => sum + c.count, 0)).toBe(members.size);
      const world = 512 * 2 ** zoom;
      let nearest = Infinity; // px
      for (const a of clusters) for (const b of clusters) if (a !== b) nearest = Math.min(nearest, Math.hypot(a.x - b.x, a.y - b.y) * world);
      expect(nearest).toBeGreaterThanOrEqual(44);
    }
  });
});

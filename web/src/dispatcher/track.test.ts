import { expect, it } from "vitest";

import { speedPath, stretches, summaryOf, trackLines, type TrackPoint } from "./track";

const point = (minute: number, lat: number, speed = 10): TrackPoint => ({ at: minute * 60_000, lat, lon: 18, speed });
const day = [point(0, 59.0), point(1, 59.001), point(2, 59.002), point(60, 59.5), point(61, 59.501, NaN)];

it("shows a gap as a gap, and does not count it as driven", () => {
  expect(stretches(day).map((part) => part.length)).toEqual([3, 2]);
  expect(trackLines(day).features.map((f) => [f.properties!.gap, f.geometry.coordinates.length])).toEqual([[false, 3], [false, 2], [true, 2]]);
  const { metres, gaps, topSpeed } = summaryOf(day);
  expect(metres).toBeCloseTo(3 * 111.3, 0);
  expect([gaps, topSpeed]).toEqual([1, 10]);
});

it("has nothing to draw of nothing, or of one point", () => {
  for (const points of [[], [point(0, 59)]]) {
    expect(trackLines(points).features).toEqual([]);
    expect(summaryOf(points)).toMatchObject({ metres: 0, gaps: 0 });
    expect(speedPath(points, 100, 20)).toBe("");
  }
});

it("draws speed over time, broken where there is a gap", () => {
  expect(speedPath([point(0, 59, 0), point(1, 59, 5), point(10, 59, 10)], 100, 20)).toBe("M0.0 20.0L10.0 10.0M100.0 0.0");
});

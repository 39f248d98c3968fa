import { describe, expect, it } from "vitest";

import type { TrackPoint } from "../track";
import { gapsOf, placeAt, shiftDay, spanOf, stopsOf } from "./day";

const minute = 60_000;
const p = (at: number, lat: number, speed = NaN): TrackPoint => ({ at: at * minute, lat, lon: 18, speed });

describe("spanOf", () => {
  it("is a day from midnight to midnight", () => {
    const { from, to } = spanOf("2026-11-23")!;
    expect(new Date(from).getHours()).toBe(0);
    expect(to - from).toBe(24 * 60 * minute);
  });
  it.each(["2026-02-30", "tomorrow", ""])("refuses %j", (day) => expect(spanOf(day)).toBeNull());
});

it("goes over the end of a month", () => {
  expect(shiftDay("2026-11-30", 1)).toBe("2026-12-01");
  expect(shiftDay("2026-03-01", -1)).toBe("2026-02-28");
});

describe("stopsOf", () => {
  it("finds where somebody stayed, and not a slow drive", () => {
    const track = [p(0, 59), p(1, 59.01), p(2, 59.0101), p(3, 59.01), p(4.5, 59.0102), p(5, 59.02), p(6, 59.03)];
    expect(stopsOf(track, []).map((s) => [s.from / minute, s.to / minute])).toEqual([[1, 4.5]]);
  });
  it("does not call a gap a stop", () => expect(stopsOf([p(0, 59), p(30, 59)], [])).toEqual([]));
});

describe("gapsOf", () => {
  it("joins what the server knows with what the times tell", () => {
    const track = [p(0, 59), p(1, 59), p(2, 59.1), p(20, 59.2)];
    expect(gapsOf(track, [{ from: 1 * minute, to: 2 * minute, missing: 4 }])).toEqual([
      { from: minute, to: 2 * minute, missing: 4 },
      { from: 2 * minute, to: 20 * minute, missing: undefined },
    ]);
  });
});

describe("placeAt", () => {
  const track = [p(0, 59, 1), p(2, 60, 2), p(20, 61, 3)];
  const gaps = gapsOf(track, []);
  it.each([
    [1, 59.5],
    [2, 60],
    [10, undefined],
    [20, 61],
    [-1, undefined],
    [21, undefined],
  ])("after %s min", (at, lat) => expect(placeAt(track, gaps, at * minute)?.lat).toBe(lat));
});

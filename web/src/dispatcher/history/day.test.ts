import { describe, expect, it } from "vitest";

import type { TrackPoint } from "../track";
import { gapsOf, journeyOf, placeAt } from "./day";

const minute = 60_000;
const p = (at: number, lat: number, speed = NaN): TrackPoint => ({ at: at * minute, lat, lon: 18, speed });

it("puts trips and stops in the order of time", () => {
  const at = (minutes: number) => new Date(minutes * minute).toISOString();
  const spot = { lat: 59, lon: 18 };
  const trip = (from: number, to: number, ended?: "stop" | "gap") => ({ from: at(from), to: at(to), distance_m: 900, points: 9, start: spot, end: spot, ended });
  const journey = journeyOf({ driver: "d7", from: at(0), to: at(99), trips: [trip(1, 9, "stop"), trip(20, 30)], stops: [{ from: at(9), to: at(20), at: spot }] });
  expect(journey.map(({ from, number, stopped }) => [from / minute, number, stopped])).toEqual([[1, 1, null], [9, 0, spot], [20, 2, null]]);
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

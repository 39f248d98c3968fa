import { describe, expect, it } from "vitest";

import { toFix } from "./fix";
import { defaultConfig, distance, parseConfig, Sampler } from "./sampler";

const noon = Date.UTC(2026, 5, 1, 12);
const coords = (over: Partial<GeolocationCoordinates> = {}): GeolocationCoordinates => ({
  latitude: 59.33,
  longitude: 18.07,
  accuracy: 8,
  altitude: null,
  altitudeAccuracy: null,
  heading: null,
  speed: null,
  toJSON: () => ({}),
  ...over,
});
const reading = (seconds: number, over: Partial<GeolocationCoordinates> = {}) => ({ timestamp: noon + seconds * 1000, coords: coords(over) });
const metresNorth = (metres: number) => 59.33 + metres / 111_195;

describe("toFix", () => {
  it("leaves out what the receiver did not say", () => {
    expect(toFix(reading(0), "time")).toEqual({
      fix_at: "2026-06-01T12:00:00.000Z",
      lat: 59.33,
      lon: 18.07,
      accuracy_m: 8,
      source: "phone",
      trigger: "time",
    });
  });

  it.each([
    ["NaN heading, as Safari gives when standing", { heading: NaN, speed: 0 }, { speed_mps: 0 }],
    ["no heading while standing", { heading: 90, speed: 0.2 }, { speed_mps: 0.2 }],
    ["360 degrees are 0", { heading: 360, speed: 10 }, { heading_deg: 0, speed_mps: 10 }],
    ["negative speed, as iOS gives for unknown", { speed: -1, heading: -1 }, {}],
    ["altitude below the sea", { altitude: -3.26 }, { altitude_m: -3.3 }],
  ])("%s", (_, given, want) => {
    const { speed_mps, heading_deg, altitude_m } = toFix(reading(0, given), "time")!;
    expect(JSON.parse(JSON.stringify({ speed_mps, heading_deg, altitude_m }))).toEqual(want);
  });

  it.each([
    ["latitude 91", { latitude: 91 }],
    ["no longitude", { longitude: NaN }],
    ["exactly 0, 0 without an accuracy", { latitude: 0, longitude: 0, accuracy: NaN }],
  ])("%s is no fix", (_, given) => expect(toFix(reading(0, given), "time")).toBeNull());
});

describe("Sampler", () => {
  it("reports a parked van every half minute, a moving one every interval", () => {
    const parked = new Sampler();
    const times = [...Array(61).keys()].filter((s) => parked.offer(reading(s, { speed: 0 })));
    expect(times).toEqual([0, 30, 60]);
    const moving = new Sampler();
    const moved = [...Array(11).keys()].filter((s) => moving.offer(reading(s, { latitude: metresNorth(s * 12), speed: 12 })));
    expect(moved).toEqual([0, 5, 10]);
  });

  it("reports sooner after the configured way and after a turn, but never twice a second", () => {
    const sampler = new Sampler();
    sampler.config = { interval_s: 60, distance_m: 50 };
    expect(sampler.offer(reading(0, { heading: 350, speed: 20 }))).toBe("time");
    expect(sampler.offer(reading(0.5, { latitude: metresNorth(500), speed: 20 }))).toBeNull();
    expect(sampler.offer(reading(2, { latitude: metresNorth(20), heading: 10, speed: 20 }))).toBeNull();
    expect(sampler.offer(reading(3, { latitude: metresNorth(30), heading: 25, speed: 20 }))).toBe("turn");
    expect(sampler.offer(reading(5, { latitude: metresNorth(85), heading: 25, speed: 20 }))).toBe("distance");
  });

  it("reports no reading twice, even when it starts over", () => {
    const sampler = new Sampler();
    expect(sampler.offer(reading(0))).toBe("time");
    sampler.reset();
    expect(sampler.offer(reading(0))).toBeNull();
    expect(sampler.offer(reading(0.1))).toBe("time");
  });

  it("goes on after the phone's clock was set back", () => {
    const sampler = new Sampler();
    expect(sampler.offer(reading(3_600))).toBe("time");
    expect(sampler.offer(reading(3_599))).toBeNull();
    expect(sampler.offer(reading(10))).toBe("time");
    expect(sampler.offer(reading(12))).toBeNull();
  });

  it("does not take a wandering receiver for a journey", () => {
    const sampler = new Sampler();
    expect(sampler.offer(reading(0, { accuracy: 900 }))).toBe("time");
    expect(sampler.offer(reading(8, { accuracy: 900, latitude: metresNorth(400) }))).toBeNull();
  });
});

describe("parseConfig", () => {
  it.each([
    ['{"interval_s":10,"distance_m":200}', { interval_s: 10, distance_m: 200 }],
    ['{"interval_s":0}', { interval_s: 1, distance_m: defaultConfig.distance_m }],
    ['{"interval_s":"often","distance_m":1e9}', { interval_s: defaultConfig.interval_s, distance_m: 10_000 }],
    ["", defaultConfig],
    ["null", defaultConfig],
  ])("%s", (payload, want) => expect(parseConfig(payload)).toEqual(want));
});

it("distance knows a degree of latitude", () => {
  expect(distance(coords({ latitude: 10 }), coords({ latitude: 11 }))).toBeCloseTo(111_195, -1);
});

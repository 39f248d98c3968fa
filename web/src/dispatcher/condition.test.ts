import { describe, expect, it } from "vitest";

import { conditionOf, rankOf } from "./condition";
import { Positions, type Update } from "./positions";

const now = Date.UTC(2026, 10, 22, 12);
const fix = (age: number, more = {}) => ({ at: now - age, lat: 0, lon: 0, speed: NaN, heading: NaN, ...more });
const driver = (update: Omit<Update, "driver">) => {
  const p = new Positions();
  p.put({ driver: "d7", ...update });
  return p.get("d7")!;
};

describe("conditionOf", () => {
  it.each<[string, Omit<Update, "driver">, string, string[]]>([
    ["moving", { duty: "on", presence: "online", fix: fix(3_000, { speed: 12 }) }, "moving", []],
    ["standing", { duty: "on", presence: "online", fix: fix(3_000, { speed: 0.2 }) }, "idle", []],
    ["no speed told", { duty: "on", presence: "online", fix: fix(3_000) }, "idle", []],
    ["connected, GPS gone", { duty: "on", presence: "online", fix: fix(180_000, { speed: 12 }) }, "stale", ["oldFix"]],
    ["connected, never a fix", { duty: "on", presence: "online" }, "stale", ["noFix"]],
    ["gone on duty", { duty: "on", presence: "offline", fix: fix(70_000) }, "alert", ["silent"]],
    ["gone on duty this moment", { duty: "on", presence: "offline", fix: fix(30_000) }, "offline", []],
    ["gone off duty", { duty: "off", presence: "offline", fix: fix(9e6) }, "offline", []],
    ["on a break, gone", { duty: "break", presence: "offline", fix: fix(9e6) }, "offline", []],
    ["off duty, still connected", { duty: "off", presence: "online", fix: fix(9e6) }, "stale", []],
    ["a device that never told its duty", { presence: "online", fix: fix(180_000) }, "stale", ["oldFix"]],
    ["a device that never connected here", { fix: fix(3_000, { speed: 9 }) }, "moving", []],
    ["the same, an hour later", { fix: fix(3_600_000) }, "offline", []],
    ["phone nearly empty", { duty: "on", presence: "online", fix: fix(0, { battery: 9 }) }, "idle", ["lowBattery"]],
    ["late, and the phone nearly empty", { duty: "on", presence: "online", fix: fix(0, { battery: 9 }), work: ["late"] }, "idle", ["late", "lowBattery"]],
    ["an open alert comes first", { duty: "on", presence: "offline", fix: fix(70_000), work: ["late", "alert"] }, "alert", ["alert", "silent", "late"]],
    ["empty phone that is gone", { duty: "on", presence: "offline", fix: fix(70_000, { battery: 9 }) }, "alert", ["silent"]],
  ])("%s", (_, update, state, concerns) => {
    expect(conditionOf(driver(update), now)).toEqual({ state, concerns });
  });
});

it("ranks who needs attention before all others", () => {
  const ranks = [
    rankOf({ state: "alert", concerns: ["silent"] }),
    rankOf({ state: "stale", concerns: ["noFix"] }),
    rankOf({ state: "stale", concerns: ["oldFix", "lowBattery"] }),
    rankOf({ state: "moving", concerns: ["lowBattery"] }),
    rankOf({ state: "moving", concerns: [] }),
    rankOf({ state: "idle", concerns: [] }),
    rankOf({ state: "offline", concerns: [] }),
  ];
  expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  expect(new Set(ranks).size).toBe(ranks.length);
});

import { expect, it } from "vitest";

import { Positions } from "./positions";
import { RosterKeeper, type Filter } from "./roster";

const now = Date.UTC(2026, 10, 22, 12);
const positions = new Positions();
const fix = (age: number, speed = 0) => ({ at: now - age, lat: 0, lon: 0, speed, heading: NaN });
positions.put({ driver: "d10", duty: "on", presence: "online", fix: fix(0, 9) });
positions.put({ driver: "d9", name: "Bo", duty: "on", presence: "online", fix: fix(0, 9) });
positions.put({ driver: "d2", duty: "on", presence: "online", fix: fix(0, 9) });
positions.put({ driver: "d3", duty: "off", presence: "offline", fix: fix(9e6) });
positions.put({ driver: "d4", duty: "on", presence: "offline", fix: fix(9e6) });
positions.put({ driver: "d5", duty: "on", presence: "online", fix: fix(300_000) });

const keeper = new RosterKeeper();
const ids = (filter: Filter, search: string) => keeper.of(positions.all(), now, filter, search).entries.map((e) => e.driver.id);

it("lists who needs attention first, then by name in the order people count", () => {
  expect(ids("all", "")).toEqual(["d4", "d5", "d9", "d2", "d10", "d3"]);
});

it("filters and searches by name or id, and counts without the search", () => {
  expect(ids("attention", "")).toEqual(["d4", "d5"]);
  expect(ids("moving", "")).toEqual(["d9", "d2", "d10"]);
  expect(ids("offline", "")).toEqual(["d4", "d3"]);
  expect(ids("all", " BO ")).toEqual(["d9"]);
  expect(ids("all", "d1")).toEqual(["d10"]);
  expect(keeper.of(positions.all(), now, "all", "d1").counts).toEqual({ all: 6, attention: 2, moving: 3, offline: 2 });
});

it("follows a new name and a new driver", () => {
  const few = new Positions();
  for (const driver of ["d1", "d2"]) few.put({ driver, duty: "on", presence: "online", fix: fix(0, 9) });
  const names = () => keeper.of(few.all(), now, "all", "").entries.map((e) => e.driver.id);
  expect(names()).toEqual(["d1", "d2"]);
  few.put({ driver: "d1", name: "Zoe" });
  expect(names()).toEqual(["d2", "d1"]);
  few.put({ driver: "d0", presence: "online", duty: "on", fix: fix(0, 9) });
  expect(names()).toEqual(["d0", "d2", "d1"]);
});

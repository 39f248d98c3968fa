import { describe, expect, it } from "vitest";

import { dayOf, fromField, shiftDay, spanOf, toField } from "./wallClock";

const hour = 3_600_000;

describe("spanOf", () => {
  it.each([
    ["2026-11-23", "UTC", "2026-11-23T00:00:00.000Z", 24],
    ["2026-11-23", "Europe/Berlin", "2026-11-22T23:00:00.000Z", 24],
    ["2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000Z", 23],
    ["2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00.000Z", 25],
    ["2026-11-23", "Asia/Kathmandu", "2026-11-22T18:15:00.000Z", 24],
    ["2026-11-23", "America/Los_Angeles", "2026-11-23T08:00:00.000Z", 24],
  ])("is %s in %s", (day, zone, from, hours) => {
    const span = spanOf(day, zone)!;
    expect(new Date(span.from).toISOString()).toBe(from);
    expect((span.to - span.from) / hour).toBe(hours);
    expect(dayOf(span.from, zone)).toBe(day);
    expect(dayOf(span.to - 1, zone)).toBe(day);
  });
  it.each(["2026-02-30", "tomorrow", ""])("refuses %j", (day) => expect(spanOf(day, "UTC")).toBeNull());
});

it("goes over the end of a month", () => {
  expect(shiftDay("2026-11-30", 1)).toBe("2026-12-01");
  expect(shiftDay("2026-03-01", -1)).toBe("2026-02-28");
});

it("reads from a field what it wrote there", () => {
  const at = Date.UTC(2026, 6, 1, 5, 2);
  expect(toField(at, "Europe/Berlin")).toBe("2026-07-01T07:02");
  expect(fromField("2026-07-01T07:02", "Europe/Berlin")).toBe(at);
  expect(fromField("", "UTC")).toBeNaN();
});

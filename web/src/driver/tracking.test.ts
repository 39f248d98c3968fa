import { expect, it } from "vitest";

import type { Reading } from "./fix";
import { trackingOf } from "./tracking";

const now = 1_780_000_000_000;
const reading = (age: number) => ({ timestamp: now - age }) as Reading;
const ok = { state: "ok", reading: reading(1_000) } as const;
const empty = { fixes: 0, reports: 0 };

it.each([
  ["off", ok, "live", empty, "off"],
  ["break", ok, "live", empty, "break"],
  ["on", { state: "denied", reading: null }, "live", empty, "denied"],
  ["on", { state: "unsupported", reading: null }, "live", empty, "unsupported"],
  ["on", { state: "searching", reading: null }, "live", empty, "searching"],
  ["on", { state: "ok", reading: reading(120_000) }, "live", empty, "searching"],
  ["on", ok, "waiting", empty, "offline"],
  ["on", ok, "signedOut", empty, "signedOut"],
  ["on", ok, "live", { fixes: 300, reports: 0 }, "catchingUp"],
  ["on", ok, "live", { fixes: 1, reports: 1 }, "live"],
] as const)("duty %s, gps %o, link %s, queue %o: %s", (duty, gps, link, queue, want) => {
  expect(trackingOf(duty, gps, link, queue, now)).toBe(want);
});

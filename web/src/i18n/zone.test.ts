import { expect, it, vi } from "vitest";

const kept = new Map<string, string>([["dray.fleetZone", "acme Asia/Tokyo"]]);
vi.stubGlobal("localStorage", {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => kept.set(key, value),
  removeItem: (key: string) => kept.delete(key),
});
const { chooseZone, keepFleetZone, machineZone, recallFleetZone, timeFormat, zoneNow } = await import("./zone");

const hour = timeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const at = Date.UTC(2026, 10, 23, 1);

it("begins with the zone of the fleet that was here last, and not with another fleet's", () => {
  expect(hour(at)).toBe("10:00");
  recallFleetZone("beta");
  expect(zoneNow()).toBe(machineZone);
  recallFleetZone("acme");
  expect(zoneNow()).toBe("Asia/Tokyo");
});

it("takes what was chosen here before the fleet's, that before the machine's, and no zone that nobody knows", () => {
  keepFleetZone("acme", "America/New_York");
  expect(hour(at)).toBe("20:00");
  chooseZone("Asia/Kolkata");
  expect(hour(at)).toBe("06:30");
  chooseZone("Middle/Earth");
  expect(zoneNow()).toBe("America/New_York");
  keepFleetZone("acme", "Middle/Earth");
  expect(zoneNow()).toBe(machineZone);
  keepFleetZone("acme", null);
  expect(zoneNow()).toBe(machineZone);
  expect(hour(at)).not.toBe("");
});

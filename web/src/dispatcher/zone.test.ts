import { expect, it, vi } from "vitest";

vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {}, removeItem: () => {} });
vi.stubGlobal("navigator", { languages: ["en-GB"] });
vi.stubGlobal("document", { documentElement: {} });
const { clockText, machineZone, setZone, zoneNow } = await import("./zone");

it("writes times in the zone that was chosen, and not in one that nobody knows", () => {
  setZone("Asia/Tokyo");
  expect(clockText(Date.UTC(2026, 10, 23, 1))).toBe("10:00");
  setZone("America/New_York");
  expect(clockText(Date.UTC(2026, 10, 23, 1))).toBe("20:00");
  setZone("Middle/Earth");
  expect(zoneNow()).toBe(machineZone);
});

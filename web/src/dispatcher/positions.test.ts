import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Positions } from "./positions";

const noon = Date.UTC(2026, 10, 22, 12);
const fix = (at: number, lat = 59.33) => ({ at, lat, lon: 18.07, speed: NaN, heading: NaN });

describe("Positions", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each([
    ["the snapshot first", [fix(noon, 1), fix(noon + 5_000, 2)]],
    ["the frame first", [fix(noon + 5_000, 2), fix(noon, 1)]],
    ["twice", [fix(noon + 5_000, 2), fix(noon + 5_000, 2)]],
  ])("keeps the newest fix, %s", (_, fixes) => {
    const p = new Positions();
    for (const f of fixes) p.put({ driver: "d7", fix: f });
    expect(p.get("d7")?.fix).toMatchObject({ at: noon + 5_000, lat: 2 });
  });

  it("lets a snapshot add battery and accuracy to the fix a frame brought, and a frame not forget them", () => {
    const p = new Positions();
    p.put({ driver: "d7", fix: fix(noon) });
    p.put({ driver: "d7", fix: { ...fix(noon), battery: 12, accuracy: 4 } });
    p.put({ driver: "d7", fix: fix(noon + 1_000) });
    expect(p.get("d7")?.fix).toMatchObject({ at: noon + 1_000, battery: 12 });
    expect(p.get("d7")?.fix?.accuracy).toBeUndefined(); // it belonged to the other fix
  });

  it("does not let an old snapshot undo what presence said later", () => {
    const p = new Positions();
    p.put({ driver: "d7", presence: "offline", presenceAt: noon });
    p.put({ driver: "d7", presence: "online", presenceAt: noon - 60_000 });
    expect(p.get("d7")?.presence).toBe("offline");
  });

  it("keeps when a driver was seen apart from when it was measured", () => {
    const p = new Positions();
    p.put({ driver: "d7", fix: fix(noon), seenAt: noon + 3_000 });
    p.put({ driver: "d7", fix: fix(noon - 60_000), seenAt: noon + 9_000 });
    expect(p.get("d7")).toMatchObject({ seenAt: noon + 9_000, fix: { at: noon } });
  });

  it("tells listeners at most four times a second, and the map every slot that changed", () => {
    const p = new Positions();
    const heard = vi.fn();
    p.subscribe(heard);
    for (let i = 0; i < 100; i++) p.put({ driver: `d${i % 3}`, fix: fix(noon + i) });
    expect(heard).not.toHaveBeenCalled();
    vi.advanceTimersByTime(250);
    expect(heard).toHaveBeenCalledTimes(1);
    expect(p.takeChanged()).toEqual([0, 1, 2]);
    p.put({ driver: "d0", fix: fix(noon) }); // older: nothing to tell
    vi.advanceTimersByTime(1_000);
    expect(heard).toHaveBeenCalledTimes(1);
    expect(p.takeChanged()).toEqual([]);
  });

  it("returns the same object until something changes", () => {
    const p = new Positions();
    p.put({ driver: "d7", name: "Ada", fix: fix(noon) });
    const before = p.get("d7");
    p.put({ driver: "d7", name: "Ada" });
    expect(p.get("d7")).toBe(before);
  });
});

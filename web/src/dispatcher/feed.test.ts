import { beforeEach, describe, expect, it } from "vitest";

import type { OnMessage } from "../mqtt/session";
import { Feed } from "./feed";
import type { Frame } from "./frame";
import { Positions } from "./positions";

const entry = (index: number, lat: number, age = 0) => ({ index, lat, lon: 18, speed: 3, heading: 90, age, flags: 0 });
const json = (body: object) => new TextEncoder().encode(JSON.stringify(body));

describe("Feed", () => {
  let positions: Positions;
  let feed: Feed;
  let handlers: Map<string, OnMessage>;
  let subscribed: string[];
  let serverTime: number;
  let sequence: number;

  const frame = (more: Partial<Frame>): Frame => ({
    fleet: "acme", serverTime: (serverTime += 250), sequence: ++sequence, keyframe: false, epoch: 1, entries: [], names: [], ...more,
  });
  const lat = (id: string) => positions.get(id)?.fix?.lat;

  beforeEach(() => {
    positions = new Positions();
    handlers = new Map();
    subscribed = [];
    serverTime = Date.now();
    sequence = 0;
    feed = new Feed(
      {
        subscribe: (filter, _, handler) => {
          subscribed.push(filter);
          handlers.set(filter, handler);
          return () => handlers.delete(filter);
        },
      },
      "acme",
      positions,
    );
    feed.start();
    subscribed = [];
  });

  it("is complete after a keyframe, and follows the frames after it", () => {
    feed.takeFrame(frame({ keyframe: true, names: [{ index: 1, driver: "d1" }, { index: 2, driver: "d2" }], entries: [entry(1, 10), entry(2, 20)] }));
    feed.takeFrame(frame({ entries: [entry(2, 21)] }));
    expect([lat("d1"), lat("d2")]).toEqual([10, 21]);
    expect(subscribed).toEqual([]);
  });

  it("sees a lost frame by its sequence and asks for a keyframe, once", () => {
    feed.takeFrame(frame({ keyframe: true, names: [{ index: 1, driver: "d1" }], entries: [entry(1, 10)] }));
    sequence += 2;
    feed.takeFrame(frame({ entries: [entry(1, 11)] }));
    sequence += 1;
    feed.takeFrame(frame({ entries: [entry(1, 12)] }));
    expect(feed.lost).toBe(3);
    expect(lat("d1")).toBe(12); // what did arrive is right
    expect(subscribed).toEqual(["fleet/acme/live"]);
  });

  it("asks for a keyframe when a frame names nobody it knows", () => {
    feed.takeFrame(frame({ entries: [entry(9, 10)] }));
    expect(positions.size).toBe(0);
    expect(subscribed).toEqual(["fleet/acme/live"]);
  });

  it("forgets the indexes of an earlier epoch", () => {
    feed.takeFrame(frame({ keyframe: true, names: [{ index: 1, driver: "d1" }], entries: [entry(1, 10)] }));
    sequence = 0;
    feed.takeFrame(frame({ epoch: 2, keyframe: true, names: [{ index: 1, driver: "d2" }], entries: [entry(1, 50)] }));
    expect([lat("d1"), lat("d2")]).toEqual([10, 50]);
    feed.takeFrame(frame({ epoch: 2, entries: [entry(1, 51)] }));
    expect(subscribed).toEqual([]);
  });

  it("moves nobody by an index of an earlier epoch", () => {
    feed.takeFrame(frame({ keyframe: true, names: [{ index: 1, driver: "d1" }], entries: [entry(1, 10)] }));
    feed.takeFrame(frame({ epoch: 2, entries: [entry(1, 50)] }));
    expect(lat("d1")).toBe(10);
    expect(subscribed).toEqual(["fleet/acme/live"]);
  });

  it("does not show an old position as new: a keyframe repeats, it does not hear", () => {
    feed.takeFrame(frame({ keyframe: true, names: [{ index: 1, driver: "d1" }], entries: [entry(1, 10, 600_000)] }));
    expect(positions.get("d1")!.seenAt).toBe(serverTime - 600_000);
    feed.takeFrame(frame({ entries: [entry(1, 10, 500_000)] })); // a backlog: heard now, measured then
    expect(positions.get("d1")).toMatchObject({ seenAt: serverTime, fix: { at: serverTime - 500_000 } });
    const seenAt = serverTime;
    feed.takeFrame(frame({ entries: [entry(1, 10, 500_250)] })); // the same fix: the entry is there because the driver left
    expect(positions.get("d1")!.seenAt).toBe(seenAt);
  });

  it("takes presence, duty and battery from their own topics", () => {
    const tell = (leaf: string, body: object) =>
      handlers.get(`fleet/acme/drivers/+/${leaf}`)!(`fleet/acme/drivers/d1/${leaf}`, json(body), {} as never);
    feed.takeFrame(frame({ keyframe: true, names: [{ index: 1, driver: "d1" }], entries: [entry(1, 10)] }));
    tell("presence", { state: "offline", at: "2026-11-22T12:00:00.000Z", reason: "keep-alive" });
    tell("duty", { state: "on" });
    tell("duty", { state: "asleep" });
    tell("health", { battery_pct: 7 });
    expect(positions.get("d1")).toMatchObject({
      presence: "offline", presenceAt: Date.UTC(2026, 10, 22, 12), presenceReason: "keep-alive", duty: "on", fix: { battery: 7, lat: 10 },
    });
  });

  it("stops with everything it started", () => {
    feed.stop();
    expect(handlers.size).toBe(0);
  });
});

import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { ConnectionLostError, PublishError } from "../mqtt/errors";
import type { Fix } from "./fix";
import { Outbox, type OutboxLimits } from "./outbox";
import { OutboxStore, type NumberedFix } from "./outboxStore";

vi.setConfig({ testTimeout: 30_000 }); // for a busy machine
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000 });

const limits: OutboxLimits = { fixes: 100_000, reports: 100, age: 7 * 24 * 3600_000 };
const fixAt = (ms: number): Fix => ({ fix_at: new Date(ms).toISOString(), lat: 59.33, lon: 18.07, source: "phone", trigger: "time" });
const open = async (over: Partial<OutboxLimits> = {}) => Outbox.open(await OutboxStore.open("acme", "d7"), { ...limits, ...over });
const add = async (outbox: Outbox, count: number) => {
  const start = Date.now() - count * 1000;
  for (let i = 0; i < count; i++) await outbox.addFix(fixAt(start + i * 1000));
};

interface Message {
  leaf: string;
  payload: unknown;
  seqs: number[];
  ack(): void;
  refuse(code: number): void;
}

/** The other end of a connection: what arrived and is not yet answered, and how to answer it. */
function broker(answer?: (message: Message) => void) {
  const messages: Message[] = [];
  let most = 0;
  let open = 0;
  const send = (leaf: string, text: string) =>
    new Promise<void>((resolve, reject) => {
      const payload = JSON.parse(text) as unknown;
      const seqs = leaf === "location" ? [payload].flat().map((fix) => (fix as NumberedFix).seq) : [];
      most = Math.max(most, ++open);
      const done = (settle: () => void) => () => (open--, settle());
      const message = { leaf, payload, seqs, ack: done(resolve), refuse: (code: number) => done(() => reject(new PublishError(code)))() };
      messages.push(message);
      answer?.(message);
    });
  return { send, messages, most: () => most, seqs: () => messages.flatMap((m) => m.seqs) };
}

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
});

describe("fixes", () => {
  it("go one by one when connected, and are removed only when acknowledged", async () => {
    const outbox = await open();
    const b = broker();
    outbox.connected(b.send);
    await outbox.addFix(fixAt(Date.now()));
    await until(() => expect(b.messages).toHaveLength(1));
    expect(outbox.state.fixes).toBe(1);
    expect(b.messages[0]).toMatchObject({ leaf: "location", payload: { seq: 1, source: "phone", boot: expect.any(String), sent_at: expect.any(String) } });
    b.messages[0]!.ack();
    await until(() => expect(outbox.state).toMatchObject({ fixes: 0, lastAckAt: expect.any(Number) }));
  });

  it("leave newest first and then oldest first in arrays of at most 500 and 64 KB", async () => {
    const outbox = await open();
    await add(outbox, 1200);
    const b = broker((m) => m.ack());
    outbox.connected(b.send);
    await until(() => expect(outbox.state.fixes).toBe(0));
    expect(b.messages[0]!.seqs).toEqual([1200]);
    expect(b.messages.slice(1).flatMap((m) => m.seqs)).toEqual([...Array(1199).keys()].map((i) => i + 1));
    for (const m of b.messages) {
      expect(m.seqs.length).toBeLessThanOrEqual(500);
      expect(JSON.stringify(m.payload).length).toBeLessThanOrEqual(65_536);
    }
  });

  it("are numbered on after a reload, and what was in flight is sent again", async () => {
    const first = await open();
    const silent = broker();
    first.connected(silent.send);
    await add(first, 3);
    await until(() => expect(silent.seqs()).toContain(1));
    first.close(); // as a crash: nothing was acknowledged

    const second = await open();
    expect(second.state.fixes).toBe(3);
    await second.addFix(fixAt(Date.now()));
    const b = broker((m) => m.ack());
    second.connected(b.send);
    await until(() => expect(second.state.fixes).toBe(0));
    expect(b.seqs().sort()).toEqual([1, 2, 3, 4]);
    const boots = [...silent.messages, ...b.messages].flatMap((m) => [m.payload].flat().map((fix) => (fix as NumberedFix).boot));
    expect(new Set(boots).size).toBe(1);
  });

  it("keep at most 20 messages in flight", async () => {
    const outbox = await open();
    const b = broker();
    outbox.connected(b.send);
    await add(outbox, 60);
    await until(() => expect(b.messages.length).toBeGreaterThanOrEqual(18));
    for (let i = 0; i < b.messages.length || outbox.state.fixes > 0; i++) {
      await until(() => expect(b.messages.length).toBeGreaterThan(i));
      b.messages[i]!.ack();
      await until(() => expect(outbox.state.fixes).toBe(60 - new Set(b.messages.slice(0, i + 1).flatMap((m) => m.seqs)).size));
    }
    expect(b.most()).toBeLessThanOrEqual(20);
    expect(b.seqs().sort((x, y) => x - y)).toEqual([...Array(60).keys()].map((i) => i + 1));
  });

  it("in an array with one that the server cannot take: that one goes, counted, the others arrive", async () => {
    const outbox = await open();
    await add(outbox, 40);
    const accepted: number[] = [];
    const b = broker((m) => {
      if (m.seqs.includes(17)) return m.refuse(0x99);
      accepted.push(...m.seqs);
      m.ack();
    });
    outbox.connected(b.send);
    await until(() => expect(outbox.state).toMatchObject({ fixes: 0, refused: 1 }));
    expect(new Set(accepted).size).toBe(39);
    outbox.close();
    expect((await open()).state.refused).toBe(1);
  });

  it.each([0x80, 0x87, 0x97])("stay when the server answers 0x%x, and go later", async (code) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const outbox = await open();
      let busy = true;
      const b = broker((m) => (busy ? m.refuse(code) : m.ack()));
      outbox.connected(b.send);
      await outbox.addFix(fixAt(Date.now()));
      await vi.waitUntil(() => outbox.state.serverBusy);
      expect(outbox.state.fixes).toBe(1);
      busy = false;
      vi.advanceTimersByTime(30_000);
      vi.useRealTimers();
      await until(() => expect(outbox.state).toMatchObject({ fixes: 0, refused: 0, serverBusy: false }));
    } finally {
      vi.useRealTimers();
    }
  });

  it("survive a lost connection, whose late answers do no harm", async () => {
    const outbox = await open();
    const lost = broker();
    outbox.connected(lost.send);
    await add(outbox, 2);
    outbox.disconnected();
    const b = broker();
    outbox.connected(b.send);
    await until(() => expect(new Set(b.seqs())).toEqual(new Set([1, 2])));
    for (const m of lost.messages) m.ack(); // arrived after all
    for (const m of b.messages) m.ack();
    await until(() => expect(outbox.state.fixes).toBe(0));
  });

  it("are given up, oldest first and counted, beyond the cap and the age limit", async () => {
    const outbox = await open({ fixes: 100 });
    await add(outbox, 130);
    expect(outbox.state.fixes).toBeLessThanOrEqual(100);
    expect(outbox.state.fixes + outbox.state.dropped).toBe(130);
    outbox.close();

    vi.stubGlobal("indexedDB", new IDBFactory());
    const store = await OutboxStore.open("acme", "d7");
    await store.addFix(fixAt(Date.now() - limits.age - 1000));
    await store.addFix(fixAt(Date.now()));
    expect((await Outbox.open(store, limits)).state).toMatchObject({ fixes: 1, dropped: 1 });
  });
});

describe("reports", () => {
  it("go one at a time, in order, over a lost connection too", async () => {
    const outbox = await open();
    await outbox.setDuty({ state: "on", at: "2026-06-01T06:00:00.000Z" });
    await outbox.addReport({ leaf: "shipments/s1/status", payload: { status: "picked_up" } });
    await outbox.setDuty({ state: "off", at: "2026-06-01T14:00:00.000Z" });
    const lost = broker();
    outbox.connected((leaf, payload) => Promise.race([lost.send(leaf, payload), Promise.reject(new ConnectionLostError("gone"))]));
    await until(() => expect(lost.messages).toHaveLength(1));
    outbox.disconnected();
    const b = broker((m) => m.ack());
    outbox.connected(b.send);
    await until(() => expect(outbox.state.reports).toBe(0));
    expect(b.messages.map((m) => m.leaf)).toEqual(["duty", "shipments/s1/status", "duty"]);
    expect(b.most()).toBe(1);
  });

  it("that can never be taken do not hold up the next", async () => {
    const outbox = await open();
    await outbox.addReport({ leaf: "shipments/s1/status", payload: {} });
    await outbox.setDuty({ state: "on", at: "2026-06-01T06:00:00.000Z" });
    const b = broker((m) => (m.leaf === "duty" ? m.ack() : m.refuse(0x87)));
    outbox.connected(b.send);
    await until(() => expect(outbox.state).toMatchObject({ reports: 0, refused: 1 }));
  });

  it("remember the duty over a reload", async () => {
    const outbox = await open();
    await outbox.setDuty({ state: "break", at: "2026-06-01T10:00:00.000Z" });
    outbox.close();
    expect((await open()).duty?.state).toBe("break");
  });
});

it("shows a storage that fails, and counts what it could not keep", async () => {
  const store = await OutboxStore.open("acme", "d7");
  const outbox = await Outbox.open(store, limits);
  store.close();
  await outbox.addFix(fixAt(Date.now()));
  expect(outbox.state).toMatchObject({ storageFailed: true, dropped: 1 });
});

it("keeps what the driver says on a full disk, in the place of the oldest fixes, and tells it until that was read", async () => {
  const store = await OutboxStore.open("acme", "d7");
  const outbox = await Outbox.open(store, limits);
  await add(outbox, 3);
  vi.spyOn(store, "addReport").mockRejectedValueOnce(new DOMException("full", "QuotaExceededError"));
  await outbox.setDuty({ state: "off", at: "2026-06-01T14:00:00.000Z" });
  expect(outbox.state).toMatchObject({ reports: 1, fixes: 2, dropped: 1 });
  expect((await open()).state.dropped).toBe(1);
  await outbox.putAway("dropped");
  expect((await open()).state.dropped).toBe(0);
});

it("keeps the reports of one driver from another", async () => {
  await add(await open(), 2);
  const other = await Outbox.open(await OutboxStore.open("acme", "d8"));
  expect(other.state.fixes).toBe(0);
});

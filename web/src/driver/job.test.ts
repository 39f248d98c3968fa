import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, describe, expect, it, vi } from "vitest";

import { merge, nextStatuses, parseOffer, type Job } from "./job";
import { Jobs } from "./jobs";
import { Outbox } from "./outbox";
import { OutboxStore } from "./outboxStore";

vi.setConfig({ testTimeout: 30_000 }); // for a busy machine
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000 });

const offered = {
  id: "a1",
  state: "offered",
  deadline: "2026-06-01T08:00:00.000Z",
  version: 1,
  shipment: { id: "s1", reference: "PO-4711", pickup: { name: "Depot", lat: 59.3, lon: 18 }, dropoff: { address: "Hornsgatan 1" }, note: "Ring twice" },
};
const job = (over: object = {}): Job => {
  const offer = parseOffer(JSON.stringify({ ...offered, ...over }));
  if (!offer || !("job" in offer)) throw new Error("no job");
  return offer.job;
};

describe("parseOffer", () => {
  it("takes a shipment as an object or by its id", () => {
    expect(job()).toMatchObject({ id: "a1", shipment: "s1", reference: "PO-4711", pickup: { name: "Depot", lat: 59.3, lon: 18 }, answer: "received" });
    expect(job({ shipment: "s9" })).toMatchObject({ shipment: "s9", reference: "s9", pickup: null });
  });

  it.each([
    ["no JSON", "{"],
    ["null", "null"],
    ["an id that would be another topic", JSON.stringify({ ...offered, id: "a/b" })],
    ["a shipment that would be another topic", JSON.stringify({ ...offered, shipment: "#" })],
  ])("refuses %s", (_, payload) => expect(parseOffer(payload)).toBeNull());

  it.each(["withdrawn", "expired", "declined"])("knows that a job that is %s is gone", (state) => {
    expect(parseOffer(JSON.stringify({ ...offered, state }))).toEqual({ gone: "a1", over: false });
  });

  it.each(["delivered", "failed", "returned"])("knows that a shipment that is %s is nothing to do any more", (status) => {
    expect(parseOffer(JSON.stringify({ ...offered, state: "accepted", shipment: { id: "s1", status } }))).toEqual({ gone: "a1", over: true });
  });
});

it("merge keeps what the driver did while the server had not heard of it", () => {
  const mine: Job = { ...job(), answer: "accepted", status: "picked_up" };
  expect(merge(mine, job({ version: 2, shipment: { id: "s1", note: "Ring once" } }))).toMatchObject({
    answer: "accepted",
    status: "picked_up",
    note: "Ring once",
  });
  expect(merge({ ...mine, version: 3 }, job()).note).toBe("Ring twice");
});

it("nextStatuses leads to the delivery, and only after the job was taken", () => {
  let current = job();
  expect(nextStatuses(current)).toEqual([]);
  current = { ...current, answer: "accepted" };
  const way = [];
  for (let [next] = nextStatuses(current); next; [next] = nextStatuses(current)) {
    way.push(next);
    current = { ...current, status: next };
  }
  expect(way).toEqual(["picked_up", "in_transit", "arrived", "delivered"]);
});

describe("Jobs", () => {
  const open = async () => {
    const store = await OutboxStore.open("acme", "d7");
    const outbox = await Outbox.open(store);
    return { outbox, jobs: await Jobs.open(store, outbox) };
  };
  beforeEach(() => void vi.stubGlobal("indexedDB", new IDBFactory()));

  it("answers at once, keeps the job over a reload and its reports in order", async () => {
    const first = await open();
    await first.jobs.receive(JSON.stringify(offered));
    await first.jobs.answer(first.jobs.list[0]!, "accepted");
    await first.jobs.report(first.jobs.list[0]!, "picked_up", { note: "two of three" });
    first.outbox.close();

    const { outbox, jobs } = await open();
    expect(jobs.list).toMatchObject([{ id: "a1", answer: "accepted", status: "picked_up" }]);
    const waiting = (await outbox.waiting(10)).map(({ report }) => [report.leaf, report.payload.state ?? report.payload.status]);
    expect(waiting).toEqual([
      ["assignments/a1/receipt", "received"],
      ["assignments/a1/receipt", "accepted"],
      ["shipments/s1/status", "picked_up"],
    ]);
  });

  it("answers again, in the driver's words, when the server asks again", async () => {
    const { outbox, jobs } = await open();
    await jobs.receive(JSON.stringify(offered));
    await jobs.answer(jobs.list[0]!, "accepted");
    await jobs.receive(JSON.stringify(offered));
    expect(jobs.list).toHaveLength(1);
    expect((await outbox.waiting(10)).map(({ report }) => report.payload.state)).toEqual(["received", "accepted", "accepted"]);
  });

  it("goes on where another phone left off, and says nothing twice", async () => {
    const { jobs } = await open();
    const taken = JSON.stringify({ ...offered, state: "accepted", shipment: { ...offered.shipment, status: "in_transit" } });
    await jobs.receive(taken);
    const [job] = jobs.list;
    expect([job.answer, job.status]).toEqual(["accepted", "in_transit"]);
    await jobs.receive(taken);
    expect(jobs.list[0]).toBe(job);
  });

  it("keeps a job that is done until the server knows, which then may still offer it", async () => {
    const taken = JSON.stringify({ ...offered, state: "accepted", shipment: { ...offered.shipment, status: "arrived" } });
    const first = await open();
    await first.jobs.receive(taken);
    await first.jobs.report(first.jobs.list[0], "delivered");
    first.outbox.close();

    const second = await open();
    await second.jobs.receive(taken);
    expect(second.jobs.list).toMatchObject([{ id: "a1", status: "delivered" }]);
    second.outbox.connected(() => Promise.resolve());
    await until(() => expect(second.outbox.state.reports).toBe(0));
    second.outbox.close();
    expect((await open()).jobs.list).toEqual([]);
  });

  it("tells of a job that was taken and is withdrawn", async () => {
    const { jobs } = await open();
    await jobs.receive(JSON.stringify(offered));
    await jobs.answer(jobs.list[0]!, "accepted");
    await jobs.receive(JSON.stringify({ id: "a1", state: "withdrawn" }));
    expect([jobs.list, jobs.lost]).toEqual([[], { withdrawn: ["PO-4711"], over: [] }]);
    jobs.forget("withdrawn");
    expect(jobs.lost.withdrawn).toEqual([]);
  });

  it("does not call a job withdrawn that another phone has delivered", async () => {
    const { jobs } = await open();
    await jobs.receive(JSON.stringify(offered));
    await jobs.answer(jobs.list[0]!, "accepted");
    await jobs.receive(JSON.stringify({ ...offered, state: "accepted", shipment: { ...offered.shipment, status: "delivered" } }));
    expect([jobs.list, jobs.lost]).toEqual([[], { withdrawn: [], over: ["PO-4711"] }]);
  });

  it("forgets what is withdrawn at once, and what is done with the next visit", async () => {
    const { outbox, jobs } = await open();
    await jobs.receive(JSON.stringify(offered));
    await jobs.receive(JSON.stringify({ ...offered, id: "a2" }));
    await jobs.receive(JSON.stringify({ id: "a1", state: "withdrawn" }));
    expect(jobs.list.map(({ id }) => id)).toEqual(["a2"]);
    expect(jobs.lost.withdrawn).toEqual([]); // it was an offer only
    await jobs.answer(jobs.list[0]!, "declined", "too far");
    expect(jobs.list).toHaveLength(1);
    outbox.connected(() => Promise.resolve());
    await until(() => expect(outbox.state.reports).toBe(0));
    outbox.close();
    expect((await open()).jobs.list).toEqual([]);
  });
});

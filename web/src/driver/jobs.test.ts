import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { beforeEach, expect, it, vi } from "vitest";

import { Jobs } from "./jobs";
import { Outbox } from "./outbox";
import { OutboxStore } from "./outboxStore";

const offer = JSON.stringify({ id: "a1", state: "offered", version: 1, shipment: { id: "s1", reference: "PO-1", status: "assigned" } });

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
});

const open = async () => {
  const store = await OutboxStore.open("acme", "d7");
  const outbox = await Outbox.open(store);
  return { jobs: await Jobs.open(store, outbox), outbox };
};
const said = async (outbox: Outbox) => (await outbox.waiting(100)).map(({ report }) => (report.payload as { state: string }).state);

it("does not take back an answer for having seen the job, which the screen says later", async () => {
  const { jobs, outbox } = await open();
  await jobs.receive(offer);
  const [job] = jobs.list;
  await Promise.all([jobs.answer(job, "accepted"), jobs.answer(job, "seen")]);
  expect(jobs.list[0].answer).toBe("accepted");
  expect(await said(outbox)).toEqual(["received", "accepted"]);
});

it("keeps every change, though the next one comes before it is stored", async () => {
  const { jobs } = await open();
  await jobs.receive(offer);
  const [job] = jobs.list;
  await Promise.all([jobs.answer(job, "accepted"), jobs.report(job, "picked_up"), jobs.receive(offer)]);
  expect(jobs.list[0]).toMatchObject({ answer: "accepted", status: "picked_up" });
});

it("steps back to what the server has when that refused a status, unless the driver has gone on", async () => {
  const { jobs, outbox } = await open();
  await jobs.receive(offer);
  const [job] = jobs.list;
  await jobs.answer(job, "accepted");
  const now = (status: string) => JSON.stringify({ id: "a1", state: "accepted", version: 2, shipment: { id: "s1", reference: "PO-1", status } });
  await jobs.report(job, "arrived");
  await jobs.correct(now("picked_up"));
  expect(jobs.list[0].status).toBe("arrived");
  outbox.connected(() => Promise.resolve());
  await vi.waitFor(() => expect(outbox.state.reports).toBe(0));
  await jobs.correct(now("picked_up"));
  expect(jobs.list[0]).toMatchObject({ answer: "accepted", status: "picked_up" });
  await jobs.correct(now("returned"));
  expect(jobs.list).toEqual([]);
});

it("tells of a job that is withdrawn while the answer is still being stored", async () => {
  const { jobs } = await open();
  await jobs.receive(offer);
  const [job] = jobs.list;
  await Promise.all([jobs.answer(job, "accepted"), jobs.receive(JSON.stringify({ id: "a1", state: "withdrawn" }))]);
  expect(jobs.list).toEqual([]);
  expect(jobs.lost.withdrawn).toEqual(["PO-1"]);
});

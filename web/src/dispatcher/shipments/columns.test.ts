import { expect, it } from "vitest";

import type { Shipment } from "../../api/shapes";
import { byColumn, select } from "./columns";

const now = Date.UTC(2026, 10, 23, 12);
const shipment = (id: string, more: Partial<Shipment>): Shipment => ({
  id, reference: "", status: "created", driver: null, pickup: {}, dropoff: {}, note: "", version: 1,
  created_at: "2026-11-23T08:00:00.000Z", updated_at: "2026-11-23T08:00:00.000Z", ...more,
});
const all = [
  shipment("s1", { dropoff: { to: "2026-11-23T14:00:00.000Z" } }),
  shipment("s2", { dropoff: { to: "2026-11-23T11:00:00.000Z", name: "City Books" }, status: "in_transit", driver: "d7" }),
  shipment("s3", { status: "delivered", dropoff: { to: "2026-11-23T10:00:00.000Z" } }),
  shipment("s4", { status: "delivered", updated_at: "2026-11-23T09:00:00.000Z" }),
  shipment("s5", {}),
];
const ids = (wanted: Partial<Parameters<typeof select>[1]>) => select(all, { search: "", status: "", lateOnly: false, ...wanted }, now).map((s) => s.id);

it("puts what is due first on top, and what is done last by its newest change", () => expect(ids({})).toEqual(["s2", "s1", "s5", "s4", "s3"]));
it("finds by text, status and lateness", () => {
  expect(ids({ search: "books" })).toEqual(["s2"]);
  expect(ids({ search: "D7" })).toEqual(["s2"]);
  expect(ids({ status: "created" })).toEqual(["s1", "s5"]);
  expect(ids({ lateOnly: true })).toEqual(["s2"]);
});
it("sorts into columns", () => expect(byColumn(all).underway.map((s) => s.id)).toEqual(["s2"]));

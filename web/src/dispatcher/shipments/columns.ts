import type { Shipment, ShipmentStatus } from "../../api/shapes";
import { isLate } from "../dispatch";

/** The columns of the board, in the order of the work. */
export const columns = ["open", "offered", "accepted", "underway", "problem", "done"] as const;
export type Column = (typeof columns)[number];

const columnOf: Record<ShipmentStatus, Column> = {
  created: "open", assigned: "offered", accepted: "accepted", picked_up: "underway", in_transit: "underway", arrived: "underway",
  failed: "problem", delivered: "done", returned: "done", cancelled: "done",
};

export interface Wanted {
  search: string;
  /** Empty for all. */
  status: ShipmentStatus | "";
  lateOnly: boolean;
}

const dueOf = ({ dropoff, pickup }: Shipment) => dropoff.to ?? pickup.to ?? "9";

/** The shipments that are wanted: what is late or due first on top, what is done by its newest change. */
export function select(shipments: readonly Shipment[], { search, status, lateOnly }: Wanted, now: number): Shipment[] {
  const text = search.trim().toLocaleLowerCase();
  const has = (value: string | null | undefined) => value?.toLocaleLowerCase().includes(text) ?? false;
  return shipments
    .filter((s) => status === "" || s.status === status)
    .filter((s) => !lateOnly || isLate(s, now))
    .filter((s) => text === "" || [s.reference, s.id, s.driver, s.note, s.pickup.name, s.pickup.address, s.dropoff.name, s.dropoff.address].some(has))
    .sort((a, b) => {
      const done = Number(columnOf[a.status] === "done") - Number(columnOf[b.status] === "done");
      if (done !== 0) return done;
      if (columnOf[a.status] === "done") return b.updated_at < a.updated_at ? -1 : 1;
      return dueOf(a) < dueOf(b) ? -1 : dueOf(a) > dueOf(b) ? 1 : a.id < b.id ? -1 : 1;
    });
}

export function byColumn(shipments: readonly Shipment[]): Record<Column, Shipment[]> {
  const found = Object.fromEntries(columns.map((c) => [c, [] as Shipment[]])) as Record<Column, Shipment[]>;
  for (const shipment of shipments) found[columnOf[shipment.status]].push(shipment);
  return found;
}

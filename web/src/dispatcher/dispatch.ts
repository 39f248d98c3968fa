import type { Rest } from "../api/rest";
import { RefusedError, part } from "../api/rest";
import type { Alert, Assignment, AssignmentState, Shipment, ShipmentStatus } from "../api/shapes";
import type { Session } from "../mqtt/session";
import { concernOfAlert } from "./alerts";
import type { Concern } from "./condition";
import { Ledger } from "./ledger";
import type { Work } from "./positions";

const MOST = 10_000; // of each status
const FINISHED = 1_000; // what is done is history; the newest changes come live
const UNANSWERED = 2 * 60_000; // ms until an offer without an answer needs a dispatcher

/** Statuses in which something is still to be done. */
export const open: readonly ShipmentStatus[] = ["created", "assigned", "accepted", "picked_up", "in_transit", "arrived", "failed"];
const finished: readonly ShipmentStatus[] = ["delivered", "returned", "cancelled"];
export const pending: readonly AssignmentState[] = ["offered", "received", "seen"];

const text = new TextDecoder();

/** Shipments, assignments and alerts of the fleet: read from REST, then kept by what the server publishes. */
export class Dispatch {
  readonly shipments = new Ledger<Shipment>();
  readonly assignments = new Ledger<Assignment>();
  readonly alerts = new Ledger<Alert>();
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly session: Pick<Session, "subscribe">,
    private readonly fleet: string,
    private readonly rest: Rest,
  ) {}

  start() {
    const follow = <T extends { id: string; version: number }>(leaf: string, ledger: Ledger<T>) =>
      this.session.subscribe(`fleet/${this.fleet}/${leaf}/+`, 1, (_, payload) => {
        const item = JSON.parse(text.decode(payload)) as T;
        if (typeof item.id === "string" && typeof item.version === "number") ledger.put(item);
      });
    this.stops.push(follow("shipments", this.shipments), follow("assignments", this.assignments), follow("alerts", this.alerts));
  }

  stop() {
    for (const stop of this.stops.splice(0)) stop();
  }

  /** Reads what is open, and the first page of what is done. */
  async load(signal: AbortSignal): Promise<void> {
    const read = async (status: ShipmentStatus, most: number) =>
      this.shipments.put(...(await this.rest.all<Shipment>("/shipments", { query: { status }, signal }, most)));
    for (const status of open) await read(status, MOST);
    for (const state of [...pending, "accepted"]) this.assignments.put(...(await this.rest.all<Assignment>("/assignments", { query: { state }, signal }, MOST)));
    for (const status of finished) await read(status, FINISHED);
  }

  async loadAlerts(signal: AbortSignal): Promise<void> {
    try {
      this.alerts.put(...(await this.rest.all<Alert>("/alerts", { query: { open: "true" }, signal }, MOST)));
    } catch (error) {
      if (!(error instanceof RefusedError && error.status === 404)) throw error;
    }
  }

  /** Says on the server that somebody looks after an alert, or that it is over. */
  async settle({ id }: Alert, step: "ack" | "close"): Promise<void> {
    this.alerts.put(await this.rest.call<Alert>("POST", `/alerts/${part(id)}/${step}`));
  }

  /** What of their work needs a dispatcher, by driver. */
  concerns(now: number): Map<string, Work> {
    const found = new Map<string, { open: Concern[]; handled: Concern[] }>();
    const add = (driver: string | null, concern: Concern, list: keyof Work = "open") => {
      if (!driver) return;
      const work = found.get(driver) ?? { open: [], handled: [] };
      if (!work[list].includes(concern)) work[list].push(concern);
      found.set(driver, work);
    };
    for (const alert of this.alerts.all()) if (!alert.closed_at) add(alert.driver, concernOfAlert(alert), alert.acked_at ? "handled" : "open");
    // One of a kind that nobody looks after outweighs those that somebody does.
    for (const work of found.values()) work.handled = work.handled.filter((concern) => !work.open.includes(concern));
    for (const shipment of this.shipments.all()) if (isLate(shipment, now)) add(shipment.driver, "late");
    for (const assignment of this.assignments.all()) {
      const since = Date.parse(this.shipments.get(assignment.shipment)?.updated_at ?? "");
      if (pending.includes(assignment.state) && now - since > UNANSWERED) add(assignment.driver, "unanswered");
    }
    return found;
  }
}

const beforePickup: readonly ShipmentStatus[] = ["created", "assigned", "accepted"];

/** Whether its window of time has passed and it is not there yet. */
export function isLate({ status, pickup, dropoff }: Shipment, now: number): boolean {
  if (!open.includes(status)) return false;
  const passed = (to: string | undefined) => to !== undefined && Date.parse(to) < now;
  return passed(dropoff.to) || (beforePickup.includes(status) && passed(pickup.to));
}

/** Where a shipment is fetched or brought. All of it is optional. */
export interface Place {
  name?: string;
  address?: string;
  lat?: number;
  lon?: number;
  from?: string;
  to?: string;
}

/** Statuses that a driver reports (docs/mqtt.md). */
export type Status = "picked_up" | "in_transit" | "arrived" | "delivered" | "failed";

/** An assignment with its shipment, as this phone knows them. */
export interface Job {
  /** Of the assignment. */
  id: string;
  shipment: string;
  reference: string;
  note: string;
  pickup: Place | null;
  dropoff: Place | null;
  /** Until when an answer is wanted. */
  deadline: string | null;
  /** Of the assignment; a message with a lower one is late. */
  version: number;
  /** The driver's answer; it may still be on its way. */
  answer: "received" | "seen" | "accepted" | "declined";
  /** The driver's last report; it may still be on its way. */
  status: Status | null;
}

/** What came down on the `assignments` topic: a job, or that it is none any more, because it was taken back or is over. */
export type Offer = { job: Job } | { gone: string; over: boolean };

/** Whether id may be one (docs/mqtt.md): ids become topics. */
export const isID = (id: string) => /^[A-Za-z0-9_-]{1,64}$/.test(id);
const text = (value: unknown, most = 500) => (typeof value === "string" ? value.slice(0, most) : "");
const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : undefined);
const object = (value: unknown) => (typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null);

function place(value: unknown): Place | null {
  const given = object(value);
  if (!given) return null;
  const known = { name: text(given.name), address: text(given.address), lat: number(given.lat), lon: number(given.lon), from: text(given.from), to: text(given.to) };
  return Object.fromEntries(Object.entries(known).filter(([, v]) => v !== undefined && v !== ""));
}

/** Statuses of a shipment with which nothing is left to do: another phone or the office has said so. */
export const over: readonly unknown[] = ["delivered", "failed", "returned"];

/** What another phone may have reported of a job that is still to be done. */
const underWay: readonly Status[] = ["picked_up", "in_transit", "arrived"];

/** Reads an assignment, with its shipment as an object or by its id alone. Null when it is none. */
export function parseOffer(payload: string): Offer | null {
  let given: Record<string, unknown> | null;
  try {
    given = object(JSON.parse(payload));
  } catch {
    return null;
  }
  if (!given) return null;
  const shipment = object(given.shipment) ?? { id: given.shipment };
  const [id, shipmentId] = [text(given.id), text(shipment.id)];
  if (!isID(id)) return null;
  if (over.includes(shipment.status)) return { gone: id, over: true };
  if (given.state === "withdrawn" || given.state === "expired" || given.state === "declined") return { gone: id, over: false };
  if (!isID(shipmentId)) return null;
  return {
    job: {
      id,
      shipment: shipmentId,
      reference: text(shipment.reference) || shipmentId,
      note: text(shipment.note, 2_000),
      pickup: place(shipment.pickup),
      dropoff: place(shipment.dropoff),
      deadline: text(given.deadline) || null,
      version: number(given.version) ?? 0,
      answer: given.state === "accepted" ? "accepted" : "received",
      status: underWay.find((status) => status === shipment.status) ?? null,
    },
  };
}

/** Joins what came again with what the driver did meanwhile, which may not have reached the server yet. */
export function merge(known: Job | undefined, came: Job): Job {
  if (!known) return came;
  const newer = came.version >= known.version ? came : known;
  return { ...newer, answer: came.answer === "accepted" ? "accepted" : known.answer, status: known.status };
}

/** The statuses that come next, the usual one first. Steps may be left out (the server's table of moves allows it). */
export function nextStatuses(job: Job): Status[] {
  if (job.answer !== "accepted") return [];
  switch (job.status) {
    case null:
      return ["picked_up", "failed"];
    case "picked_up":
      return ["in_transit", "arrived", "failed"];
    case "in_transit":
      return ["arrived", "delivered", "failed"];
    case "arrived":
      return ["delivered", "failed"];
    case "delivered":
    case "failed":
      return [];
  }
}

/** Whether nothing is left to do. */
export const isDone = (job: Job) => job.answer === "declined" || job.status === "delivered" || job.status === "failed";

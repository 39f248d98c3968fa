import { rest, type Rest } from "../api/rest";
import type { Assignment, Shipment } from "../api/shapes";
import { ApiError, type Credentials } from "../mqtt/credentials";
import { isDone, type Job } from "./job";

const MOST = 200; // jobs on one phone
const OPEN: readonly Assignment["state"][] = ["offered", "received", "seen", "accepted"];
const OVER: readonly Shipment["status"][] = ["delivered", "failed", "returned", "cancelled"];

/**
 * Reads the jobs that the server has for this driver, each as it would come on
 * the `assignments` topic: a new phone has none of those taken on another, and
 * what was sent before the subscription stood did not arrive. Of the known ones
 * it tells which are withdrawn.
 */
export async function openJobs(credentials: Credentials, known: readonly Job[]): Promise<string[]> {
  const api = rest(credentials);
  const found = new Map<string, string>();
  for (const state of OPEN) {
    for (const assignment of await api.all<Assignment>("/assignments", { query: { state } }, MOST)) {
      const shipment = await shipmentOf(api, assignment);
      if (shipment) found.set(assignment.id, JSON.stringify({ ...assignment, shipment }));
    }
  }
  for (const { id } of known.filter((job) => !isDone(job) && !found.has(job.id))) {
    if (await isGone(api, id)) found.set(id, JSON.stringify({ id, state: "withdrawn" }));
  }
  return [...found.values()];
}

/** The shipment of an assignment, or null when there is nothing left to do for its driver. */
async function shipmentOf(api: Rest, { shipment: id, driver }: Assignment): Promise<Shipment | null> {
  const shipment = await api.call<Shipment>("GET", `/shipments/${encodeURIComponent(id)}`);
  return !OVER.includes(shipment.status) && shipment.driver === driver ? shipment : null;
}

/** Asked for each one: a list was read page by page and may lack what came meanwhile. */
async function isGone(api: Rest, id: string): Promise<boolean> {
  try {
    const assignment = await api.call<Assignment>("GET", `/assignments/${encodeURIComponent(id)}`);
    return !OPEN.includes(assignment.state) || (await shipmentOf(api, assignment)) === null;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false; // another service publishes jobs of its own
    throw error;
  }
}

import { rest, type Rest } from "../api/rest";
import type { Assignment, Shipment } from "../api/shapes";
import { ApiError, type Credentials } from "../mqtt/credentials";
import { isDone, over, type Job } from "./job";

const MOST = 200; // jobs on one phone
const OPEN: readonly Assignment["state"][] = ["offered", "received", "seen", "accepted"];

/**
 * Reads the jobs that the server has for this driver, each as it would come on
 * the `assignments` topic: a new phone has none of those taken on another, and
 * what was sent before the subscription stood did not arrive. Of the known ones
 * it tells which are withdrawn, or over.
 */
export async function openJobs(credentials: Credentials, known: readonly Job[]): Promise<string[]> {
  const api = rest(credentials);
  const found = new Map<string, string>();
  for (const state of OPEN) {
    for (const assignment of await api.all<Assignment>("/assignments", { query: { state } }, MOST)) {
      const shipment = await shipmentOf(api, assignment);
      if (isOpen(assignment, shipment)) found.set(assignment.id, JSON.stringify({ ...assignment, shipment }));
    }
  }
  return [...found.values(), ...(await goneJobs(credentials, known.filter(({ id }) => !found.has(id))))];
}

/** Of the known jobs, tells which are withdrawn, or over, as openJobs does. Asked for each: a list is read page by page and may lack what came meanwhile. */
export async function goneJobs(credentials: Credentials, known: readonly Job[]): Promise<string[]> {
  const api = rest(credentials);
  const gone: string[] = [];
  for (const { id } of known.filter((job) => !isDone(job))) {
    const now = await offerOf(api, id);
    if (now && !now.open) gone.push(now.offer);
  }
  return gone;
}

/** Reads one job as it would come on the `assignments` topic. Null for one that the server does not know. */
export async function jobNow(credentials: Credentials, id: string): Promise<string | null> {
  return (await offerOf(rest(credentials), id))?.offer ?? null;
}

const shipmentOf = (api: Rest, { shipment }: Assignment) => api.call<Shipment>("GET", `/shipments/${encodeURIComponent(shipment)}`);

/** Whether there is something left to do for the assignment's driver. */
const isOpen = ({ state, driver }: Assignment, shipment: Shipment) =>
  OPEN.includes(state) && shipment.driver === driver && shipment.status !== "cancelled" && !over.includes(shipment.status);

async function offerOf(api: Rest, id: string): Promise<{ offer: string; open: boolean } | null> {
  try {
    const assignment = await api.call<Assignment>("GET", `/assignments/${encodeURIComponent(id)}`);
    const withdrawn = { offer: JSON.stringify({ id, state: "withdrawn" }), open: false };
    if (!OPEN.includes(assignment.state)) return withdrawn; // its shipment may be none of the driver's business any more
    const shipment = await shipmentOf(api, assignment);
    const open = isOpen(assignment, shipment);
    const isOver = shipment.driver === assignment.driver && over.includes(shipment.status);
    return open || isOver ? { offer: JSON.stringify({ ...assignment, shipment }), open } : withdrawn;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null; // another service publishes jobs of its own
    throw error;
  }
}

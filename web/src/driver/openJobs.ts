import { rest } from "../api/rest";
import type { Assignment, Shipment } from "../api/shapes";
import type { Credentials } from "../mqtt/credentials";

const MOST = 200; // jobs on one phone

/**
 * Reads the jobs that the server has for this driver, each as it would come on
 * the `assignments` topic: a new phone has none of those taken on another, and
 * an offer that was sent before the subscription stood did not arrive.
 */
export async function openJobs(credentials: Credentials): Promise<string[]> {
  const api = rest(credentials);
  const found: string[] = [];
  for (const state of ["offered", "received", "seen", "accepted"]) {
    for (const assignment of await api.all<Assignment>("/assignments", { query: { state } }, MOST)) {
      const shipment = await api.call<Shipment>("GET", `/shipments/${encodeURIComponent(assignment.shipment)}`);
      const over = ["delivered", "failed", "returned", "cancelled"].includes(shipment.status);
      if (!over && shipment.driver === assignment.driver) found.push(JSON.stringify({ ...assignment, shipment }));
    }
  }
  return found;
}

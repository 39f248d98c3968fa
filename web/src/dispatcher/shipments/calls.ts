import { RefusedError, onceKey, part } from "../../api/rest";
import type { Assignment, Shipment } from "../../api/shapes";
import type { Fleet } from "../useFleet";
import type { ShipmentBody } from "./importRows";

/** Makes a change from the version the user saw. When that is no longer the newest, fetches what is, and throws. */
async function guarded<T>(fleet: Fleet, id: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (error instanceof RefusedError && (error.status === 412 || error.status === 409)) await refresh(fleet, id).catch(() => {});
    throw error;
  }
}

export async function refresh({ rest, dispatch }: Fleet, id: string): Promise<Shipment> {
  const shipment = await rest.call<Shipment>("GET", `/shipments/${part(id)}`);
  dispatch.shipments.put(shipment);
  return shipment;
}

export async function create({ rest, dispatch }: Fleet, body: ShipmentBody, once = onceKey()): Promise<Shipment> {
  const shipment = await rest.call<Shipment>("POST", "/shipments", { body, once });
  dispatch.shipments.put(shipment);
  return shipment;
}

export const patch = (fleet: Fleet, id: string, version: number, body: ShipmentBody) =>
  guarded(fleet, id, async () => {
    const shipment = await fleet.rest.call<Shipment>("PATCH", `/shipments/${part(id)}`, { body, ifMatch: version });
    fleet.dispatch.shipments.put(shipment);
    return shipment;
  });

/** Offers a shipment to a driver, who is to answer within minutes when there are any. */
export const assign = (fleet: Fleet, { id, version }: Shipment, driver: string, minutes?: number) =>
  guarded(fleet, id, async () => {
    const deadline = minutes ? new Date(fleet.positions.now() + minutes * 60_000).toISOString() : undefined;
    const assignment = await fleet.rest.call<Assignment>("POST", `/shipments/${part(id)}/assign`, { body: { driver, deadline }, ifMatch: version, once: onceKey() });
    fleet.dispatch.assignments.put(assignment);
    await refresh(fleet, id);
    return assignment;
  });

export const cancel = (fleet: Fleet, { id, version }: Shipment) =>
  guarded(fleet, id, async () => {
    fleet.dispatch.shipments.put(await fleet.rest.call<Shipment>("POST", `/shipments/${part(id)}/cancel`, { body: {}, ifMatch: version, once: onceKey() }));
  });

export const withdraw = (fleet: Fleet, assignment: Assignment) =>
  guarded(fleet, assignment.shipment, async () => {
    fleet.dispatch.assignments.put(await fleet.rest.call<Assignment>("POST", `/assignments/${part(assignment.id)}/withdraw`));
    await refresh(fleet, assignment.shipment);
  });

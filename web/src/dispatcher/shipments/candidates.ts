import type { Place, Shipment } from "../../api/shapes";
import { open } from "../dispatch";
import { metresBetween } from "../map/mercator";
import type { Driver } from "../positions";

/** A driver who could take a shipment. */
export interface Candidate {
  driver: Driver;
  /** To the place of pickup, in metres; absent when one of the two is not known. */
  metres?: number;
  /** Shipments they have already. */
  jobs: number;
}

const duties = ["on", "unknown", "break", "off"];

/** Who could take it: those on duty first, then by how near they are, then by how little they have to do. */
export function candidates(drivers: readonly Driver[], shipments: readonly Shipment[], pickup: Place | null, search: string): Candidate[] {
  const jobs = new Map<string, number>();
  for (const { driver, status } of shipments) if (driver && open.includes(status)) jobs.set(driver, (jobs.get(driver) ?? 0) + 1);
  const text = search.trim().toLocaleLowerCase();
  const { lat, lon } = pickup ?? {};
  return drivers
    .filter((d) => text === "" || d.id.toLocaleLowerCase().includes(text) || d.name.toLocaleLowerCase().includes(text))
    .map((driver) => ({
      driver,
      jobs: jobs.get(driver.id) ?? 0,
      metres: driver.fix && lat !== undefined && lon !== undefined ? metresBetween(driver.fix, { lat, lon }) : undefined,
    }))
    .sort((a, b) =>
      duties.indexOf(a.driver.duty) - duties.indexOf(b.driver.duty) || compare(a.metres ?? Infinity, b.metres ?? Infinity) || a.jobs - b.jobs ||
      (a.driver.id < b.driver.id ? -1 : 1));
}

const compare = (a: number, b: number) => (a === b ? 0 : a - b); // Infinity − Infinity is no number

import type { Credentials } from "../mqtt/credentials";
import type { Session } from "../mqtt/session";
import { isDone } from "./job";
import type { Jobs } from "./jobs";
import { goneJobs } from "./openJobs";

const PAUSES = [500, 2_000, 10_000]; // ms between looks, until what was heard is in the server's books

/**
 * Learns of jobs that end elsewhere while this phone is connected: when another
 * phone of the driver reports on one, and when somebody looks at this phone
 * again. Returns how to stop that.
 */
export function followOtherPhones(session: Session, topic: (leaf: string) => string, jobs: Jobs, credentials: Credentials): () => void {
  const stopper = new AbortController();
  const { signal } = stopper;

  /** Takes away what is no job any more. id is of a shipment or an assignment; without one all are looked at. */
  const look = async (id?: string) => {
    const known = jobs.list.filter((job) => id === undefined || job.id === id || job.shipment === id);
    for (const gone of await goneJobs(credentials, known)) if (!signal.aborted) await jobs.receive(gone);
    return known.some((job) => jobs.list.some((still) => still.id === job.id && !isDone(still)));
  };
  const lookFor = async (id: string) => {
    for (const pause of PAUSES) {
      await new Promise((resolve) => setTimeout(resolve, pause));
      if (signal.aborted || !(await look(id))) return;
    }
  };

  for (const leaf of ["shipments/+/status", "assignments/+/receipt"]) {
    const stop = session.subscribe(topic(leaf), 1, (heard) => void lookFor(heard.split("/").at(-2)!).catch(failed));
    signal.addEventListener("abort", stop);
  }
  document.addEventListener("visibilitychange", () => document.hidden || session.link !== "live" || void look().catch(failed), { signal });
  return () => stopper.abort();
}

/** It is told again, at the latest with the next connection. */
const failed = (error: unknown) => console.warn("whether jobs are over was not read", error);

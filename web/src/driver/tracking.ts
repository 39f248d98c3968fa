import type { Link } from "../mqtt/session";
import type { OutboxState } from "./outbox";
import type { Gps } from "./useGeolocation";

/** The one thing that a driver wants to know: am I being seen? */
export type Tracking = "off" | "break" | "unsupported" | "denied" | "searching" | "signedOut" | "offline" | "catchingUp" | "live";

/** A reading older than this is no longer called a position. */
const GPS_LOST = 90_000; // ms; a phone that lies still gives few
const ALMOST_EMPTY = 3; // fixes on their way are no backlog

/** Sums it up, the worst first. */
export function trackingOf(duty: "on" | "off" | "break", gps: Gps, link: Link, queue: Pick<OutboxState, "fixes" | "reports">, now: number): Tracking {
  if (duty !== "on") return duty;
  if (gps.state === "unsupported" || gps.state === "denied") return gps.state;
  if (!gps.reading || now - gps.reading.timestamp > GPS_LOST) return "searching";
  if (link === "signedOut") return "signedOut";
  if (link !== "live") return "offline";
  return queue.fixes + queue.reports > ALMOST_EMPTY ? "catchingUp" : "live";
}

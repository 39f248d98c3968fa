import type { Driver } from "./positions";

/** How a vehicle is drawn. The order is that of `shapes` in the vehicle layer's shader. */
export const states = ["moving", "idle", "stale", "offline", "alert"] as const;
export type State = (typeof states)[number];

/** Why a driver needs attention, the most urgent first. */
export const concerns = ["alert", "silent", "unanswered", "late", "noFix", "oldFix", "lowBattery"] as const;
export type Concern = (typeof concerns)[number];
export interface Condition {
  state: State;
  concerns: readonly Concern[];
}

const LOST = 60_000; // ms of silence after a disconnect: shorter is a bridge or a bad cell
const OLD_FIX = 2 * 60_000; // a phone on duty reports every few seconds
const SILENT = 5 * 60_000; // longer than a tunnel
const MOVING = 0.8; // m/s: below it a receiver's noise is as fast
const LOW_BATTERY = 15; // percent

/** Judges a driver at the moment now, by the server's clock. */
export function conditionOf(d: Driver, now: number): Condition {
  let found: Concern[] = [...d.work];
  const working = d.duty === "on" || (d.duty === "unknown" && d.presence === "online");
  const fixAge = d.fix ? now - d.fix.at : Infinity;
  const quiet = now - d.seenAt;
  const away = d.presence === "offline" || (d.presence === "unknown" && quiet > SILENT);
  if (working) {
    if (away) found.push(...(quiet > LOST ? (["silent"] as const) : []));
    else if (!d.fix) found.push("noFix");
    else if (fixAge > OLD_FIX) found.push("oldFix");
  }
  if (!away && d.fix?.battery !== undefined && d.fix.battery < LOW_BATTERY) found.push("lowBattery");

  found = [...new Set(found)].filter((concern) => !d.handled.includes(concern));
  found.sort((a, b) => concerns.indexOf(a) - concerns.indexOf(b));

  let state: State;
  if (found.includes("silent") || found.includes("alert")) state = "alert";
  else if (away) state = "offline";
  else if (fixAge > OLD_FIX) state = "stale";
  else state = d.fix!.speed > MOVING ? "moving" : "idle";
  return { state, concerns: found };
}

/** Where a driver stands in the list: who needs attention first, then who moves, then the rest. */
export function rankOf({ state, concerns: [worst] }: Condition): number {
  return worst ? concerns.indexOf(worst) : concerns.length + states.indexOf(state);
}

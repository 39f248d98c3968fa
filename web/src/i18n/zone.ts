import { useSyncExternalStore } from "react";

// In which time zone hours are shown and days begin: what was chosen on this
// machine, else what the fleet's admin has set, else this machine's own.

/** The time zone of this machine. */
export const machineZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const CHOSEN = "dray.zone";
const FLEETS = "dray.fleetZone"; // of the fleet that was here last: `acme Europe/Berlin`

const listeners = new Set<() => void>();
let chosen = known(localStorage.getItem(CHOSEN));
let fleets = remembered()[1];

/** Which fleet was here last, and its zone. */
function remembered(): [fleet: string, zone: string | null] {
  const [fleet, name] = (localStorage.getItem(FLEETS) ?? "").split(" ");
  return [fleet, known(name ?? null)];
}

/** name when it is an IANA time zone, else null. */
function known(name: string | null): string | null {
  if (!name) return null;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null; // of another browser
  }
}

export const zoneNow = (): string => chosen ?? fleets ?? machineZone;

/** What was chosen here, and what the fleet has; null for nothing. */
export const chosenZone = (): string | null => chosen;
export const fleetZone = (): string | null => fleets;

/** Shows all times in another zone from now on, on this machine; null is the fleet's. */
export function chooseZone(name: string | null) {
  chosen = known(name);
  if (chosen) localStorage.setItem(CHOSEN, chosen);
  else localStorage.removeItem(CHOSEN);
  tell();
}

/** Begins with what is remembered of a fleet, until the server has answered. */
export function recallFleetZone(fleet: string) {
  const [of, zone] = remembered();
  fleets = of === fleet ? zone : null;
  tell();
}

/** Takes what the server says of a fleet; null is not set. */
export function keepFleetZone(fleet: string, name: string | null) {
  localStorage.setItem(FLEETS, `${fleet} ${name ?? ""}`);
  recallFleetZone(fleet);
}

const tell = () => listeners.forEach((listener) => listener());

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export const useZone = (): string => useSyncExternalStore(subscribe, zoneNow);
export const useFleetZone = (): string | null => useSyncExternalStore(subscribe, fleetZone);

/** Returns a function that writes a moment as people of a locale do, in the zone of that moment. */
export function timeFormat(locale: string, options: Intl.DateTimeFormatOptions): (at: number | Date) => string {
  let made: { zone: string; format: Intl.DateTimeFormat } | null = null;
  return (at) => {
    const zone = zoneNow();
    if (made?.zone !== zone) made = { zone, format: new Intl.DateTimeFormat(locale, { ...options, timeZone: zone }) };
    return made.format.format(at);
  };
}

/** Every zone that this browser knows. */
export const allZones = (): readonly string[] => Intl.supportedValuesOf("timeZone");

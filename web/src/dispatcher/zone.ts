import { useSyncExternalStore } from "react";

import { locale } from "./messages";

/** The time zone of this machine. */
export const machineZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const KEY = "dray.zone";
const listeners = new Set<() => void>();
let chosen = known(localStorage.getItem(KEY));

/** name when it is an IANA time zone, else null. */
function known(name: string | null): string | null {
  try {
    return name && new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null; // of another browser
  }
}

/** The fleet's time zone, in which all times are shown: what was chosen here, else this machine's. */
export const zoneNow = (): string => chosen ?? machineZone;

/** Whether the zone was chosen rather than taken from this machine. */
export const isZoneChosen = (): boolean => chosen !== null;

/** Shows all times in another zone from now on, on this machine; null is the machine's own. */
export function setZone(name: string | null) {
  chosen = known(name);
  if (chosen) localStorage.setItem(KEY, chosen);
  else localStorage.removeItem(KEY);
  listeners.forEach((listener) => listener());
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export const useZone = (): string => useSyncExternalStore(subscribe, zoneNow);

/** Returns a function that writes a moment in the user's way and the fleet's zone. */
export function timeFormat(options: Intl.DateTimeFormatOptions): (at: number | Date) => string {
  let made: { zone: string; format: Intl.DateTimeFormat } | null = null;
  return (at) => {
    const zone = zoneNow();
    if (made?.zone !== zone) made = { zone, format: new Intl.DateTimeFormat(locale, { ...options, timeZone: zone }) };
    return made.format.format(at);
  };
}

export const clockText = timeFormat({ hour: "2-digit", minute: "2-digit" });
export const secondsText = timeFormat({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const dateText = timeFormat({ dateStyle: "medium" });
/** A day in words, for date fields follow the browser and not the page: Sunday 22 November 2026. */
export const dayText = timeFormat({ dateStyle: "full" });
export const stampText = timeFormat({ dateStyle: "medium", timeStyle: "short" });
export const momentText = timeFormat({ dateStyle: "medium", timeStyle: "medium" });
/** The hour with the zone's short name: 07:02 CET. */
export const zonedClockText = timeFormat({ hour: "2-digit", minute: "2-digit", timeZoneName: "short" });

/** Every zone that this browser knows. */
export const allZones = (): readonly string[] => Intl.supportedValuesOf("timeZone");

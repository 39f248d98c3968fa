import { conditionOf, rankOf, type Condition } from "./condition";
import type { Driver } from "./positions";

export const filters = ["all", "attention", "moving", "offline"] as const;
export type Filter = (typeof filters)[number];

/** A driver and how it is judged now. */
export interface Entry {
  driver: Driver;
  condition: Condition;
}

export interface Roster {
  /** Who needs attention first; among equals by name, so that rows do not jump about. */
  entries: Entry[];
  /** How many drivers each filter shows, whatever the search. */
  counts: Record<Filter, number>;
}

const collator = new Intl.Collator(undefined, { numeric: true });

/** Judges, filters and orders the drivers for the list. */
export function rosterOf(drivers: readonly Driver[], now: number, filter: Filter, search: string): Roster {
  const counts: Record<Filter, number> = { all: 0, attention: 0, moving: 0, offline: 0 };
  const wanted = search.trim().toLocaleLowerCase();
  const found: (Entry & { rank: number; label: string })[] = [];
  for (const driver of drivers) {
    const condition = conditionOf(driver, now);
    for (const f of filters) if (shows(f, condition)) counts[f]++;
    const label = driver.name || driver.id;
    const matches = wanted === "" || label.toLocaleLowerCase().includes(wanted) || driver.id.toLocaleLowerCase().includes(wanted);
    if (matches && shows(filter, condition)) found.push({ driver, condition, rank: rankOf(condition), label });
  }
  found.sort((a, b) => a.rank - b.rank || collator.compare(a.label, b.label));
  return { entries: found, counts };
}

function shows(filter: Filter, { state, concerns }: Condition): boolean {
  switch (filter) {
    case "all": return true;
    case "attention": return concerns.length > 0;
    case "moving": return state === "moving";
    case "offline": return state === "offline" || state === "alert";
  }
}

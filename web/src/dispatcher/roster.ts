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
const labelOf = (d: Driver) => d.name || d.id;

/**
 * Judges, filters and orders the drivers for the list, every second. Comparing
 * names is most of the work and names hardly change, so it remembers their order.
 */
export class RosterKeeper {
  private labels: string[] = []; // by slot
  private order: number[] = []; // slots by label

  of(drivers: readonly Driver[], now: number, filter: Filter, search: string): Roster {
    this.sort(drivers);
    const counts: Record<Filter, number> = { all: 0, attention: 0, moving: 0, offline: 0 };
    const wanted = search.trim().toLocaleLowerCase();
    const ranks: Entry[][] = [];
    for (const slot of this.order) {
      const driver = drivers[slot];
      const condition = conditionOf(driver, now);
      for (const f of filters) if (shows(f, condition)) counts[f]++;
      if (!shows(filter, condition) || !matches(driver, wanted)) continue;
      (ranks[rankOf(condition)] ??= []).push({ driver, condition });
    }
    return { entries: ranks.flat(), counts };
  }

  private sort(drivers: readonly Driver[]) {
    if (drivers.length === this.labels.length && drivers.every((d, slot) => this.labels[slot] === labelOf(d))) return;
    const labels = drivers.map(labelOf);
    this.labels = labels;
    this.order = drivers.map((d) => d.slot).sort((a, b) => collator.compare(labels[a], labels[b]));
  }
}

const matches = (d: Driver, wanted: string) =>
  wanted === "" || labelOf(d).toLocaleLowerCase().includes(wanted) || d.id.toLocaleLowerCase().includes(wanted);

function shows(filter: Filter, { state, concerns }: Condition): boolean {
  switch (filter) {
    case "all": return true;
    case "attention": return concerns.length > 0;
    case "moving": return state === "moving";
    case "offline": return state === "offline" || state === "alert";
  }
}

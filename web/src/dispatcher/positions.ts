import type { Concern } from "./condition";

/** Whether a driver is connected, as the server last said. */
export type Presence = "online" | "offline" | "unknown";
export type Duty = "on" | "off" | "break" | "unknown";

/** What one source says of one driver. What it does not say is absent and changes nothing. Times are ms since 1970, server's clock. */
export interface Update {
  driver: string;
  name?: string;
  duty?: Duty;
  presence?: Presence;
  presenceAt?: number;
  presenceReason?: string;
  fix?: Fix;
  /** When the server last heard of this driver. */
  seenAt?: number;
  flags?: readonly string[];
  /** What of their work needs a dispatcher. */
  work?: readonly Concern[];
  /** What somebody looks after already. */
  handled?: readonly Concern[];
}

export interface Fix {
  at: number;
  lat: number;
  lon: number;
  /** Metres per second, NaN when not known; likewise below. */
  speed: number;
  heading: number;
  accuracy?: number;
  battery?: number;
}

/** All that is known of one driver. A new object after each change, so that React can compare. */
export interface Driver {
  readonly id: string;
  readonly slot: number;
  readonly name: string;
  readonly duty: Duty;
  readonly presence: Presence;
  readonly presenceAt: number;
  readonly presenceReason: string;
  readonly fix: Fix | null;
  readonly seenAt: number;
  readonly flags: readonly string[];
  readonly work: readonly Concern[];
  readonly handled: readonly Concern[];
}

/** What of a driver's work and alerts needs a dispatcher, and what has one already. */
export interface Work {
  open: readonly Concern[];
  handled: readonly Concern[];
}

const noWork: Work = { open: [], handled: [] };

const NOTIFY_EVERY = 250; // ms: React draws at most four times a second, the map reads the arrays each frame

/**
 * The newest position of every driver, fed by live frames, presence and REST
 * snapshots in any order: the newest fix wins, whoever brings it. Not React
 * state: components read slices through useSyncExternalStore.
 */
export class Positions {
  private readonly drivers: Driver[] = [];
  private readonly slots = new Map<string, number>();
  private readonly changed = new Set<number>();
  private readonly listeners = new Set<() => void>();
  private notifying: ReturnType<typeof setTimeout> | undefined;

  /** How far the server's clock is ahead of this machine's, in ms. */
  clockSkew = 0;

  /** The time by the server's clock, in which all ages are told. */
  now(): number {
    return Date.now() + this.clockSkew;
  }

  get size(): number {
    return this.drivers.length;
  }

  get(id: string): Driver | undefined {
    const slot = this.slots.get(id);
    return slot === undefined ? undefined : this.drivers[slot];
  }

  /** Every driver, by slot. A slot is for good: drivers leave with the page. */
  all(): readonly Driver[] {
    return this.drivers;
  }

  put(update: Update) {
    const known = this.get(update.driver);
    const d = known ?? this.add(update.driver);
    const newer = update.fix !== undefined && (d.fix === null || update.fix.at > d.fix.at);
    const same = update.fix !== undefined && update.fix.at === d.fix?.at;
    const next: Driver = {
      id: d.id,
      slot: d.slot,
      name: update.name || d.name,
      duty: update.duty ?? d.duty,
      flags: update.flags ?? d.flags,
      work: update.work ?? d.work,
      handled: update.handled ?? d.handled,
      // The snapshot may be older than what MQTT has told meanwhile.
      ...((update.presenceAt ?? 0) >= d.presenceAt && update.presence
        ? { presence: update.presence, presenceAt: update.presenceAt ?? 0, presenceReason: update.presenceReason ?? "" }
        : { presence: d.presence, presenceAt: d.presenceAt, presenceReason: d.presenceReason }),
      // A frame knows where, the snapshot also how accurate and with how much battery.
      fix: newer ? { battery: d.fix?.battery, ...update.fix! } : same ? { ...d.fix!, ...update.fix! } : d.fix,
      seenAt: Math.max(d.seenAt, update.seenAt ?? 0, update.fix?.at ?? 0),
    };
    if (known && equal(d, next)) return;
    this.drivers[d.slot] = next;
    this.changed.add(d.slot);
    this.notifying ??= setTimeout(() => this.notify(), NOTIFY_EVERY);
  }

  /** Enters what of their work and alerts needs a dispatcher, for all drivers at once. */
  setWork(work: ReadonlyMap<string, Work>) {
    for (const { id, work: before, handled: handledBefore } of this.drivers) {
      const { open, handled } = work.get(id) ?? noWork;
      if (open.join() !== before.join() || handled.join() !== handledBefore.join()) this.put({ driver: id, work: open, handled });
    }
  }

  /** Forgets where everybody was: for a replay, which alone goes back in time. */
  forgetFixes() {
    for (const d of this.drivers) {
      this.drivers[d.slot] = { ...d, fix: null, seenAt: 0 };
      this.changed.add(d.slot);
    }
    this.notifying ??= setTimeout(() => this.notify(), NOTIFY_EVERY);
  }

  /** The slots that changed since the last call. For one reader: the map. */
  takeChanged(): number[] {
    const slots = [...this.changed];
    this.changed.clear();
    return slots;
  }

  /** Calls listener after changes, at most four times a second; returns how to stop that. */
  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private add(id: string): Driver {
    const slot = this.drivers.length;
    const driver: Driver = {
      id, slot, name: "", duty: "unknown", presence: "unknown", presenceAt: 0, presenceReason: "", fix: null, seenAt: 0, flags: [], work: [], handled: [],
    };
    this.drivers.push(driver);
    this.slots.set(id, slot);
    return driver;
  }

  private notify() {
    this.notifying = undefined;
    for (const listener of this.listeners) listener();
  }
}

function equal(a: Driver, b: Driver): boolean {
  return (
    a.name === b.name && a.duty === b.duty && a.presence === b.presence && a.presenceAt === b.presenceAt &&
    a.seenAt === b.seenAt && a.flags.join() === b.flags.join() && a.work.join() === b.work.join() && a.handled.join() === b.handled.join() &&
    (a.fix === b.fix || (a.fix?.at === b.fix?.at && a.fix?.battery === b.fix?.battery && a.fix?.accuracy === b.fix?.accuracy))
  );
}

/** Anything that counts its changes. */
export interface Versioned {
  id: string;
  version: number;
}

const NOTIFY_EVERY = 100; // ms

/**
 * The newest version of everything of one kind, from REST and MQTT in any
 * order: the higher version wins, whoever brings it.
 */
export class Ledger<T extends Versioned> {
  private readonly entries = new Map<string, T>();
  private readonly listeners = new Set<() => void>();
  private notifying: ReturnType<typeof setTimeout> | undefined;
  private list: readonly T[] | null = null;

  get(id: string): T | undefined {
    return this.entries.get(id);
  }

  put(...items: readonly T[]) {
    for (const item of items) {
      const known = this.entries.get(item.id);
      if (known && known.version >= item.version) continue;
      this.entries.set(item.id, item);
      this.list = null;
    }
    if (!this.list) this.notifying ??= setTimeout(() => this.notify(), NOTIFY_EVERY);
  }

  remove(id: string) {
    if (!this.entries.delete(id)) return;
    this.list = null;
    this.notify();
  }

  /** All of them; the same array until something changes, so that React can compare. */
  all = (): readonly T[] => (this.list ??= [...this.entries.values()]);

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  private notify() {
    clearTimeout(this.notifying);
    this.notifying = undefined;
    for (const listener of this.listeners) listener();
  }
}

import type { OutboxStore } from "./outboxStore";

/** What a dispatcher wrote to this driver. */
export interface Message {
  /** Of the command that brought it. */
  id: string;
  text: string;
  /** When it came, in ms since 1970. */
  at: number;
  /** The driver has put it away. It is kept, so that the same one again is known. */
  read: boolean;
}

const MOST = 20; // kept on the phone, the newest first

/** The dispatchers' messages to this driver; they outlive a reload. */
export class DispatchMessages {
  private readonly listeners = new Set<() => void>();

  private constructor(
    private readonly store: OutboxStore,
    public list: readonly Message[],
  ) {}

  static async open(store: OutboxStore): Promise<DispatchMessages> {
    return new DispatchMessages(store, (await store.get("messages")) ?? []);
  }

  /** Calls listener after every change of list; returns how to stop that. */
  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Keeps a message that came on the `commands` topic; the same one again changes nothing. */
  async receive(id: string, text: string): Promise<void> {
    if (this.list.some((known) => known.id === id)) return;
    await this.keep([{ id, text, at: Date.now(), read: false }, ...this.list].slice(0, MOST));
  }

  /** The driver puts a message away. */
  putAway(id: string): Promise<void> {
    return this.keep(this.list.map((message) => (message.id === id ? { ...message, read: true } : message)));
  }

  private async keep(list: readonly Message[]) {
    this.list = list;
    for (const listener of this.listeners) listener();
    await this.store.put("messages", list);
  }
}

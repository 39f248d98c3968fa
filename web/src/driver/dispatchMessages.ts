import { commandReceipt } from "./commands";
import type { Outbox } from "./outbox";
import type { OutboxStore, Report } from "./outboxStore";

/** What a dispatcher wrote to this driver. */
export interface Message {
  /** Of the command that brought it. */
  id: string;
  text: string;
  /** When it came, in ms since 1970. */
  at: number;
  /** It was on the screen. */
  seen: boolean;
  /** The driver has put it away. It is kept, so that the same one again is known. */
  read: boolean;
}

const MOST = 20; // kept on the phone, the newest first

/** The dispatchers' messages to this driver; they outlive a reload. */
export class DispatchMessages {
  private readonly listeners = new Set<() => void>();

  private constructor(
    private readonly outbox: Outbox,
    public list: readonly Message[],
  ) {}

  static async open(store: OutboxStore, outbox: Outbox): Promise<DispatchMessages> {
    return new DispatchMessages(outbox, (await store.get("messages")) ?? []);
  }

  /** Calls listener after every change of list; returns how to stop that. */
  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Keeps a message that came on the `commands` topic, and answers, each time: that it came again says that the server has no answer yet. */
  async receive(id: string, text: string): Promise<void> {
    const known = this.list.some((message) => message.id === id);
    const list = known ? this.list : [{ id, text, at: Date.now(), seen: false, read: false }, ...this.list].slice(0, MOST);
    await this.keep(list, commandReceipt(id, "received"));
  }

  /** The message was on the screen. */
  async see(id: string): Promise<void> {
    if (this.list.some((message) => message.id === id && !message.seen)) await this.keep(this.with(id, { seen: true }), commandReceipt(id, "seen"));
  }

  /** The driver puts the message away: it is done with. */
  putAway(id: string): Promise<void> {
    return this.keep(this.with(id, { seen: true, read: true }), commandReceipt(id, "done"));
  }

  private with(id: string, change: Partial<Message>): Message[] {
    return this.list.map((message) => (message.id === id ? { ...message, ...change } : message));
  }

  private async keep(list: readonly Message[], receipt: Report) {
    this.list = list;
    for (const listener of this.listeners) listener();
    await this.outbox.addReport(receipt, { messages: list });
  }
}

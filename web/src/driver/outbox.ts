import { Backoff } from "../mqtt/backoff";
import { PublishError } from "../mqtt/errors";
import type { Fix } from "./fix";
import { Flight, oneMessage, type Send } from "./flight";
import type { Change, Meta, NumberedFix, OutboxStore, Report, StoredFix } from "./outboxStore";

/** What the screen shows of the outbox. */
export interface OutboxState {
  fixes: number;
  reports: number;
  /** When the server last took something, in ms since 1970. */
  lastAckAt: number | null;
  /** Fixes given up because too many or too old were waiting, and not put away yet. */
  dropped: number;
  /** Reports and fixes that the server will never take, and not put away yet. */
  refused: number;
  /** The server answers that it cannot take anything now. */
  serverBusy: boolean;
  /** The phone's storage fails: what is measured may be lost. */
  storageFailed: boolean;
}

export interface OutboxLimits {
  fixes: number;
  reports: number;
  age: number; // ms
}

const LIMITS: OutboxLimits = { fixes: 100_000, reports: 10_000, age: 7 * 24 * 3600_000 };
const WINDOW = 20; // publishes in flight; two of them are kept for the newest fix and for reports
const BATCH = 500; // fixes in one array (docs/mqtt.md)
const CHECK_AGE_EVERY = 100; // fixes

const NOT_AUTHORIZED = 0x87;
const PERMANENT = new Set([0x90, 0x95, 0x99]); // topic name invalid, packet too large, payload format invalid

/**
 * Keeps what a driver reports until the server has acknowledged it. The newest
 * fix goes first and alone, since dispatchers wait for it; the backlog follows
 * in arrays, oldest first. Reports go one at a time, in their order.
 *
 * Everything may be sent twice (the acknowledgement can be lost) and the server
 * stores it once, by `boot` and `seq`.
 */
export class Outbox {
  private flight: Flight | null = null;
  private pumping = false;
  private pumpAgain = false;
  private resume: ReturnType<typeof setTimeout> | undefined;
  private added = 0;
  private readonly backoff = new Backoff();
  private readonly listeners = new Set<() => void>();

  private constructor(
    private readonly store: OutboxStore,
    private readonly limits: OutboxLimits,
    /** The duty that was last chosen on this phone. */
    public duty: Meta["duty"] | undefined,
    public state: OutboxState,
  ) {}

  static async open(store: OutboxStore, limits = LIMITS): Promise<Outbox> {
    const [counts, duty, lastAckAt = null, dropped = 0, refused = 0] = await Promise.all([
      store.counts(),
      store.get("duty"),
      store.get("lastAckAt"),
      store.get("dropped"),
      store.get("refused"),
    ]);
    const outbox = new Outbox(store, limits, duty, {
      ...counts,
      lastAckAt,
      dropped,
      refused,
      serverBusy: false,
      storageFailed: false,
    });
    await outbox.trim();
    return outbox;
  }

  /** Calls listener after every change of state; returns how to stop that. */
  onChange = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Begins to send. */
  connected(send: Send) {
    const flight = (this.flight = new Flight(send));
    void this.guard(async () => {
      const newest = await this.store.newestFix();
      flight.newest ??= newest; // unless a newer one came meanwhile
      await this.pump();
    });
  }

  /** Stops sending; what was under way counts as not sent. */
  disconnected() {
    this.flight = null;
    clearTimeout(this.resume);
    this.set({ serverBusy: false });
  }

  /** Ends with the page or the sign-out; the database stays. */
  close() {
    this.disconnected();
    this.store.close();
  }

  addFix(fix: Fix): Promise<void> {
    return this.guard(async () => {
      const stored = await this.makingRoom(() => this.store.addFix(fix)).catch(() => null);
      if (!stored) return this.set({ dropped: this.state.dropped + 1, storageFailed: true });
      this.set({ fixes: this.state.fixes + 1, storageFailed: false });
      if (this.flight) this.flight.newest = stored;
      if (this.state.fixes > this.limits.fixes || ++this.added % CHECK_AGE_EVERY === 0) await this.trim();
      await this.pump();
    });
  }

  /**
   * Keeps a report and what it changes, in the place of the oldest fixes when
   * the disk is full. Throws when the phone cannot, or when too many wait: it
   * is the driver's word and never goes unsaid.
   */
  async addReport(report: Report, change: Change = {}): Promise<void> {
    if (this.state.reports >= this.limits.reports) throw new Error("too many reports wait");
    await this.makingRoom(() => this.store.addReport(report, change));
    this.duty = change.duty ?? this.duty;
    this.set({ reports: this.state.reports + 1 });
    void this.guard(() => this.pump());
  }

  /** Keeps a change of duty, which outlives a reload. Throws as addReport does. */
  setDuty(duty: Meta["duty"]): Promise<void> {
    return this.addReport({ leaf: "duty", payload: duty }, { duty });
  }

  /** The reports that wait, in their order. */
  waiting(limit: number) {
    return this.store.reports(limit);
  }

  /** The driver has read how many were dropped, or refused. */
  putAway(name: "dropped" | "refused"): Promise<void> {
    return this.guard(() => this.count(name, -this.state[name]));
  }

  /** Writes, once more in the place of the oldest fixes when the disk is full. */
  private async makingRoom<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (this.state.fixes === 0) throw error;
      await this.giveUp(Math.ceil(this.state.fixes / 100));
      return write();
    }
  }

  /** Sends what the window has room for. Runs once at a time; a call during a run makes it run again. */
  private async pump() {
    this.pumpAgain = true;
    if (this.pumping) return;
    this.pumping = true;
    try {
      while (this.pumpAgain) {
        this.pumpAgain = false;
        const flight = this.flight;
        if (!flight || this.state.serverBusy) continue;
        this.sendNewest(flight);
        await this.sendReport(flight);
        await this.sendBacklog(flight);
      }
    } finally {
      this.pumping = false;
    }
  }

  private sendNewest(flight: Flight) {
    const { newest } = flight;
    if (!newest || flight.messages >= WINDOW) return;
    flight.newest = null;
    if (!flight.keys.has(newest.key)) void this.deliver(flight, [newest]);
  }

  private async sendReport(flight: Flight) {
    if (flight.reporting || this.state.reports === 0 || flight.messages >= WINDOW) return;
    flight.reporting = true;
    const first = await this.store.firstReport();
    if (!first || flight !== this.flight) {
      flight.reporting = false;
      return;
    }
    const { leaf, payload } = first.report;
    void this.attempt(flight, leaf, JSON.stringify(payload), async (outcome) => {
      if (outcome !== "retry") {
        await this.store.removeReport(first.key); // when that fails, the lane rests until the next connection
        if (outcome === "refused") await this.count("refused", 1);
        await this.recount();
      }
      flight.reporting = false;
    });
  }

  private async sendBacklog(flight: Flight) {
    while (flight === this.flight && flight.messages < WINDOW - 2) {
      let batch = flight.parts.shift();
      if (!batch) {
        if (this.state.fixes <= flight.keys.size) return;
        const next = await this.store.fixesAfter(flight.after, BATCH);
        if (next.length === 0 || flight !== this.flight) return;
        batch = oneMessage(next);
        flight.after = batch.at(-1)!.key;
        batch = batch.filter(({ key }) => !flight.keys.has(key));
      }
      if (batch.length > 0) void this.deliver(flight, batch);
    }
  }

  private deliver(flight: Flight, batch: StoredFix[]) {
    const sentAt = new Date().toISOString();
    const fixes = batch.map(({ fix }): NumberedFix & { sent_at: string } => ({ ...fix, sent_at: sentAt }));
    const keys = batch.map(({ key }) => key);
    for (const key of keys) flight.keys.add(key);
    return this.attempt(flight, "location", JSON.stringify(fixes.length === 1 ? fixes[0] : fixes), async (outcome) => {
      if (outcome === "done") await this.store.removeFixes(keys);
      else if (outcome === "refused" && batch.length > 1) {
        const half = batch.length >> 1;
        flight.parts.push(batch.slice(0, half), batch.slice(half)); // until the one at fault is alone
      } else if (outcome === "refused") {
        await this.store.removeFixes(keys);
        await this.count("refused", 1);
      } else flight.after = 0; // all that is not under way is read again
      for (const key of keys) flight.keys.delete(key);
      if (outcome !== "retry") await this.recount();
    });
  }

  /** Sends one message and settles it. Nothing is settled when the connection is lost: the next one begins anew. */
  private async attempt(flight: Flight, leaf: string, payload: string, settle: (outcome: "done" | "refused" | "retry") => Promise<void>) {
    flight.messages++;
    try {
      let outcome: "done" | "refused" | "retry" = "done";
      try {
        await flight.send(leaf, payload);
        this.backoff.reset();
        this.set({ lastAckAt: Date.now() });
        await this.store.put("lastAckAt", Date.now());
      } catch (error) {
        if (!(error instanceof PublishError)) return;
        // A driver whose right to report positions is taken away by mistake still has a day's worth of them here.
        const never = PERMANENT.has(error.code) || (error.code === NOT_AUTHORIZED && leaf !== "location");
        outcome = never ? "refused" : "retry";
        if (!never) this.holdOff(flight);
      }
      await settle(outcome);
    } catch {
      this.set({ storageFailed: true });
    } finally {
      flight.messages--;
      void this.guard(() => this.pump());
    }
  }

  /** The server cannot take more now: wait before the next attempt. */
  private holdOff(flight: Flight) {
    if (flight !== this.flight) return;
    this.set({ serverBusy: true });
    clearTimeout(this.resume);
    this.resume = setTimeout(() => {
      this.set({ serverBusy: false });
      void this.guard(() => this.pump());
    }, this.backoff.next());
  }

  /** Holds the outbox to its limits. */
  private async trim() {
    const over = this.state.fixes - this.limits.fixes;
    await this.giveUp(over > 0 ? over + Math.floor(this.limits.fixes / 100) : 0); // some at a time, since a cursor is slow
  }

  /** Gives up the oldest surplus fixes, and those beyond the age limit. */
  private async giveUp(surplus: number) {
    const removed = await this.store.trim(surplus, new Date(Date.now() - this.limits.age).toISOString());
    if (removed === 0) return;
    await this.count("dropped", removed);
    await this.recount();
  }

  private async count(name: "dropped" | "refused", by: number) {
    this.set({ [name]: this.state[name] + by });
    await this.store.put(name, this.state[name]);
  }

  private async recount() {
    this.set(await this.store.counts());
  }

  /** Runs task; a database that fails is shown, and the next fix tries again. */
  private async guard(task: () => Promise<void>) {
    try {
      await task();
    } catch {
      this.set({ storageFailed: true });
    }
  }

  private set(change: Partial<OutboxState>) {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

import { openDB, type DBSchema, type IDBPDatabase } from "idb";

import type { Message } from "./dispatchMessages";
import type { Fix } from "./fix";
import type { Job } from "./job";
import { randomID } from "./randomID";

/** A fix as it waits; `seq` counts up within one `boot`, so that the server sees duplicates and gaps exactly. */
export type NumberedFix = Fix & { boot: string; seq: number };
export type StoredFix = { key: number; fix: NumberedFix };

/** What a driver said besides the position. leaf is the topic below the driver's own. */
export interface Report {
  leaf: string;
  payload: Record<string, unknown>;
}
export type StoredReport = { key: number; report: Report };

/** What outlives a reload besides the queues. */
export interface Meta {
  boot: string;
  seq: number;
  lastAckAt: number;
  dropped: number;
  refused: number;
  duty: { state: "on" | "off" | "break"; at: string };
  /** From dispatchers, not put away yet; the newest first. */
  messages: readonly Message[];
}

interface Schema extends DBSchema {
  fixes: { key: number; value: NumberedFix };
  reports: { key: number; value: Report };
  jobs: { key: string; value: Job };
  meta: { key: keyof Meta; value: Meta[keyof Meta] };
}

/** What a report changes on the phone. It is kept with the report: one never without the other. */
export interface Change {
  duty?: Meta["duty"];
  job?: Job;
  messages?: Meta["messages"];
}

// A phone's battery dies without asking: what was measured is on the disk before it counts as kept.
const DURABLE = { durability: "strict" } as const;

/** The IndexedDB database of one driver: the outbox and the jobs. Each driver has one, so that nobody's reports leave under another's name. Keys are in the order of arrival. */
export class OutboxStore {
  private constructor(private readonly db: IDBPDatabase<Schema>) {}

  static async open(fleet: string, driver: string): Promise<OutboxStore> {
    const db = await openDB<Schema>(`dray-outbox/${fleet}/${driver}`, 1, {
      upgrade(db) {
        db.createObjectStore("fixes", { autoIncrement: true });
        db.createObjectStore("reports", { autoIncrement: true });
        db.createObjectStore("jobs", { keyPath: "id" });
        db.createObjectStore("meta");
      },
      blocking: (_from, _to, event) => (event.target as IDBDatabase).close(),
    });
    return new OutboxStore(db);
  }

  close() {
    this.db.close();
  }

  async get<K extends keyof Meta>(name: K): Promise<Meta[K] | undefined> {
    return (await this.db.get("meta", name)) as Meta[K] | undefined;
  }

  async put<K extends keyof Meta>(name: K, value: Meta[K]) {
    await this.db.put("meta", value, name);
  }

  /** Numbers fix and keeps it, in one transaction: no number is used twice. */
  async addFix(fix: Fix): Promise<StoredFix> {
    const tx = this.db.transaction(["fixes", "meta"], "readwrite", DURABLE);
    const meta = tx.objectStore("meta");
    const boot = ((await meta.get("boot")) as string | undefined) ?? randomID();
    const seq = (((await meta.get("seq")) as number | undefined) ?? 0) + 1;
    const numbered = { ...fix, boot, seq };
    const [key] = await Promise.all([tx.objectStore("fixes").add(numbered), meta.put(boot, "boot"), meta.put(seq, "seq"), tx.done]);
    return { key, fix: numbered };
  }

  /** Keeps a report and what it changes, in one transaction. */
  async addReport(report: Report, { duty, job, messages }: Change = {}): Promise<void> {
    const tx = this.db.transaction(["reports", "jobs", "meta"], "readwrite", DURABLE);
    await Promise.all([
      tx.objectStore("reports").add(report),
      duty && tx.objectStore("meta").put(duty, "duty"),
      job && tx.objectStore("jobs").put(job),
      messages && tx.objectStore("meta").put(messages, "messages"),
      tx.done,
    ]);
  }

  jobs(): Promise<Job[]> {
    return this.db.getAll("jobs");
  }

  async removeJob(id: string) {
    await this.db.delete("jobs", id);
  }

  async counts(): Promise<{ fixes: number; reports: number }> {
    const tx = this.db.transaction(["fixes", "reports"]);
    const [fixes, reports] = await Promise.all([tx.objectStore("fixes").count(), tx.objectStore("reports").count()]);
    return { fixes, reports };
  }

  async newestFix(): Promise<StoredFix | null> {
    const cursor = await this.db.transaction("fixes").store.openCursor(null, "prev");
    return cursor && { key: cursor.key, fix: cursor.value };
  }

  /** The oldest fixes after key, at most limit. */
  async fixesAfter(key: number, limit: number): Promise<StoredFix[]> {
    const range = IDBKeyRange.lowerBound(key, true);
    const { store } = this.db.transaction("fixes");
    const [keys, fixes] = await Promise.all([store.getAllKeys(range, limit), store.getAll(range, limit)]);
    return keys.map((key, i) => ({ key, fix: fixes[i]! }));
  }

  async firstReport(): Promise<StoredReport | null> {
    const cursor = await this.db.transaction("reports").store.openCursor();
    return cursor && { key: cursor.key, report: cursor.value };
  }

  async reports(limit: number): Promise<StoredReport[]> {
    const { store } = this.db.transaction("reports");
    const [keys, reports] = await Promise.all([store.getAllKeys(null, limit), store.getAll(null, limit)]);
    return keys.map((key, i) => ({ key, report: reports[i]! }));
  }

  async removeFixes(keys: readonly number[]) {
    const tx = this.db.transaction("fixes", "readwrite");
    await Promise.all([...keys.map((key) => tx.store.delete(key)), tx.done]);
  }

  async removeReport(key: number) {
    await this.db.delete("reports", key);
  }

  /** Removes the oldest fixes: surplus of them, and then all from before oldest (RFC 3339). Returns how many went. */
  async trim(surplus: number, oldest: string): Promise<number> {
    const tx = this.db.transaction("fixes", "readwrite");
    let removed = 0;
    for (let c = await tx.store.openCursor(); c && (removed < surplus || c.value.fix_at < oldest); c = await c.continue()) {
      await c.delete();
      removed++;
    }
    await tx.done;
    return removed;
  }
}

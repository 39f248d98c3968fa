import type { StoredFix } from "./outboxStore";

/** Publishes at QoS 1 below the driver's topic; resolves with the PUBACK, rejects with PublishError or when the connection is lost. */
export type Send = (leaf: string, payload: string) => Promise<void>;

const BATCH_BYTES = 64_000; // of payload; the texts in it are ASCII
const SENT_AT_BYTES = 40; // added to each fix when it is sent

/** One connection and what is under way on it. */
export class Flight {
  messages = 0;
  reporting = false;
  readonly keys = new Set<number>();
  /** The newest fix, when it has not been sent. */
  newest: StoredFix | null = null;
  /** Parts of a batch in which the server found something that it cannot take. */
  readonly parts: StoredFix[][] = [];
  /** The backlog up to this key is under way. */
  after = 0;
  constructor(readonly send: Send) {}
}

/** The first of fixes that fit into one message, and at least one. */
export function oneMessage(fixes: StoredFix[]): StoredFix[] {
  let size = 2;
  const end = fixes.findIndex(({ fix }, i) => {
    size += JSON.stringify(fix).length + SENT_AT_BYTES + 1;
    return size > BATCH_BYTES && i > 0;
  });
  return end < 0 ? fixes : fixes.slice(0, end);
}

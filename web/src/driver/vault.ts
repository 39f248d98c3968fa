import { openDB, type DBSchema } from "idb";

import type { Tokens, Vault } from "../mqtt/credentials";
import { randomID } from "./randomID";

interface Schema extends DBSchema {
  kept: { key: "tokens" | "device"; value: Tokens | string };
}

const database = () => openDB<Schema>("dray-driver", 1, { upgrade: (db) => void db.createObjectStore("kept") });

/**
 * Keeps the tokens in IndexedDB: they must outlive a crash in a tunnel, where
 * nobody can sign in. Only scripts of this origin can read it, and the page's
 * Content-Security-Policy runs none but our own files. They are never in a
 * cookie (which other sites could make the browser send), never in a URL.
 */
export const vault: Vault = {
  async load() {
    const db = await database();
    const tokens = (await db.get("kept", "tokens")) as Tokens | undefined;
    db.close();
    return tokens ?? null;
  },
  async save(tokens) {
    const db = await database();
    await (tokens ? db.put("kept", tokens, "tokens") : db.delete("kept", "tokens"));
    db.close();
  },
};

/** What tells this phone from another of the same driver, in the client id: chosen once. */
export async function deviceSuffix(): Promise<string> {
  const db = await database();
  const tx = db.transaction("kept", "readwrite");
  let suffix = (await tx.store.get("device")) as string | undefined;
  if (!suffix) {
    suffix = `pwa-${randomID().slice(0, 8)}`;
    await tx.store.put(suffix, "device");
  }
  await tx.done;
  db.close();
  return suffix;
}

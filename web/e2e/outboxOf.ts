import type { Page } from "./page";

/** The number of the last fix that the app has kept for a driver; 0 before the first. */
export const lastSeq = (page: Page, driver: string) =>
  page.evaluate(async (name) => {
    const request = indexedDB.open(name);
    const db = await new Promise<IDBDatabase>((resolve) => (request.onsuccess = () => resolve(request.result)));
    const get = db.transaction("meta").objectStore("meta").get("seq");
    const seq = await new Promise<number>((resolve) => (get.onsuccess = () => resolve((get.result as number | undefined) ?? 0)));
    db.close();
    return seq;
  }, nameOf(driver));

/** Leaves in the app's outbox what a time without a network leaves: fixes, each five seconds, the last one age ms ago. */
export const fillOutbox = (page: Page, driver: string, fixes: number, age = 0) =>
  page.evaluate(
    async ({ name, fixes, age }) => {
      const request = indexedDB.open(name);
      const db = await new Promise<IDBDatabase>((resolve) => (request.onsuccess = () => resolve(request.result)));
      const tx = db.transaction(["fixes", "meta"], "readwrite");
      for (let seq = 1; seq <= fixes; seq++) {
        const fix_at = new Date(Date.now() - age - (fixes + 1 - seq) * 5_000).toISOString();
        tx.objectStore("fixes").add({ fix_at, lat: 50 + seq / 10_000, lon: 8, accuracy_m: 10, speed_mps: 12.5, source: "phone", trigger: "time", boot: "b", seq });
      }
      tx.objectStore("meta").put("b", "boot");
      tx.objectStore("meta").put(fixes, "seq");
      await new Promise((resolve) => (tx.oncomplete = resolve));
      db.close();
    },
    { name: nameOf(driver), fixes, age },
  );

const nameOf = (driver: string) => `dray-outbox/acme/${driver}`;

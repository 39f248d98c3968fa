import { useEffect, useState } from "react";
import { registerSW } from "virtual:pwa-register";

const CHECK_EVERY = 3600_000; // ms

/** Starts the worker that waits, and the page anew once it runs. A page older than the first worker is controlled by none, and is not told. */
async function change(start: () => Promise<void>) {
  const worker = (await navigator.serviceWorker.getRegistration())?.waiting;
  if (!worker) return location.reload(); // another tab has started it
  worker.addEventListener("statechange", () => worker.state === "activated" && location.reload());
  await start();
}

/**
 * Registers the service worker, which makes the app start without a network.
 * Returns how to change to a newer version that is ready, else null: only the
 * driver reloads, for it interrupts the tracking by some seconds.
 */
export function useUpdate(): (() => void) | null {
  const [update, setUpdate] = useState<(() => void) | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setInterval> | undefined;
    const reload = registerSW({
      onNeedRefresh: () => setUpdate(() => () => void change(reload)),
      onRegisteredSW: (_, registration) => {
        timer = setInterval(() => void registration?.update().catch(() => {}), CHECK_EVERY);
      },
    });
    return () => clearInterval(timer);
  }, []);
  return update;
}

import { useEffect, useState } from "react";

/**
 * Keeps the screen on while active, since a page that is not on the screen
 * gets no positions. The browser takes the lock away whenever the page is
 * hidden, so it is asked for again when it is back. Returns whether it is held.
 */
export function useWakeLock(active: boolean): boolean {
  const [held, setHeld] = useState(false);
  useEffect(() => {
    if (!active || !("wakeLock" in navigator)) return;
    let lock: WakeLockSentinel | null = null;
    let stopped = false;
    const acquire = async () => {
      if (document.hidden || (lock && !lock.released)) return;
      try {
        const got = await navigator.wakeLock.request("screen");
        if (stopped) return void got.release();
        lock = got;
        setHeld(true);
        got.addEventListener("release", () => setHeld(false));
      } catch {
        setHeld(false); // battery saver, or not allowed: the screen says so
      }
    };
    void acquire();
    document.addEventListener("visibilitychange", acquire);
    return () => {
      stopped = true;
      document.removeEventListener("visibilitychange", acquire);
      void lock?.release();
    };
  }, [active]);
  return active && held;
}

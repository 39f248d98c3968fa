import { useCallback, useEffect, useState } from "react";

const NAME = "dray-driver-tab";

/**
 * Whether this tab is the one that tracks and sends. The others wait for it to
 * close; takeOver makes this one the owner at once. Without Web Locks (pages
 * over plain HTTP, which get no positions either) every tab is.
 */
export function useTabLock(): { mine: boolean; takeOver: () => void } {
  const [mine, setMine] = useState(!("locks" in navigator));
  const [attempt, setAttempt] = useState({ steal: false });

  useEffect(() => {
    if (!("locks" in navigator)) return;
    const waiting = new AbortController();
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const hold = () => {
      setMine(true);
      return held;
    };
    // The two options exclude one another.
    const options: LockOptions = attempt.steal ? { steal: true } : { signal: waiting.signal };
    const request = navigator.locks.request(NAME, options, hold);
    request.catch(() => {
      if (waiting.signal.aborted) return;
      setMine(false); // another tab took over: queue up behind it
      setAttempt({ steal: false });
    });
    return () => {
      waiting.abort();
      release();
    };
  }, [attempt]);

  return { mine, takeOver: useCallback(() => setAttempt({ steal: true }), []) };
}

import { useCallback, useEffect, useRef, useState } from "react";

const NAME = "dray-driver-tab";

interface TabLock {
  /** This tab is the one that tracks and sends. */
  mine: boolean;
  /** Makes it the one at once. */
  takeOver: () => void;
}

/** By Web Locks: the other tabs wait for the one that has it to close. */
function useWebLock(): TabLock {
  const [mine, setMine] = useState(false);
  const [attempt, setAttempt] = useState({ steal: false });

  useEffect(() => {
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

/**
 * For pages over plain HTTP, which have no Web Locks: the tab that asked last
 * has it. Each tells the others when it asked, so that of two at once one
 * remains, and answers a tab whose clock was set back meanwhile.
 */
function useLastAsked(): TabLock {
  const [asked, setAsked] = useState(() => Date.now() + Math.random()); // ms since 1970; two of the same moment differ
  const [mine, setMine] = useState(true);
  const latest = useRef(0);

  useEffect(() => {
    const tabs = new BroadcastChannel(NAME);
    tabs.onmessage = ({ data }: MessageEvent<number>) => {
      latest.current = Math.max(latest.current, data);
      if (data > asked) setMine(false);
      else tabs.postMessage(asked);
    };
    tabs.postMessage(asked);
    return () => tabs.close();
  }, [asked]);

  const takeOver = useCallback(() => {
    setAsked(Math.max(Date.now(), latest.current + 1));
    setMine(true);
  }, []);
  return { mine, takeOver };
}

/** Whether this tab is the one of this phone that tracks and sends. */
export const useTabLock: () => TabLock = "locks" in navigator ? useWebLock : useLastAsked;

import { useCallback, useEffect, useEffectEvent, useRef, useState } from "react";

import type { Reading, Trigger } from "./fix";
import { Sampler, type ReportingConfig } from "./sampler";

/** What the receiver does. Old readings are kept: the screen says how old. */
export interface Gps {
  state: "off" | "unsupported" | "searching" | "denied" | "ok";
  reading: Reading | null;
}

const QUIET = 30_000; // ms after which a receiver that says nothing is asked
const ANSWER = 3_000; // ms until somebody who asked is answered
const WATCH: PositionOptions = { enableHighAccuracy: true, maximumAge: 0, timeout: 30_000 };

/**
 * Watches the position while active and hands on the readings that config
 * makes worth reporting. permission is the browser's word: when it changes the
 * watch begins anew, for one that was denied never recovers by itself.
 */
export function useGeolocation(
  active: boolean,
  permission: string | undefined,
  config: ReportingConfig,
  onReading: (reading: Reading, trigger: Trigger) => void,
): { gps: Gps; locate: () => boolean } {
  const [gps, setGps] = useState<Gps>({ state: "searching", reading: null });
  const sampler = useRef(new Sampler());
  const supported = isSecureContext && "geolocation" in navigator; // over plain HTTP it is there and denies everything
  const report = useEffectEvent(onReading);

  const take = useEffectEvent((reading: Reading, asked: boolean) => {
    setGps({ state: "ok", reading });
    sampler.current.config = config;
    const trigger = asked ? sampler.current.poll(reading) : sampler.current.offer(reading);
    if (trigger) report(reading, trigger);
  });

  const ask = useRef<(() => void) | null>(null);
  useEffect(() => {
    if (!active || !supported) return;
    let asked: ReturnType<typeof setTimeout> | undefined;
    let newest: Reading | null = null;
    sampler.current.reset(); // the first reading of a shift counts
    let heardAt = Date.now();
    const success = (reading: Reading) => {
      heardAt = Date.now();
      newest = reading;
      take(reading, asked !== undefined);
      clearTimeout(asked);
      asked = undefined;
    };
    // Only a denial is final. "Unavailable" and "timeout" come and go, in
    // Chromium before every change with an empty message: the age of the last
    // reading tells the driver more than they do.
    const failure = (error: GeolocationPositionError) => {
      if (error.code === error.PERMISSION_DENIED) setGps({ state: "denied", reading: null });
    };
    const watch = navigator.geolocation.watchPosition(success, failure, WATCH);
    // Some phones report changes only: one that stands still must not look lost.
    const poll = setInterval(() => {
      if (Date.now() - heardAt >= QUIET) navigator.geolocation.getCurrentPosition(success, failure, WATCH);
    }, QUIET / 3);
    ask.current = () => {
      navigator.geolocation.getCurrentPosition(success, failure, WATCH);
      // Some browsers answer that too only when something moves: then the newest reading is the answer.
      asked ??= setTimeout(() => newest && success(newest), ANSWER);
    };
    return () => {
      ask.current = null;
      clearTimeout(asked);
      clearInterval(poll);
      navigator.geolocation.clearWatch(watch);
      setGps({ state: "searching", reading: null });
    };
  }, [active, supported, permission]);

  /** Measures now and makes it a report, whatever it is: somebody asked. False when nothing is measured, off duty. */
  const locate = useCallback(() => {
    ask.current?.();
    return ask.current !== null;
  }, []);

  if (!active) return { gps: { state: "off", reading: null }, locate };
  return { gps: supported ? gps : { state: "unsupported", reading: null }, locate };
}

import type { Reading, Trigger } from "./fix";

/** How often to report: what the server publishes, retained, on the driver's `config` topic. */
export interface ReportingConfig {
  /** Longest time between two fixes while moving. */
  interval_s: number;
  /** A fix also after this way, when it comes sooner. */
  distance_m: number;
}

export const defaultConfig: ReportingConfig = { interval_s: 5, distance_m: 100 };

const clamp = (value: unknown, least: number, most: number, otherwise: number) =>
  typeof value === "number" && Number.isFinite(value) ? Math.min(Math.max(value, least), most) : otherwise;

/** Reads a config payload. What is absent or makes no sense keeps its default; what is extreme is brought into bounds. */
export function parseConfig(payload: string): ReportingConfig {
  let given: Partial<Record<keyof ReportingConfig, unknown>> = {};
  try {
    given = (JSON.parse(payload) as typeof given | null) ?? {};
  } catch {
    // An empty payload clears the retained message: back to the defaults.
  }
  return {
    interval_s: clamp(given.interval_s, 1, 3600, defaultConfig.interval_s),
    distance_m: clamp(given.distance_m, 5, 10_000, defaultConfig.distance_m),
  };
}

const CLOSEST = 1_000; // ms between two fixes, whatever happens
const STANDING_INTERVAL = 30_000; // ms between two fixes on the spot
const CLOCK_SET_BACK = 60_000; // ms; a reading that much older than the last is new, by another clock
const TURN = 30; // degrees, as the server's own thinning keeps them
const TURN_SPEED = 2; // m/s below which a heading wanders by itself
const EARTH = 6_371_008.8; // metres, mean radius

/** Great-circle distance in metres. */
export function distance(a: GeolocationCoordinates, b: GeolocationCoordinates): number {
  const rad = Math.PI / 180;
  const h =
    Math.sin(((b.latitude - a.latitude) * rad) / 2) ** 2 +
    Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad) * Math.sin(((b.longitude - a.longitude) * rad) / 2) ** 2;
  return 2 * EARTH * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Chooses which readings become fixes: a receiver gives one a second, and a parked van has nothing new to say. */
export class Sampler {
  config = defaultConfig;
  private last: Reading | null = null;
  private newest = -Infinity;

  /** Returns why reading is worth a fix, or null when it is not. */
  offer(reading: Reading): Trigger | null {
    if (this.newest - reading.timestamp > CLOCK_SET_BACK) this.forget();
    if (reading.timestamp <= this.newest) return null; // a watch that begins anew may give the same one again
    const trigger = this.judge(reading);
    if (trigger) {
      this.last = reading;
      this.newest = reading.timestamp;
    }
    return trigger;
  }

  /** Takes reading, whatever it is: somebody asked. It may be the newest one again, which is an answer too. */
  poll(reading: Reading): Trigger {
    this.last = reading;
    this.newest = Math.max(this.newest, reading.timestamp);
    return "poll";
  }

  private forget() {
    this.last = null;
    this.newest = -Infinity;
  }

  /** Makes the next new reading count, whatever it is. */
  reset() {
    this.last = null;
  }

  private judge({ coords, timestamp }: Reading): Trigger | null {
    if (!this.last) return "time";
    const { coords: was, timestamp: then } = this.last;
    const elapsed = timestamp - then;
    if (elapsed < CLOSEST) return null;
    const way = distance(was, coords);
    if (way >= Math.max(this.config.distance_m, coords.accuracy)) return "distance";
    if (turned(was, coords) >= TURN) return "turn";
    const still = way < Math.max(10, was.accuracy, coords.accuracy) && (coords.speed ?? 0) < 1;
    const interval = this.config.interval_s * 1_000;
    return elapsed >= (still ? Math.max(interval, STANDING_INTERVAL) : interval) ? "time" : null;
  }
}

/** Degrees between two headings; 0 when either is unknown or too slow to mean anything. */
function turned(a: GeolocationCoordinates, b: GeolocationCoordinates): number {
  if (a.heading === null || b.heading === null || (a.speed ?? 0) < TURN_SPEED || (b.speed ?? 0) < TURN_SPEED) return 0;
  const difference = Math.abs(a.heading - b.heading) % 360;
  return Math.min(difference, 360 - difference);
}

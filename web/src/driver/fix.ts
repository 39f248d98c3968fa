/** One reading of the receiver, timed by the phone (docs/mqtt.md). Absent is not zero. */
export interface Fix {
  fix_at: string;
  lat: number;
  lon: number;
  accuracy_m?: number;
  altitude_m?: number;
  speed_mps?: number;
  heading_deg?: number;
  battery_pct?: number;
  source: "phone";
  trigger: Trigger;
}

export type Trigger = "time" | "distance" | "turn" | "event" | "poll";

/** What the sampler and the screen need of a reading, before it is a fix. */
export type Reading = Pick<GeolocationPosition, "coords" | "timestamp">;

const STANDING = 0.5; // m/s below which a heading says nothing

/** Returns the value rounded to digits when it is a number in [least, most], else undefined. */
function within(value: number | null | undefined, least: number, most: number, digits: number) {
  if (value === null || value === undefined || !Number.isFinite(value) || value < least || value > most) return undefined;
  return Number(value.toFixed(digits));
}

/** Turns the browser's reading into a fix, or null when it is none that the server could take. */
export function toFix({ coords, timestamp }: Reading, trigger: Trigger, battery?: number): Fix | null {
  const lat = within(coords.latitude, -90, 90, 7);
  const lon = within(coords.longitude, -180, 180, 7);
  const accuracy = within(coords.accuracy, 0, 1e7, 1);
  if (lat === undefined || lon === undefined || !Number.isFinite(timestamp)) return null;
  if (lat === 0 && lon === 0 && accuracy === undefined) return null;
  const speed = within(coords.speed, 0, 1e5, 2);
  const standing = speed !== undefined && speed < STANDING;
  const optional = {
    accuracy_m: accuracy,
    altitude_m: within(coords.altitude, -1e7, 1e7, 1),
    speed_mps: speed,
    heading_deg: standing ? undefined : within(coords.heading === 360 ? 0 : coords.heading, 0, 359.99, 1),
    battery_pct: within(battery, 0, 100, 0),
  };
  const known = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return { fix_at: new Date(timestamp).toISOString(), lat, lon, ...known, source: "phone", trigger };
}

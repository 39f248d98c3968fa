// Days and hours as clocks on the walls of a time zone show them. Moments are ms since 1970.

const wallFormats = new Map<string, Intl.DateTimeFormat>();

/** What a clock on a wall in zone shows at a moment, as ms since 1970 as if it were UTC. */
function wallAt(at: number, zone: string): number {
  let format = wallFormats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
    });
    wallFormats.set(zone, format);
  }
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) + (((at % 1_000) + 1_000) % 1_000);
}

/** The moment at which a clock in zone shows wall; where clocks change, the one after an hour that is left out. */
function momentOf(wall: number, zone: string): number {
  const near = wall - (wallAt(wall, zone) - wall);
  return wall - (wallAt(near, zone) - near);
}

/** A moment as a `datetime-local` field holds it: `2026-11-23T07:02`. */
export const toField = (at: number, zone: string): string => new Date(wallAt(at, zone)).toISOString().slice(0, 16);

/** What a `datetime-local` field holds as a moment; NaN for nothing. */
export function fromField(text: string, zone: string): number {
  const wall = Date.parse(`${text}Z`);
  return Number.isNaN(wall) ? NaN : momentOf(wall, zone);
}

/** The day of a moment as `YYYY-MM-DD`. */
export const dayOf = (at: number, zone: string): string => toField(at, zone).slice(0, 10);

/** From midnight to midnight; a day on which the clocks change has 23 or 25 hours. Null for what is no day. */
export function spanOf(day: string, zone: string): { from: number; to: number } | null {
  const wall = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : NaN;
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(0, 10) !== day) return null;
  return { from: momentOf(wall, zone), to: momentOf(wall + 86_400_000, zone) };
}

/** The day that is `by` days later. */
export const shiftDay = (day: string, by: number): string => new Date(Date.parse(`${day}T00:00:00Z`) + by * 86_400_000).toISOString().slice(0, 10);

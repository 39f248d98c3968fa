import { metresBetween } from "../map/mercator";
import { stretches, type Span, type TrackPoint } from "../track";

/** A day as `YYYY-MM-DD`, in the user's time zone. */
export function dayOf(at: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** From midnight to midnight here; a day on which the clocks change has 23 or 25 hours. Null for what is no day. */
export function spanOf(day: string): Span | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day);
  if (!found) return null;
  const [year, month, date] = found.slice(1).map(Number);
  const from = new Date(year, month - 1, date);
  return dayOf(from) === day ? { from: from.getTime(), to: new Date(year, month - 1, date + 1).getTime() } : null;
}

/** The day that is `by` days later. */
export function shiftDay(day: string, by: number): string {
  const [year, month, date] = day.split("-").map(Number);
  return dayOf(new Date(year, month - 1, date + by));
}

export interface Stop extends Span {
  lat: number;
  lon: number;
}

const NEAR = 60; // metres: a receiver's noise in a street
export const SHORTEST_STOP = 3; // minutes

/** Where the driver stayed: at least SHORTEST_STOP within a circle, with no gap in it. */
export function stopsOf(points: readonly TrackPoint[], gaps: readonly Span[]): Stop[] {
  const found: Stop[] = [];
  for (const part of stretches(points, gaps)) {
    for (let start = 0; start < part.length; ) {
      let end = start;
      while (end + 1 < part.length && metresBetween(part[start], part[end + 1]) <= NEAR) end++;
      const [from, to] = [part[start].at, part[end].at];
      if (to - from >= SHORTEST_STOP * 60_000) found.push({ from, to, lat: part[start].lat, lon: part[start].lon });
      start = end + 1;
    }
  }
  return found;
}

/** All gaps of a track: those that the server knows, and those between points that are too far apart in time. */
export function gapsOf(points: readonly TrackPoint[], known: readonly (Span & { missing?: number })[]): (Span & { missing?: number })[] {
  const parts = stretches(points, known);
  const seen = parts.slice(1).map((part, i): Span => ({ from: parts[i].at(-1)!.at, to: part[0].at }));
  return seen.map((gap) => ({ ...gap, missing: known.find((k) => k.from >= gap.from && k.to <= gap.to)?.missing }));
}

/** Where the driver was at a moment, on the straight way between two points; null before, after and in a gap. */
export function placeAt(points: readonly TrackPoint[], gaps: readonly Span[], at: number): TrackPoint | null {
  if (points.length === 0 || gaps.some((gap) => at > gap.from && at < gap.to)) return null;
  let [low, high] = [0, points.length - 1];
  if (at < points[low].at || at > points[high].at) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[middle].at <= at) low = middle;
    else high = middle;
  }
  const [a, b] = [points[low], points[high]];
  const share = b.at === a.at ? 0 : (at - a.at) / (b.at - a.at);
  return { at, lat: a.lat + (b.lat - a.lat) * share, lon: a.lon + (b.lon - a.lon) * share, speed: share < 0.5 ? a.speed : b.speed };
}

import type { Feature, FeatureCollection, LineString } from "geojson";

import { metresBetween } from "./map/mercator";

export interface TrackPoint {
  at: number; // ms
  lat: number;
  lon: number;
  speed: number; // m/s, NaN when not known
}

const GAP = 5 * 60_000; // ms without a point: between its ends nobody knows the way

/** From one moment to another, in ms. */
export interface Span {
  from: number;
  to: number;
}

/** Whether nobody knows the way between two points that follow each other: too long a time passed, or the server knows of a gap. */
const apart = (a: TrackPoint, b: TrackPoint, gaps: readonly Span[]) =>
  b.at - a.at > GAP || gaps.some((gap) => gap.from >= a.at && gap.to <= b.at);

/** Cuts a track at its gaps. */
export function stretches(points: readonly TrackPoint[], gaps: readonly Span[] = []): TrackPoint[][] {
  const out: TrackPoint[][] = [];
  for (const p of points) {
    const current = out.at(-1);
    const last = current?.at(-1);
    if (current && last && !apart(last, p, gaps)) current.push(p);
    else out.push([p]);
  }
  return out;
}

/** The lines to draw: what was driven, and straight across what is not known, marked as a gap. */
export function trackLines(points: readonly TrackPoint[], gaps: readonly Span[] = []): FeatureCollection<LineString> {
  const parts = stretches(points, gaps);
  const line = (of: readonly TrackPoint[], gap: boolean): Feature<LineString> => ({
    type: "Feature", properties: { gap }, geometry: { type: "LineString", coordinates: of.map((p) => [p.lon, p.lat]) },
  });
  const driven = parts.filter((part) => part.length > 1).map((part) => line(part, false));
  const unknown = parts.slice(1).map((part, i) => line([parts[i].at(-1)!, part[0]], true));
  return { type: "FeatureCollection", features: [...driven, ...unknown] };
}

export interface TrackSummary {
  metres: number;
  gaps: number;
  topSpeed: number; // m/s, 0 when no point told
}

/** What was driven for certain: the way across a gap is not counted. */
export function summaryOf(points: readonly TrackPoint[]): TrackSummary {
  const parts = stretches(points);
  let metres = 0;
  for (const part of parts) for (let i = 1; i < part.length; i++) metres += metresBetween(part[i - 1], part[i]);
  const topSpeed = points.reduce((top, p) => (p.speed > top ? p.speed : top), 0);
  return { metres, gaps: Math.max(0, parts.length - 1), topSpeed };
}

/** The path of a speed graph that is width by height: one stroke for each stretch. */
export function speedPath(points: readonly TrackPoint[], width: number, height: number): string {
  const told = points.filter((p) => !Number.isNaN(p.speed));
  if (told.length < 2) return "";
  const [start, span] = [told[0].at, Math.max(1, told[told.length - 1].at - told[0].at)];
  const top = Math.max(1, ...told.map((p) => p.speed));
  const place = (p: TrackPoint) => `${(((p.at - start) / span) * width).toFixed(1)} ${(height - (p.speed / top) * height).toFixed(1)}`;
  return stretches(told).map((part) => `M${part.map(place).join("L")}`).join("");
}

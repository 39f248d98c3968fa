import type { Schemas } from "../../api/client";
import { stretches, type Span, type TrackPoint } from "../track";

/** A trip of a day, or the stop after it. */
export interface Leg extends Span {
  /** Counts the trips, from 1. */
  number: number;
  metres: number;
  ended: Schemas["Trip"]["ended"];
  /** Where the driver stood; null for a trip. */
  stopped: { lat: number; lon: number } | null;
}

/** The trips and stops of a day in the order of time. */
export function journeyOf({ trips, stops }: Schemas["Trips"]): Leg[] {
  const driven = trips.map((trip, i): Leg => ({
    from: Date.parse(trip.from), to: Date.parse(trip.to), number: i + 1, metres: trip.distance_m, ended: trip.ended, stopped: null,
  }));
  const stood = stops.map((stop): Leg => ({ from: Date.parse(stop.from), to: Date.parse(stop.to), number: 0, metres: 0, ended: "stop", stopped: stop.at }));
  return [...driven, ...stood].sort((a, b) => a.from - b.from);
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

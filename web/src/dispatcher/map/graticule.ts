import type { Feature, FeatureCollection, LineString } from "geojson";

export interface Bounds {
  west: number;
  south: number;
  east: number;
  north: number;
}

const steps = [10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001];
const WANTED = 5; // lines across the shorter side

/** Lines of latitude and longitude over bounds, a round number of degrees apart: something to judge distance by where the map has no detail. */
export function graticule(bounds: Bounds): FeatureCollection<LineString> {
  const span = Math.min(bounds.east - bounds.west, bounds.north - bounds.south);
  const step = steps.find((s) => span / s >= WANTED) ?? steps[steps.length - 1];
  const features: Feature<LineString>[] = [];
  const line = (coordinates: [number, number][], degrees: number) =>
    features.push({ type: "Feature", properties: { label: `${Number(degrees.toFixed(3))}°` }, geometry: { type: "LineString", coordinates } });
  for (let i = Math.ceil(bounds.west / step); i * step <= bounds.east; i++) {
    line([[i * step, bounds.south], [i * step, bounds.north]], i * step);
  }
  for (let i = Math.ceil(bounds.south / step); i * step <= bounds.north; i++) {
    line([[bounds.west, i * step], [bounds.east, i * step]], i * step);
  }
  return { type: "FeatureCollection", features };
}

import type { FeatureCollection, Polygon } from "geojson";

import type { Geofence } from "../../api/shapes";

const CORNERS = 64; // of what stands for a circle
const METRES_PER_DEGREE = 111_320; // of latitude

/** Geofences as outlines with their names. */
export function areaShapes(fences: readonly Geofence[]): FeatureCollection<Polygon> {
  return {
    type: "FeatureCollection",
    features: fences.map((fence) => {
      const ring = ringOf(fence);
      return { type: "Feature", properties: { name: fence.name }, geometry: { type: "Polygon", coordinates: [[...ring, ring[0]]] } };
    }),
  };
}

function ringOf({ circle, polygon = [] }: Geofence): [number, number][] {
  if (!circle) return polygon.map(({ lat, lon }) => [lon, lat]);
  const { center: { lat, lon }, radius_m } = circle;
  const [high, wide] = [radius_m / METRES_PER_DEGREE, radius_m / METRES_PER_DEGREE / Math.cos((lat * Math.PI) / 180)];
  return Array.from({ length: CORNERS }, (_, i) => {
    const turn = (i / CORNERS) * 2 * Math.PI;
    return [lon + wide * Math.sin(turn), lat + high * Math.cos(turn)];
  });
}

/** A point in web mercator: x and y from 0 (west, north) to 1 (east, south). */
export interface MercatorPoint {
  x: number;
  y: number;
}

const EARTH = 40_075_016.686; // metres around the equator

export function toMercator(lat: number, lon: number): MercatorPoint {
  const sin = Math.sin((Math.max(-85.05, Math.min(85.05, lat)) * Math.PI) / 180);
  return { x: lon / 360 + 0.5, y: 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI) };
}

/** The map's order, [lon, lat]. */
export function toLngLat({ x, y }: MercatorPoint): [number, number] {
  return [(x - 0.5) * 360, (Math.atan(Math.sinh((0.5 - y) * 2 * Math.PI)) * 180) / Math.PI];
}

/** The distance in metres between two places that are near to one another. */
export function metresBetween(a: { lat: number; lon: number }, b: { lat: number; lon: number }): number {
  const p = toMercator(a.lat, a.lon);
  const q = toMercator(b.lat, b.lon);
  return Math.hypot(p.x - q.x, p.y - q.y) * EARTH * Math.cos((((a.lat + b.lat) / 2) * Math.PI) / 180);
}

import type { FeatureCollection, Point } from "geojson";

import { toLngLat, type MercatorPoint } from "./mercator";

/** Vehicles that would hide one another, drawn as one circle with their number. */
export interface Cluster extends MercatorPoint {
  count: number;
  moving: number;
  /** How many of them need somebody. */
  alerts: number;
  /** Around its vehicles, in mercator. */
  west: number;
  north: number;
  east: number;
  south: number;
}

export interface Clustering {
  clusters: Cluster[];
  /** The slots that are in one. */
  members: Set<number>;
}

/** A vehicle that may be put into a cluster. */
export interface Spot extends MercatorPoint {
  slot: number;
  moving: boolean;
  alert: boolean;
}

const CELL = 56; // px
const LEAST = 5; // vehicles; fewer are drawn one by one
const APART = 44; // px between the centres of two clusters, at least
/** From this zoom on every vehicle is drawn. */
export const CLUSTERS_END = 13;

const none: Clustering = { clusters: [], members: new Set() };

/** Zooms between which the clusters are the same: half a level. */
export const clusterZoom = (zoom: number) => Math.floor(zoom * 2) / 2;

/** Half the size of a cluster's circle in px. */
export const clusterRadius = (count: number) => Math.min(26, 11 + 3.2 * Math.log10(count) ** 1.4);

/**
 * Puts vehicles that are close together at zoom into clusters, by a grid over
 * the world: panning changes nothing. Clusters that would touch become one.
 */
export function clustersOf(spots: readonly Spot[], zoom: number): Clustering {
  if (zoom >= CLUSTERS_END || spots.length < LEAST) return none;
  const world = 512 * 2 ** clusterZoom(zoom); // px
  const cells = new Map<number, Spot[]>();
  const keyOf = (x: number, y: number) => x * 0x100_0000 + y;
  const cellOf = (v: number) => Math.floor((v * world) / CELL);
  for (const spot of spots) {
    const key = keyOf(cellOf(spot.x), cellOf(spot.y));
    const cell = cells.get(key);
    if (cell) cell.push(spot);
    else cells.set(key, [spot]);
  }

  const members = new Set<number>();
  const grid = new Map<number, Cluster>(); // by the cell that its centre is in
  /** A cluster whose centre is within px of a point, if any. */
  const near = (p: MercatorPoint, px: number) => {
    for (let dx = -1; dx <= 1; dx++) {
      for (let dy = -1; dy <= 1; dy++) {
        const other = grid.get(keyOf(cellOf(p.x) + dx, cellOf(p.y) + dy));
        if (other && Math.hypot(other.x - p.x, other.y - p.y) * world < px) return other;
      }
    }
    return undefined;
  };
  const full = [...cells.values()].filter((cell) => cell.length >= LEAST).sort((a, b) => b.length - a.length);
  for (const cell of full) {
    const found = clusterOf(cell);
    const other = near(found, APART);
    if (other) absorb(other, found);
    else grid.set(keyOf(cellOf(found.x), cellOf(found.y)), found);
    for (const { slot } of cell) members.add(slot);
  }
  for (const cell of cells.values()) {
    if (cell.length >= LEAST) continue;
    for (const spot of cell) {
      const other = near(spot, CELL / 2); // under the circle, or nearly
      if (!other) continue;
      absorb(other, clusterOf([spot]));
      members.add(spot.slot);
    }
  }
  return { clusters: [...grid.values()], members };
}

function clusterOf(spots: readonly Spot[]): Cluster {
  const found: Cluster = { x: 0, y: 0, count: spots.length, moving: 0, alerts: 0, west: Infinity, north: Infinity, east: -Infinity, south: -Infinity };
  for (const { x, y, moving, alert } of spots) {
    found.x += x / spots.length;
    found.y += y / spots.length;
    if (moving) found.moving++;
    if (alert) found.alerts++;
    [found.west, found.east] = [Math.min(found.west, x), Math.max(found.east, x)];
    [found.north, found.south] = [Math.min(found.north, y), Math.max(found.south, y)];
  }
  return found;
}

/** Adds a cluster to another, whose centre stays: it is already in the grid by it. */
function absorb(into: Cluster, { count, moving, alerts, west, north, east, south }: Cluster) {
  into.count += count;
  into.moving += moving;
  into.alerts += alerts;
  [into.west, into.east] = [Math.min(into.west, west), Math.max(into.east, east)];
  [into.north, into.south] = [Math.min(into.north, north), Math.max(into.south, south)];
}

/** The circles to draw; label writes a number. */
export const clusterShapes = (clusters: readonly Cluster[], label: (count: number) => string): FeatureCollection<Point> => ({
  type: "FeatureCollection",
  features: clusters.map((c) => ({
    type: "Feature",
    properties: { label: label(c.count), radius: clusterRadius(c.count), alerts: c.alerts, alertsLabel: label(c.alerts) },
    geometry: { type: "Point", coordinates: toLngLat(c) },
  })),
});

import type { FeatureCollection, LineString } from "geojson";
import type { ExpressionSpecification, GeoJSONSource, Map as MapLibre } from "maplibre-gl";

import type { Geofence } from "../../api/shapes";
import { conditionOf, states } from "../condition";
import { locale } from "../messages";
import type { Fix, Positions } from "../positions";
import { trackLines, type TrackPoint } from "../track";
import { areaShapes } from "./areas";
import { clusterRadius, clusterShapes, clusterZoom, clustersOf, type Cluster, type Spot } from "./clusters";
import { BUILTIN, DETAIL_ENDS, basemapStyle, type Scheme } from "./basemap";
import { Glides } from "./glides";
import { graticule } from "./graticule";
import { cssColor, isSoftware, newMap } from "./mapLibre";
import { metresBetween, toLngLat, toMercator } from "./mercator";
import { VehicleLayer, radiusAt, type Palette } from "./vehicleLayer";

const [MOVING, ALERT] = [states.indexOf("moving"), states.indexOf("alert")];
const compact = new Intl.NumberFormat(locale, { notation: "compact" });
const SLOW_FPS = 4; // where a frame is drawn without a GPU it takes both cores
const REACH = 8; // px around a vehicle that still hit it
const nothing: FeatureCollection<LineString> = { type: "FeatureCollection", features: [] };

export interface Hover {
  /** The vehicle, or -1 over a cluster. */
  slot: number;
  cluster: Cluster | null;
  /** Where to put the label, in px of the map. */
  x: number;
  y: number;
}

/** What the map tells. */
export interface FleetMapEvents {
  select(id: string | null): void;
  hover(hover: Hover | null): void;
  /** The user took the map in hand: stop following. */
  grabbed(): void;
  /** Whether the embedded map has nothing more to show at this zoom. */
  detailEnded(ended: boolean): void;
}

/** The map and the vehicles on it. Knows nothing of React; FleetMap.tsx mounts it. */
export class FleetMap {
  private readonly map: MapLibre;
  private readonly glides: Glides;
  private readonly vehicles: VehicleLayer;
  private readonly slow: boolean;
  private readonly stops: (() => void)[] = [];
  private readonly epoch = performance.now();
  private scheme: Scheme;
  private selected: string | null = null;
  private following = false;
  private trail: readonly TrackPoint[] = [];
  private areas: readonly Geofence[] = [];
  private fitted = false;

  constructor(
    container: HTMLElement,
    private readonly positions: Positions,
    scheme: Scheme,
    private readonly source: string,
    private readonly language: string,
    private readonly events: FleetMapEvents,
  ) {
    this.scheme = scheme;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.map = newMap(container, source, () => this.scheme, language, still ? 0 : 200);
    this.slow = still || isSoftware(this.map.getCanvas());
    this.glides = new Glides(still);
    this.vehicles = new VehicleLayer(this.glides, this.clock, this.slow ? SLOW_FPS : Infinity);
    this.map.on("style.load", this.addLayers);
    this.map.on("moveend", this.drawGraticule);
    this.map.on("dragstart", () => this.events.grabbed());
    this.map.on("click", ({ point }) => this.click(point));
    this.map.on("mousemove", ({ point }) => this.hover(point));
    this.map.on("mouseout", () => this.hover(null));
    this.map.on("move", () => this.hover(null));
    this.map.on("zoom", () => clusterZoom(this.map.getZoom()) !== this.clusteredAt && this.cluster());

    this.take(this.positions.all().map((d) => d.slot));
    this.stops.push(this.positions.subscribe(() => this.take(this.positions.takeChanged())));
    const timer = setInterval(() => this.judgeAll(), 1_000); // a position grows old without anything happening
    this.stops.push(() => clearInterval(timer));
  }

  remove() {
    for (const stop of this.stops) stop();
    this.map.remove();
  }

  setScheme(scheme: Scheme) {
    if (scheme === this.scheme) return;
    this.scheme = scheme;
    this.map.setStyle(basemapStyle(this.source, scheme, this.language), { diff: false });
  }

  setSelected(id: string | null) {
    this.selected = id;
    const driver = id === null ? undefined : this.positions.get(id);
    this.vehicles.selected = driver?.slot ?? -1;
    this.cluster(); // the selected one is in none
    if (driver?.fix && !this.map.getBounds().contains([driver.fix.lon, driver.fix.lat])) this.centre(0);
    this.map.triggerRepaint();
  }

  setFollowing(following: boolean) {
    this.following = following;
    if (following) this.centre(13);
  }

  setTrail(points: readonly TrackPoint[]) {
    this.trail = points;
    this.map.getSource<GeoJSONSource>("trail")?.setData(trackLines(points));
  }

  setAreas(areas: readonly Geofence[]) {
    this.areas = areas;
    this.map.getSource<GeoJSONSource>("areas")?.setData(areaShapes(areas));
  }

  /** Brings the selected vehicle to the middle, at least as near as zoom. */
  centre(zoom = 11) {
    const driver = this.selected === null ? undefined : this.positions.get(this.selected);
    if (!driver?.fix) return;
    const centre = toLngLat(this.glides.at(driver.slot, this.clock()));
    this.map.easeTo({ center: centre, zoom: Math.max(this.map.getZoom(), zoom), duration: this.slow ? 0 : 500 });
  }

  /** Shows every vehicle that has a position. */
  fit() {
    let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const { fix } of this.positions.all()) {
      if (!fix) continue;
      [west, east] = [Math.min(west, fix.lon), Math.max(east, fix.lon)];
      [south, north] = [Math.min(south, fix.lat), Math.max(north, fix.lat)];
    }
    if (west > east) return;
    this.map.fitBounds([west, south, east, north], { padding: 72, maxZoom: 12, duration: this.slow ? 0 : 700 });
  }

  zoom(by: 1 | -1) {
    this.map.easeTo({ zoom: this.map.getZoom() + by, duration: this.slow ? 0 : 250 });
  }

  private readonly clock = () => (performance.now() - this.epoch) / 1_000;

  /** Sends the vehicles of slots on their way to their newest fix. */
  private take(slots: readonly number[]) {
    const now = this.clock();
    const drivers = this.positions.all();
    for (const slot of slots) {
      const { fix } = drivers[slot];
      if (!fix) this.vanish(slot);
      else if (fix !== this.drawn.get(slot)) this.move(slot, fix, now);
      this.judge(slot);
    }
    if (slots.length === 0) return;
    if (!this.fitted && drivers.some((d) => d.fix)) {
      this.fitted = true;
      this.fit();
    }
    if (this.following) this.follow(now);
    this.map.triggerRepaint();
  }

  private readonly drawn = new Map<number, Fix>();

  private vanish(slot: number) {
    if (this.drawn.delete(slot)) this.glides.hide(slot);
  }

  private move(slot: number, fix: Fix, now: number) {
    const before = this.drawn.get(slot);
    const to = toMercator(fix.lat, fix.lon);
    let heading = fix.heading;
    if (Number.isNaN(heading) && before && metresBetween(before, fix) > 8) {
      const from = toMercator(before.lat, before.lon);
      heading = (Math.atan2(to.x - from.x, from.y - to.y) * 180) / Math.PI;
    }
    this.drawn.set(slot, fix);
    if (!before || before.lat !== fix.lat || before.lon !== fix.lon || before.heading !== fix.heading) this.glides.move(slot, to, heading, now);
  }

  private judge(slot: number): boolean {
    const { state } = conditionOf(this.positions.all()[slot], this.positions.now());
    return this.glides.shape(slot, states.indexOf(state));
  }

  private judgeAll() {
    let changed = false;
    for (const { slot } of this.positions.all()) changed = this.judge(slot) || changed;
    this.cluster();
    if (changed) this.map.triggerRepaint();
  }

  private clusters: readonly Cluster[] = [];
  private clusteredAt = NaN; // zoom
  private clusterData = "";

  /** Counts vehicles that are close together as one; the selected one is always drawn. */
  private cluster() {
    const zoom = this.map.getZoom();
    const now = this.clock();
    const drivers = this.positions.all();
    const { selected } = this.vehicles;
    const spots: Spot[] = [];
    for (const { slot } of drivers) {
      if (slot === selected || !this.glides.placed(slot)) continue;
      const state = this.glides.state(slot);
      spots.push({ slot, ...this.glides.at(slot, now), moving: state === MOVING, alert: state === ALERT });
    }
    const { clusters, members } = clustersOf(spots, zoom);
    this.clusters = clusters;
    this.clusteredAt = clusterZoom(zoom);
    let changed = false;
    for (const { slot } of drivers) changed = this.glides.cluster(slot, members.has(slot)) || changed;
    const near = 1 / (512 * 2 ** zoom); // a pixel: less is not worth drawing anew
    const data = clusters.map((c) => `${Math.round(c.x / near)} ${Math.round(c.y / near)} ${c.count} ${c.alerts}`).join();
    if (data !== this.clusterData) {
      this.clusterData = data;
      this.map.getSource<GeoJSONSource>("clusters")?.setData(clusterShapes(clusters, compact.format));
    }
    if (changed) this.map.triggerRepaint();
  }

  /** Moves the map along with the vehicle, in the same time as its glide. */
  private follow(now: number) {
    const driver = this.selected === null ? undefined : this.positions.get(this.selected);
    if (!driver?.fix) return;
    const duration = this.slow ? 0 : this.glides.duration(driver.slot) * 1_000;
    const start = this.glides.at(driver.slot, now);
    const to = toMercator(driver.fix.lat, driver.fix.lon);
    if (start.x === to.x && start.y === to.y) return;
    this.map.easeTo({ center: [driver.fix.lon, driver.fix.lat], duration, easing: (k) => k });
  }

  private pick(point: { x: number; y: number }) {
    const { lng, lat } = this.map.unproject([point.x, point.y]);
    const pixels = radiusAt(this.map.getZoom(), this.glides.count) + REACH;
    const slot = this.glides.nearest(toMercator(lat, lng), pixels / (512 * 2 ** this.map.getZoom()), this.clock());
    return slot < 0 ? undefined : this.positions.all()[slot];
  }

  private clusterAt(point: { x: number; y: number }): Cluster | undefined {
    return this.clusters.find((cluster) => {
      const { x, y } = this.map.project(toLngLat(cluster));
      return Math.hypot(x - point.x, y - point.y) <= clusterRadius(cluster.count);
    });
  }

  /** Selects a vehicle, or shows the vehicles of a cluster. */
  private click(point: { x: number; y: number }) {
    const driver = this.pick(point);
    const cluster = driver ? undefined : this.clusterAt(point);
    if (!cluster) return this.events.select(driver?.id ?? null);
    const [west, south] = toLngLat({ x: cluster.west, y: cluster.south });
    const [east, north] = toLngLat({ x: cluster.east, y: cluster.north });
    this.events.grabbed();
    this.map.fitBounds([west, south, east, north], { padding: 60, maxZoom: 15, duration: this.slow ? 0 : 500 });
  }

  private hovering = false;

  private hover(point: { x: number; y: number } | null) {
    const slot = point ? (this.pick(point)?.slot ?? -1) : -1;
    const cluster = point && slot < 0 ? (this.clusterAt(point) ?? null) : null;
    const hovering = slot >= 0 || cluster !== null;
    if (!hovering && !this.hovering) return;
    this.hovering = hovering;
    this.map.getCanvas().style.cursor = hovering ? "pointer" : "";
    if (!hovering) return this.events.hover(null);
    const { x, y } = this.map.project(toLngLat(cluster ?? this.glides.at(slot, this.clock())));
    const radius = cluster ? clusterRadius(cluster.count) : radiusAt(this.map.getZoom(), this.glides.count);
    this.events.hover({ slot, cluster, x, y: y - radius });
  }

  /** Adds what is ours to a style that was just loaded. */
  private readonly addLayers = () => {
    const { map } = this;
    const color = cssColor;
    map.addSource("graticule", { type: "geojson", data: nothing });
    map.addLayer({
      id: "graticule", type: "line", source: "graticule", minzoom: 6,
      paint: { "line-color": color("--map-grid"), "line-width": 1, "line-opacity": ["interpolate", ["linear"], ["zoom"], 6, 0, 8, 1] },
    });
    map.addSource("areas", { type: "geojson", data: areaShapes(this.areas) });
    map.addLayer({ id: "areas", type: "fill", source: "areas", paint: { "fill-color": color("--map-trail"), "fill-opacity": 0.08 } });
    map.addLayer({ id: "areas-outline", type: "line", source: "areas", paint: { "line-color": color("--map-trail"), "line-width": 1.5, "line-opacity": 0.7 } });
    map.addLayer({
      id: "areas-names", type: "symbol", source: "areas", minzoom: 8,
      layout: { "text-field": ["get", "name"], "text-size": 12, "text-font": ["Noto Sans Regular"] },
      paint: { "text-color": color("--map-trail"), "text-halo-color": color("--map-casing"), "text-halo-width": 1.5 },
    });
    map.addSource("trail", { type: "geojson", data: trackLines(this.trail) });
    const trail = { type: "line", source: "trail", layout: { "line-cap": "round", "line-join": "round" } } as const;
    map.addLayer({ ...trail, id: "trail-casing", filter: ["!", ["get", "gap"]], paint: { "line-color": color("--map-casing"), "line-width": 6 } });
    map.addLayer({ ...trail, id: "trail", filter: ["!", ["get", "gap"]], paint: { "line-color": color("--map-trail"), "line-width": 3 } });
    map.addLayer({ ...trail, id: "trail-gaps", filter: ["get", "gap"], paint: { "line-color": color("--map-trail"), "line-width": 2, "line-dasharray": [1, 3] } });
    map.addSource("clusters", { type: "geojson", data: clusterShapes(this.clusters, compact.format) });
    map.addLayer({
      id: "clusters", type: "circle", source: "clusters",
      paint: { "circle-radius": ["get", "radius"], "circle-color": color("--map-cluster"), "circle-stroke-color": color("--map-casing"), "circle-stroke-width": 2, "circle-opacity": 0.92 },
    });
    map.addLayer({
      id: "clusters-counts", type: "symbol", source: "clusters",
      layout: { "text-field": ["get", "label"], "text-size": 13, "text-font": ["Noto Sans Bold"], "text-allow-overlap": true, "text-padding": 12 },
      paint: { "text-color": color("--map-cluster-text") },
    });
    // How many of them need somebody, on a corner of the circle.
    const corner: [number, number] = [14, -13];
    const alerted = ["all", ["has", "alerts"], [">", ["get", "alerts"], 0]] as ExpressionSpecification;
    map.addLayer({
      id: "clusters-alerts", type: "circle", source: "clusters", filter: alerted,
      paint: { "circle-radius": 9, "circle-translate": corner, "circle-color": color("--state-alert"), "circle-stroke-color": color("--map-casing"), "circle-stroke-width": 2 },
    });
    map.addLayer({
      id: "clusters-alerts-counts", type: "symbol", source: "clusters", filter: alerted,
      layout: { "text-field": ["get", "alertsLabel"], "text-size": 11, "text-font": ["Noto Sans Bold"], "text-allow-overlap": true, "text-ignore-placement": true },
      paint: { "text-color": color("--map-outline"), "text-translate": corner },
    });
    this.vehicles.palette = paletteOf(color);
    map.addLayer(this.vehicles);
    this.drawGraticule();
  };

  private readonly drawGraticule = () => {
    const zoom = this.map.getZoom();
    this.events.detailEnded(this.source === BUILTIN && zoom > DETAIL_ENDS);
    const bounds = this.map.getBounds();
    const data = zoom < 6 ? nothing : graticule({ west: bounds.getWest(), south: bounds.getSouth(), east: bounds.getEast(), north: bounds.getNorth() });
    this.map.getSource<GeoJSONSource>("graticule")?.setData(data);
  };
}

function paletteOf(color: (name: string) => string): Palette {
  const rgb = (name: string) => color(name).match(/\d+/g)!.slice(0, 3).map((part) => Number(part) / 255) as [number, number, number];
  return { states: states.map((state) => rgb(`--state-${state}`)), outline: rgb("--map-outline"), ring: rgb("--map-ring") };
}

import type { FeatureCollection, Point } from "geojson";
import type { GeoJSONSource, Map as MapLibre } from "maplibre-gl";

import { trackLines, type Span, type TrackPoint } from "../track";
import { basemapStyle, type Scheme } from "./basemap";
import { cssColor, newMap } from "./mapLibre";

interface Place {
  lat: number;
  lon: number;
}

const points = (places: readonly Place[]): FeatureCollection<Point> => ({
  type: "FeatureCollection",
  features: places.map(({ lat, lon }) => ({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: [lon, lat] } })),
});

/** A map of one track: the way, its gaps, where it stopped, and where the driver was at a moment. */
export class TrackMap {
  private readonly map: MapLibre;
  private track: readonly TrackPoint[] = [];
  private gaps: readonly Span[] = [];
  private stops: readonly Place[] = [];
  private cursor: Place | null = null;
  private chosen: readonly TrackPoint[] = [];

  constructor(container: HTMLElement, private readonly source: string, private scheme: Scheme, private readonly language: string) {
    this.map = newMap(container, source, () => this.scheme, language, 0);
    this.map.on("style.load", this.addLayers);
  }

  remove() {
    this.map.remove();
  }

  setScheme(scheme: Scheme) {
    if (scheme === this.scheme) return;
    this.scheme = scheme;
    this.map.setStyle(basemapStyle(this.source, scheme, this.language), { diff: false });
  }

  setTrack(track: readonly TrackPoint[], gaps: readonly Span[], stops: readonly Place[]) {
    [this.track, this.gaps, this.stops] = [track, gaps, stops];
    this.draw("track", trackLines(track, gaps));
    this.draw("stops", points(stops));
    this.fit();
  }

  /** Marks a part of the track and shows it; all of it when empty. */
  setChosen(chosen: readonly TrackPoint[]) {
    if (chosen === this.chosen) return;
    this.chosen = chosen;
    this.draw("chosen", trackLines(chosen));
    this.fit();
  }

  setCursor(cursor: Place | null) {
    this.cursor = cursor;
    this.draw("cursor", points(cursor ? [cursor] : []));
  }

  zoom(by: 1 | -1) {
    this.map.easeTo({ zoom: this.map.getZoom() + by, duration: 0 });
  }

  fit() {
    const shown = this.chosen.length > 0 ? this.chosen : this.track;
    if (shown.length === 0) return;
    let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const { lat, lon } of shown) {
      [west, east, south, north] = [Math.min(west, lon), Math.max(east, lon), Math.min(south, lat), Math.max(north, lat)];
    }
    this.map.fitBounds([west, south, east, north], { padding: 48, maxZoom: 14, duration: 0 });
  }

  private draw(name: string, data: FeatureCollection) {
    this.map.getSource<GeoJSONSource>(name)?.setData(data);
  }

  private readonly addLayers = () => {
    const { map } = this;
    const [line, casing, stop, ring] = ["--map-trail", "--map-casing", "--state-stale", "--map-ring"].map(cssColor);
    map.addSource("track", { type: "geojson", data: trackLines(this.track, this.gaps) });
    const way = { type: "line", source: "track", layout: { "line-cap": "round", "line-join": "round" } } as const;
    map.addLayer({ ...way, id: "casing", filter: ["!", ["get", "gap"]], paint: { "line-color": casing, "line-width": 6 } });
    map.addLayer({ ...way, id: "way", filter: ["!", ["get", "gap"]], paint: { "line-color": line, "line-width": 3 } });
    map.addLayer({ ...way, id: "gaps", filter: ["get", "gap"], paint: { "line-color": line, "line-width": 2, "line-dasharray": [1, 3] } });
    map.addSource("chosen", { type: "geojson", data: trackLines(this.chosen) });
    map.addLayer({ ...way, id: "chosen", source: "chosen", paint: { "line-color": ring, "line-width": 5 } });
    map.addSource("stops", { type: "geojson", data: points(this.stops) });
    map.addLayer({ id: "stops", type: "circle", source: "stops", paint: { "circle-radius": 6, "circle-color": stop, "circle-stroke-color": casing, "circle-stroke-width": 2 } });
    map.addSource("cursor", { type: "geojson", data: points(this.cursor ? [this.cursor] : []) });
    map.addLayer({ id: "cursor", type: "circle", source: "cursor", paint: { "circle-radius": 9, "circle-color": line, "circle-stroke-color": casing, "circle-stroke-width": 3 } });
  };
}

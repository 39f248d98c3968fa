import { useEffect, useEffectEvent, useRef } from "react";

import { language, t } from "../messages";
import type { Span, TrackPoint } from "../track";
import type { Scheme } from "./basemap";
import { MapButton } from "./MapButton";
import { TrackMap } from "./trackMap";

interface Props {
  source: string;
  scheme: Scheme;
  track: readonly TrackPoint[];
  gaps: readonly Span[];
  stops: readonly { lat: number; lon: number }[];
  /** The part to mark; empty for none. */
  chosen: readonly TrackPoint[];
  cursor: { lat: number; lon: number } | null;
}

/** Mounts the map of a track and hands it what changes. */
export default function TrackMapView({ source, scheme, track, gaps, stops, chosen, cursor }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const map = useRef<TrackMap | null>(null);
  const first = useEffectEvent(() => scheme);
  useEffect(() => {
    map.current = new TrackMap(container.current!, source, first(), language);
    return () => map.current?.remove();
  }, [source]);
  useEffect(() => map.current?.setScheme(scheme), [scheme]);
  useEffect(() => map.current?.setTrack(track, gaps, stops), [source, track, gaps, stops]);
  useEffect(() => map.current?.setChosen(chosen), [source, chosen]);
  useEffect(() => map.current?.setCursor(cursor), [source, cursor]);
  return (
    <div className="map" role="region" aria-label={t("map.label")} data-testid="track-map">
      <div ref={container} className="map-canvas" />
      <div className="map-controls">
        <MapButton label={t("map.zoomIn")} path="M8 3v10M3 8h10" onClick={() => map.current?.zoom(1)} />
        <MapButton label={t("map.zoomOut")} path="M3 8h10" onClick={() => map.current?.zoom(-1)} />
        <MapButton label={t("map.fit")} path="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" onClick={() => map.current?.fit()} />
      </div>
    </div>
  );
}

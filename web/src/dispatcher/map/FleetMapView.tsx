import { useEffect, useEffectEvent, useRef, useState, type Ref, useImperativeHandle } from "react";

import type { Geofence } from "../../api/shapes";
import { agesText } from "../age";
import { language, t } from "../messages";
import type { Positions } from "../positions";
import type { TrackPoint } from "../track";
import type { Scheme } from "./basemap";
import { FleetMap, type Hover } from "./fleetMap";
import { MapButton } from "./MapButton";

export interface MapHandle {
  centre(): void;
}

interface Props {
  positions: Positions;
  /** What the configuration key map.source names. */
  source: string;
  scheme: Scheme;
  selected: string | null;
  onSelect: (id: string | null) => void;
  following: boolean;
  onFollow: (follow: boolean) => void;
  trail: readonly TrackPoint[];
  areas: readonly Geofence[];
  ref: Ref<MapHandle>;
}

/** Mounts the map, hands it what changes, and draws the controls and the label over it. */
export default function FleetMapView({ positions, source, scheme, selected, onSelect, following, onFollow, trail, areas, ref }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const map = useRef<FleetMap | null>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  const [ended, setEnded] = useState(false);

  const select = useEffectEvent(onSelect);
  const grabbed = useEffectEvent(() => onFollow(false));
  const firstScheme = useEffectEvent(() => scheme);
  useEffect(() => {
    map.current = new FleetMap(container.current!, positions, firstScheme(), source, language, {
      select: (id) => select(id),
      grabbed: () => grabbed(),
      hover: setHover,
      detailEnded: setEnded,
    });
    return () => map.current?.remove();
  }, [positions, source]);

  useEffect(() => map.current?.setScheme(scheme), [scheme]);
  useEffect(() => map.current?.setSelected(selected), [selected]);
  useEffect(() => map.current?.setFollowing(following), [following]);
  useEffect(() => map.current?.setTrail(trail), [trail]);
  useEffect(() => map.current?.setAreas(areas), [areas]);
  useImperativeHandle(ref, () => ({ centre: () => map.current?.centre() }), []);

  const hovered = hover && hover.slot >= 0 ? positions.all()[hover.slot] : undefined;
  return (
    <div className="map" role="region" aria-label={t("map.label")} data-testid="map">
      <div ref={container} className="map-canvas" />
      {hover && (
        <div className={hover.y < 60 ? "map-label below" : "map-label"} style={{ left: `clamp(110px, ${hover.x}px, 100% - 110px)`, top: hover.y }}>
          <strong>{hovered ? hovered.name || hovered.id : t("count.drivers", { count: hover.cluster?.count ?? 0 })}</strong>
          <span>{hovered ? agesText(hovered, positions.now(), t) : clusterText(hover.cluster)}</span>
        </div>
      )}
      {ended && <MapNote />}
      <div className="map-controls">
        <MapButton label={t("map.zoomIn")} path="M8 3v10M3 8h10" onClick={() => map.current?.zoom(1)} />
        <MapButton label={t("map.zoomOut")} path="M3 8h10" onClick={() => map.current?.zoom(-1)} />
        <MapButton label={t("map.fit")} path="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" onClick={() => map.current?.fit()} />
      </div>
    </div>
  );
}

function clusterText(cluster: Hover["cluster"]): string {
  const moving = t("count.moving", { count: cluster?.moving ?? 0 });
  return cluster?.alerts ? `${moving} · ${t("count.attention", { count: cluster.alerts })}` : moving;
}

const NOTE_READ = "dray.mapNoteRead";

/** Invites to a map with streets, until it was read. */
function MapNote() {
  const [read, setRead] = useState(() => localStorage.getItem(NOTE_READ) !== null);
  if (read) return null;
  const close = () => {
    localStorage.setItem(NOTE_READ, "1");
    setRead(true);
  };
  return (
    <div className="map-note" role="note">
      {t("map.ends")}
      <MapButton label={t("map.endsClose")} path="m4 4 8 8m0-8-8 8" onClick={close} />
    </div>
  );
}

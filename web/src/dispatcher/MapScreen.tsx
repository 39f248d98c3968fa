import { Suspense, lazy, useRef, useState } from "react";

import { DriverList } from "./DriverList";
import type { MapHandle } from "./map/FleetMapView";
import type { Filter, Roster } from "./roster";
import { navigate, pathOf } from "./route";
import { useAreas, useDriver, useMapSource, type Fleet, type Snapshot } from "./useFleet";
import type { Scheme } from "./map/basemap";
import { useTrack } from "./useTrack";

const FleetMapView = lazy(() => import("./map/FleetMapView"));
const DriverDetail = lazy(() => import("./DriverDetail"));
export const canDrawMap = document.createElement("canvas").getContext("webgl2") !== null;

interface Props {
  fleet: Fleet;
  now: number;
  snapshot: Snapshot;
  scheme: Scheme;
  roster: Roster;
  filter: Filter;
  onFilter: (filter: Filter) => void;
  search: string;
  onSearch: (search: string) => void;
  /** The driver that the address names. */
  selected: string | null;
}

/** Who needs attention, everybody else, and where they are. */
export function MapScreen({ fleet, now, snapshot, scheme, roster, filter, onFilter, search, onSearch, selected }: Props) {
  const { positions } = fleet;
  const source = useMapSource(fleet);
  const areas = useAreas(fleet);
  const [followed, setFollowed] = useState<string | null>(null);
  const map = useRef<MapHandle>(null);
  const driver = useDriver(positions, selected);
  const track = useTrack(fleet, selected);
  const following = selected !== null && followed === selected;
  const follow = (on: boolean) => setFollowed(on ? selected : null);
  const select = (id: string | null) => navigate(id === null ? pathOf("map") : pathOf("map", id), selected !== null);

  return (
    <div className="map-screen" onKeyDown={(event) => event.key === "Escape" && select(null)}>
      <DriverList roster={roster} now={now} snapshot={snapshot} filter={filter} onFilter={onFilter}
        search={search} onSearch={onSearch} selected={selected} onSelect={select} />
      <div className="stage">
        {canDrawMap && source !== undefined && (
          <Suspense fallback={<div className="map" />}>
            <FleetMapView ref={map} positions={positions} source={source} scheme={scheme} selected={selected} onSelect={select}
              following={following} onFollow={follow} trail={track.points} areas={areas} />
          </Suspense>
        )}
        {driver && (
          <Suspense fallback={null}>
            <DriverDetail driver={driver} now={now} track={track} following={following} onFollow={follow}
              onCentre={() => map.current?.centre()} onClose={() => select(null)} />
          </Suspense>
        )}
      </div>
    </div>
  );
}

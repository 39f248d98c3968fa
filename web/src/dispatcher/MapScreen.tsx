import { Suspense, lazy, useMemo, useRef, useState } from "react";

import type { Alert } from "../api/shapes";
import { AlertList } from "./AlertList";
import { byDriver, openAlerts } from "./alerts";
import { DriverList } from "./DriverList";
import type { MapHandle } from "./map/FleetMapView";
import type { Filter, Roster } from "./roster";
import { t } from "./messages";
import { navigate, pathOf } from "./route";
import { useAreas, useDriver, useMapSource, type Fleet, type Snapshot } from "./useFleet";
import type { Scheme } from "./map/basemap";
import { useLedger } from "./useLedger";
import { useTrack } from "./useTrack";

const FleetMapView = lazy(() => import("./map/FleetMapView"));
const DriverDetail = lazy(() => import("./DriverDetail"));
export const canDrawMap = document.createElement("canvas").getContext("webgl2") !== null;

const noAlerts: readonly Alert[] = [];

/** The map with a driver, and the list that is beside it. */
export const addressOf = (driver: string | null, alerts: boolean) => (driver === null ? pathOf("map") : pathOf("map", driver)) + (alerts ? "?list=alerts" : "");

function useOpenAlerts({ dispatch }: Fleet): readonly Alert[] {
  const all = useLedger(dispatch.alerts);
  return useMemo(() => openAlerts(all), [all]);
}

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
  /** Whether the list is that of the alerts. */
  showsAlerts: boolean;
}

/** Who needs attention, everybody else, and where they are. */
export function MapScreen({ fleet, now, snapshot, scheme, roster, filter, onFilter, search, onSearch, selected, showsAlerts }: Props) {
  const { positions } = fleet;
  const source = useMapSource(fleet);
  const areas = useAreas(fleet);
  const [followed, setFollowed] = useState<string | null>(null);
  const map = useRef<MapHandle>(null);
  const driver = useDriver(positions, selected);
  const track = useTrack(fleet, selected);
  const following = selected !== null && followed === selected;
  const follow = (on: boolean) => setFollowed(on ? selected : null);
  const alerts = useOpenAlerts(fleet);
  const alertsOf = useMemo(() => byDriver(alerts), [alerts]);
  const unseen = alerts.filter((alert) => !alert.acked_at).length;
  const select = (id: string | null) => navigate(addressOf(id, showsAlerts), selected !== null);

  return (
    <div className="map-screen" onKeyDown={(event) => event.key === "Escape" && select(null)}>
      <section className="list" aria-label={t(showsAlerts ? "alerts.label" : "list.label")}>
        <div className="list-tabs" role="group" aria-label={t("list.views")}>
          <button aria-pressed={!showsAlerts} onClick={() => navigate(addressOf(selected, false), true)} data-testid="view-drivers">
            {t("list.label")} <span className="count">{roster.counts.all}</span>
          </button>
          <button aria-pressed={showsAlerts} onClick={() => navigate(addressOf(selected, true), true)} data-testid="view-alerts">
            {t("alerts.tab")} <span className={unseen > 0 ? "count urgent" : "count"} data-testid="alert-count">{alerts.length}</span>
          </button>
        </div>
        {showsAlerts
          ? <AlertList alerts={alerts} dispatch={fleet.dispatch} positions={positions} now={now} selected={selected} onSelect={select} />
          : <DriverList roster={roster} alerts={alertsOf} now={now} snapshot={snapshot} filter={filter} onFilter={onFilter} search={search} onSearch={onSearch} selected={selected} onSelect={select} />}
      </section>
      <div className="stage">
        {canDrawMap && source !== undefined && (
          <Suspense fallback={<div className="map" />}>
            <FleetMapView ref={map} positions={positions} source={source} scheme={scheme} selected={selected} onSelect={select}
              following={following} onFollow={follow} trail={track.points} areas={areas} />
          </Suspense>
        )}
        {driver && (
          <Suspense fallback={null}>
            <DriverDetail driver={driver} alerts={alertsOf.get(driver.id) ?? noAlerts} dispatch={fleet.dispatch} now={now} track={track} following={following} onFollow={follow}
              onCentre={() => map.current?.centre()} onClose={() => select(null)} />
          </Suspense>
        )}
      </div>
    </div>
  );
}

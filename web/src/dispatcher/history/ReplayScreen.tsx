import { Suspense, lazy, useEffect, useMemo, useState, useSyncExternalStore } from "react";

import "./history.css";
import { RefusedError } from "../../api/rest";
import type { Scheme } from "../map/basemap";
import { canDrawMap } from "../MapScreen";
import { navigate, pathOf } from "../route";
import { useAreas, useMapSource, type Fleet } from "../useFleet";
import { dayOf, fromField, spanOf, toField } from "../wallClock";
import { zoneNow } from "../../i18n/zone";
import { clockText, momentText } from "../times";
import { t } from "./messages";
import { Replayer, speeds, type ReplayState } from "./replayer";

const FleetMapView = lazy(() => import("../map/FleetMapView"));

const STEP = 10 * 60_000; // ms
const nothing: never[] = [];

/** The whole fleet as it was at a moment, and from there on. */
export default function ReplayScreen({ fleet, scheme, query }: { fleet: Fleet; scheme: Scheme; query: URLSearchParams }) {
  const source = useMapSource(fleet);
  const areas = useAreas(fleet);
  const [start] = useState(() => startOf(query, fleet.positions.now()));
  const replayer = useMemo(() => new Replayer(fleet.rest, (id) => fleet.positions.get(id)?.name, () => fleet.positions.now(), start), [fleet, start]);
  const state = useSyncExternalStore(replayer.subscribe, replayer.get);
  const [selected, setSelected] = useState<string | null>(null);
  useEffect(() => {
    replayer.seek(start);
    return () => replayer.stop();
  }, [replayer, start]);

  const { at, playing, speed } = state;
  const zone = zoneNow();
  const span = spanOf(dayOf(at, zone), zone)!;
  const latest = Math.min(span.to - 1, fleet.positions.now());
  const seek = (to: number) => {
    if (Number.isNaN(to)) return;
    replayer.seek(to);
    navigate(`${pathOf("replay")}?at=${encodeURIComponent(new Date(replayer.get().at).toISOString())}`, true);
  };
  return (
    <div className="screen" data-testid="replay-screen">
      <div className="screen-tools">
        <label className="field">
          {t("replay.at")}
          <input type="datetime-local" value={toField(at, zone)} onChange={(event) => event.target.value && seek(fromField(event.target.value, zone))} data-testid="replay-at" />
        </label>
        <span className="actions replay-keys">
          <button className="button icon" aria-label={t("replay.back")} title={t("replay.back")} onClick={() => seek(at - STEP)}>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="m8 3-5 5 5 5m5-10L8 8l5 5" /></svg>
          </button>
          <button className="button primary" onClick={() => replayer.play(!playing)} data-testid="replay-play">
            <svg viewBox="0 0 16 16" aria-hidden="true"><path className="half" d={playing ? "M4.5 3v10M11.5 3v10" : "M4 2.5v11l9-5.5Z"} stroke="currentColor" /></svg>
            {playing ? t("replay.pause") : t("replay.play")}
          </button>
          <button className="button icon" aria-label={t("replay.forth")} title={t("replay.forth")} onClick={() => seek(at + STEP)}>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="m3 3 5 5-5 5m5-10 5 5-5 5" /></svg>
          </button>
        </span>
        <label className="field">
          {t("replay.speed")}
          <select value={speed} onChange={(event) => replayer.setSpeed(Number(event.target.value))} data-testid="replay-speed">
            {speeds.map((times) => <option key={times} value={times}>{t("replay.times", { times })}</option>)}
          </select>
        </label>
        <span className="hint" role="status" data-testid="replay-state" data-count={state.count}>{stateText(state)}</span>
        <span className="grow" />
        <span className="hint">{t("zone", { zone })}</span>
      </div>
      <div className="history-main">
        <div className="stage">
          <p className="replay-note">{t("replay.past")} · <span data-testid="replay-moment">{momentText(at)}</span></p>
          {canDrawMap && source !== undefined ? (
            <Suspense fallback={<div className="map" />}>
              <FleetMapView ref={null} positions={replayer.past} source={source} scheme={scheme} selected={selected} onSelect={setSelected}
                following={false} onFollow={() => {}} trail={nothing} areas={areas} />
            </Suspense>
          ) : (
            !canDrawMap && <p className="nothing">{t("noMap")}</p>
          )}
        </div>
        <div className="timeline">
          <input type="range" className="slider" aria-label={t("replay.slider")} aria-valuetext={momentText(at)} min={span.from} max={Math.max(latest, at)} step={60_000}
            value={at} onChange={(event) => seek(Number(event.target.value))} data-testid="replay-slider" />
          <span className="timeline-ends"><span>{clockText(span.from)}</span><span>{clockText(Math.max(latest, at))}</span></span>
        </div>
      </div>
    </div>
  );
}

function stateText({ count, problem }: ReplayState): string {
  if (problem) {
    if (problem instanceof RefusedError && [404, 405, 501].includes(problem.status)) return t("replay.unsupported");
    return t("replay.failed", { reason: (problem as Error).message });
  }
  if (count === null) return t("replay.loading");
  return count === 0 ? t("replay.nobody") : t("replay.count", { count });
}

/** The moment that the address names, or an hour ago. */
function startOf(query: URLSearchParams, now: number): number {
  const named = Date.parse(query.get("at") ?? "");
  return Number.isNaN(named) || named > now ? now - 3_600_000 : named;
}

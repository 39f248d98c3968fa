import { Suspense, lazy, useEffect, useEffectEvent, useMemo, useState } from "react";

import "../screens.css";
import "./history.css";
import { RefusedError } from "../../api/rest";
import type { Schemas } from "../../api/client";
import type { Scheme } from "../map/basemap";
import { canDrawMap } from "../MapScreen";
import { locale } from "../messages";
import { Positions } from "../positions";
import { navigate, pathOf } from "../route";
import { useMapSource, type Fleet } from "../useFleet";
import { dayOf, spanOf } from "./day";
import { t } from "./messages";

const FleetMapView = lazy(() => import("../map/FleetMapView"));

const TICK = 1_000; // ms
const speeds = [1, 10, 60, 300];
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" });
const nothing: never[] = [];

/** The whole fleet as it was at a moment, and from there on. */
export default function ReplayScreen({ fleet, scheme, query }: { fleet: Fleet; scheme: Scheme; query: URLSearchParams }) {
  const source = useMapSource(fleet);
  const [at, setAt] = useState(() => startOf(query, fleet.positions.now()));
  const [jump, setJump] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(60);
  const [selected, setSelected] = useState<string | null>(null);
  // After a jump everybody is somewhere else, perhaps earlier: a store never goes back in time, so there is a new one.
  // eslint-disable-next-line react-hooks/exhaustive-deps -- jump is what makes it new
  const past = useMemo(() => new Positions(), [jump]);
  const { state, load } = useMoment(fleet, past);
  const span = spanOf(dayOf(new Date(at)))!;
  const latest = Math.min(span.to, fleet.positions.now());

  const seek = (to: number) => {
    setAt(to);
    setJump((n) => n + 1);
    navigate(`${pathOf("replay")}?at=${encodeURIComponent(new Date(to).toISOString())}`, true);
  };
  const first = useEffectEvent(() => load(at));
  useEffect(() => first(), [past]);
  const step = useEffectEvent(() => {
    const next = at + speed * TICK;
    if (next > fleet.positions.now()) return setPlaying(false);
    setAt(next);
    load(next);
  });
  useEffect(() => {
    if (!playing) return;
    const timer = setInterval(step, TICK);
    return () => clearInterval(timer);
  }, [playing]);

  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  return (
    <div className="screen" data-testid="replay-screen">
      <div className="screen-tools">
        <label className="field">
          {t("replay.at")}
          <input type="datetime-local" value={local} onChange={(event) => event.target.value && seek(new Date(event.target.value).getTime())} data-testid="replay-at" />
        </label>
        <button className="button primary" onClick={() => setPlaying(!playing)} data-testid="replay-play">{playing ? t("replay.pause") : t("replay.play")}</button>
        <label className="field">
          {t("replay.speed")}
          <select value={speed} onChange={(event) => setSpeed(Number(event.target.value))}>
            {speeds.map((times) => <option key={times} value={times}>{t("replay.times", { times })}</option>)}
          </select>
        </label>
        <span className="hint" role="status" data-testid="replay-state" data-count={state.count}>
          {state.problem || (state.count === null ? t("replay.loading") : t("replay.count", { count: state.count }))}
        </span>
      </div>
      <div className="history-main">
        <div className="stage">
          <p className="replay-note">{t("replay.past")} · {moment.format(at)}</p>
          {canDrawMap && source !== undefined ? (
            <Suspense fallback={<div className="map" />}>
              <FleetMapView key={jump} ref={null} positions={past} source={source} scheme={scheme} selected={selected} onSelect={setSelected}
                following={false} onFollow={() => {}} trail={nothing} areas={nothing} />
            </Suspense>
          ) : (
            !canDrawMap && <p className="nothing">{t("noMap")}</p>
          )}
        </div>
        <div className="timeline">
          <input type="range" className="slider" aria-label={t("replay.slider")} aria-valuetext={moment.format(at)} min={span.from} max={Math.max(latest, at)} step={60_000}
            value={at} onChange={(event) => seek(Number(event.target.value))} data-testid="replay-slider" />
        </div>
      </div>
    </div>
  );
}

/** Reads moments of the fleet into a store, one at a time: one that is still on its way is not overtaken. */
function useMoment(fleet: Fleet, past: Positions) {
  const [state, setState] = useState<{ count: number | null; problem: string }>({ count: null, problem: "" });
  const reader = useMemo(() => {
    let busy = false;
    let stopped = false;
    const read = async (at: number) => {
      past.clockSkew = at - Date.now();
      if (busy) return;
      busy = true;
      try {
        const { items } = await fleet.rest.call<Schemas["Moment"]>("GET", "/replay", { query: { at: new Date(at).toISOString() } });
        if (stopped) return;
        for (const item of items) put(past, item, fleet.positions.get(item.driver)?.name);
        setState({ count: items.length, problem: "" });
      } catch (error) {
        if (!stopped) setState((before) => ({ ...before, problem: reason(error) }));
      } finally {
        busy = false;
      }
    };
    return { read, stop: () => (stopped = true) };
  }, [fleet, past]);
  useEffect(() => () => void reader.stop(), [reader]);
  return { state, load: (at: number) => void reader.read(at) };
}

function put(past: Positions, p: Schemas["ReplayedItem"], name: string | undefined) {
  const fix = { at: Date.parse(p.fix_at), lat: p.lat, lon: p.lon, speed: p.speed_mps ?? NaN, heading: p.heading_deg ?? NaN };
  past.put({ driver: p.driver, name, fix, seenAt: fix.at });
}

function reason(error: unknown): string {
  if (error instanceof RefusedError && (error.status === 404 || error.status === 405 || error.status === 501)) return t("replay.unsupported");
  return t("replay.failed", { reason: (error as Error).message });
}

/** The moment that the address names, or an hour ago. */
function startOf(query: URLSearchParams, now: number): number {
  const named = Date.parse(query.get("at") ?? "");
  return Number.isNaN(named) || named > now ? now - 3_600_000 : named;
}

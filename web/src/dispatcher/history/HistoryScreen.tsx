import { useQuery } from "@tanstack/react-query";
import { Suspense, lazy, useMemo, useState } from "react";

import "./history.css";
import { RefusedError, part } from "../../api/rest";
import type { Schemas } from "../../api/client";
import type { Track } from "../../api/shapes";
import { ApiError } from "../../mqtt/credentials";
import { ageText } from "../age";
import type { Scheme } from "../map/basemap";
import { canDrawMap } from "../MapScreen";
import { locale } from "../messages";
import { navigate, pathOf } from "../route";
import { summaryOf, type Span, type TrackPoint } from "../track";
import { useMapSource, useSize, type Fleet } from "../useFleet";
import { dayOf, shiftDay, spanOf } from "../wallClock";
import { zoneNow } from "../../i18n/zone";
import { clockText, dayText, secondsText } from "../times";
import { gapsOf, journeyOf, placeAt, type Leg } from "./day";
import { t } from "./messages";
import { SpeedGraph } from "./SpeedGraph";

const TrackMapView = lazy(() => import("../map/TrackMapView"));

const MAX_POINTS = 5_000;
const noPoints: readonly TrackPoint[] = [];
const formats = ["gpx", "geojson", "csv"] as const;
const number = (value: number, digits = 0) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);

/** Where one driver was on one day. */
export default function HistoryScreen({ fleet, scheme, parts }: { fleet: Fleet; scheme: Scheme; parts: readonly string[] }) {
  const zone = zoneNow();
  const today = dayOf(fleet.positions.now(), zone);
  const driver = parts[0] ?? "";
  const day = spanOf(parts[1] ?? "", zone) ? parts[1] : today;
  useSize(fleet.positions);
  const drivers = [...fleet.positions.all()].sort((a, b) => (a.name || a.id).localeCompare(b.name || b.id, undefined, { numeric: true }));
  const go = (toDriver: string, toDay: string) => navigate(toDriver ? pathOf("history", toDriver, toDay) : pathOf("history"), true);

  return (
    <div className="screen" data-testid="history-screen">
      <div className="screen-tools">
        <label className="field">
          {t("driver")}
          <input list="history-drivers" defaultValue={driver} key={driver} autoComplete="off" data-testid="history-driver"
            onChange={(event) => fleet.positions.get(event.target.value) && go(event.target.value, day)}
            onKeyDown={(event) => event.key === "Enter" && go(event.currentTarget.value.trim(), day)} />
          <datalist id="history-drivers">{drivers.slice(0, 2_000).map((d) => <option key={d.id} value={d.id}>{d.name || d.id}</option>)}</datalist>
        </label>
        <span className="day-picker">
          <button className="button icon" aria-label={t("before")} title={t("before")} onClick={() => go(driver, shiftDay(day, -1))}>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="m10 3-5 5 5 5" /></svg>
          </button>
          <label className="field">
            {t("day")}
            <input type="date" value={day} max={today} onChange={(event) => event.target.value && go(driver, event.target.value)} data-testid="history-day" />
          </label>
          <button className="button icon" aria-label={t("after")} title={t("after")} disabled={day >= today} onClick={() => go(driver, shiftDay(day, 1))}>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="m6 3 5 5-5 5" /></svg>
          </button>
        </span>
        <span className="hint"><span data-testid="history-day-text">{dayText(spanOf(day, zone)!.from)}</span> · {t("zone", { zone })}</span>
      </div>
      {driver ? (
        <Day key={`${driver}/${day}/${zone}`} fleet={fleet} scheme={scheme} driver={driver} span={spanOf(day, zone)!} day={day} />
      ) : (
        <div className="nothing" data-testid="history-empty">
          <strong>{t("choose")}</strong>
          <p>{t("chooseHint")}</p>
        </div>
      )}
    </div>
  );
}

function useDay({ rest, name }: Fleet, driver: string, { from, to }: Span) {
  return useQuery({
    queryKey: ["day", name, driver, from, to],
    queryFn: async ({ signal }) => {
      const query = { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
      const [track, trips] = await Promise.all([
        rest.call<Track>("GET", `/drivers/${part(driver)}/track`, { query: { ...query, max_points: MAX_POINTS }, signal }),
        rest.call<Schemas["Trips"]>("GET", `/drivers/${part(driver)}/trips`, { query, signal }),
      ]);
      return {
        journey: journeyOf(trips),
        thinned: track.thinned,
        points: track.points.map((p): TrackPoint => ({ at: Date.parse(p.fix_at), lat: p.lat, lon: p.lon, speed: p.speed_mps ?? NaN })),
        known: track.gaps.map((g) => ({ from: Date.parse(g.from), to: Date.parse(g.to), missing: g.missing })),
      };
    },
    networkMode: "always",
    retry: (count, error) => count < 1 && !(error instanceof ApiError),
  });
}

function Day({ fleet, scheme, driver, span, day }: { fleet: Fleet; scheme: Scheme; driver: string; span: Span; day: string }) {
  const source = useMapSource(fleet);
  const query = useDay(fleet, driver, span);
  const [chosen, setChosen] = useState<number | null>(null);
  const [problem, setProblem] = useState("");
  const [leg, setLeg] = useState<Span | null>(null);
  const { points, gaps, journey, stops } = useMemo(() => {
    const { points, known, journey } = query.data ?? { points: [], known: [], journey: [] };
    return { points, gaps: gapsOf(points, known), journey, stops: journey.flatMap((part) => (part.stopped ? [part.stopped] : [])) };
  }, [query.data]);
  const chosenPart = useMemo(() => (leg ? points.filter((p) => p.at >= leg.from && p.at <= leg.to) : noPoints), [points, leg]);
  const range: Span = points.length > 0 ? { from: points[0].at, to: points[points.length - 1].at } : span;
  const at = chosen ?? range.to;
  const cursor = useMemo(() => placeAt(points, gaps, at), [points, gaps, at]);

  if (query.isPending) return <div className="nothing" role="status">{t("loading")}</div>;
  if (query.isError) {
    const unknown = query.error instanceof ApiError && query.error.status === 404;
    return (
      <div className="nothing" data-testid="history-failed">
        <strong>{unknown ? t("unknown", { driver }) : t("failed")}</strong>
        {!unknown && <button className="button" onClick={() => void query.refetch()}>{t("retry")}</button>}
      </div>
    );
  }
  if (points.length === 0) {
    return (
      <div className="nothing" data-testid="history-none">
        <strong>{t("none")}</strong>
        <p>{t("noneHint", { zone: zoneNow() })}</p>
      </div>
    );
  }

  const save = (format: string) => {
    const query = { from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString(), max_points: 10_000, format };
    fleet.rest.download(`/drivers/${part(driver)}/track`, query, `${driver}-${day}.${format}`)
      .then(() => setProblem(""), (error: unknown) => setProblem(t("export.failed", { reason: error instanceof RefusedError ? error.message : String(error) })));
  };
  const show = ({ from, to, stopped }: Leg) => {
    setChosen(Math.min(range.to, Math.max(range.from, from)));
    setLeg(stopped ? null : { from, to });
  };
  const { metres, topSpeed } = summaryOf(points);
  const length = (s: Span) => ageText(s.to - s.from);
  const told = cursor
    ? t("at", { time: secondsText(at), speed: Number.isNaN(cursor.speed) ? t("speed.none") : t("speed", { kmh: Math.round(cursor.speed * 3.6) }) })
    : t("at.gap", { time: secondsText(at) });
  return (
    <div className="history">
      <div className="history-main">
        <div className="stage">
          {canDrawMap && source !== undefined ? (
            <Suspense fallback={<div className="map" />}>
              <TrackMapView source={source} scheme={scheme} track={points} gaps={gaps} stops={stops} chosen={chosenPart} cursor={cursor} />
            </Suspense>
          ) : (
            !canDrawMap && <p className="nothing">{t("noMap")}</p>
          )}
        </div>
        <div className="timeline">
          <p aria-live="polite" data-testid="history-at">{told}</p>
          <SpeedGraph points={points} gaps={gaps} span={range} at={at} onSeek={(to) => setChosen(Math.min(range.to, Math.max(range.from, to)))} />
          <input type="range" className="slider" aria-label={t("slider")} aria-valuetext={told} min={range.from} max={range.to} step={1_000} value={at}
            onChange={(event) => setChosen(Number(event.target.value))} data-testid="history-slider" />
          <span className="timeline-ends"><span>{clockText(range.from)}</span><span>{clockText(range.to)}</span></span>
        </div>
      </div>
      <aside className="history-side" aria-label={driver}>
        <h2 className="name">{fleet.positions.get(driver)?.name || driver}</h2>
        <p data-testid="history-summary">{t("summary", { distance: number(metres / 1_000, 1), points: number(points.length), speed: Math.round(topSpeed * 3.6) })}</p>
        {query.data.thinned > 0 && <p className="hint">{t("thinned", { count: number(query.data.thinned) })}</p>}
        <h2>{t("trips")}</h2>
        {journey.length === 0 && <p className="hint">{t("trips.none")}</p>}
        <ol className="journey" data-testid="history-trips">
          {journey.map((part) => (
            <li key={part.from} className={part.stopped ? "journey-stop" : "journey-trip"}>
              <button className="link-row" aria-pressed={leg?.from === part.from} onClick={() => show(part)}>
                <strong>{part.stopped ? t("stop", { length: length(part) }) : t("trip", { number: part.number })}</strong>
                <span>
                  {part.stopped
                    ? t("stop.text", { from: clockText(part.from), to: clockText(part.to) })
                    : t("trip.text", { from: clockText(part.from), to: clockText(part.to), distance: number(part.metres / 1_000, 1) })}
                  {!part.stopped && part.ended !== "stop" && ` · ${t(part.ended === "gap" ? "trip.gap" : "trip.goesOn")}`}
                </span>
              </button>
            </li>
          ))}
        </ol>
        {leg && <button className="button small" onClick={() => setLeg(null)}>{t("whole")}</button>}
        <h2>{t("gaps")}</h2>
        {gaps.length === 0 && <p className="hint">{t("gaps.none")}</p>}
        <ul data-testid="history-gaps">
          {gaps.map((g) => (
            <li key={g.from}>
              <button className="link-row" onClick={() => setChosen(g.from)}>
                {t("gap", { from: clockText(g.from), to: clockText(g.to), length: length(g) })}
                {g.missing ? ` · ${t("gap.missing", { count: g.missing })}` : ""}
              </button>
            </li>
          ))}
        </ul>
        <h2>{t("export")}</h2>
        <div className="actions">
          {formats.map((format) => <button key={format} className="button small" onClick={() => save(format)} data-testid={`export-${format}`}>{format === "geojson" ? "GeoJSON" : format.toUpperCase()}</button>)}
        </div>
        {problem && <p className="problem" role="alert">{problem}</p>}
      </aside>
    </div>
  );
}
